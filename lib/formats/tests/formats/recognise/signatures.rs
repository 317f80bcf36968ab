//! A list in CMS counts for what was verified of it; everything else is refused by its name.

use std::num::NonZeroUsize;

use ctl_core::Timestamp;
use ctl_formats::cms::{Trust, assemble, cms_pem, signed_attributes};
use ctl_formats::recognise::{Contents, Demand, Form, Format, ReadError, Signature, read};
use ctl_formats::sae::{SaeExport, SaeList};
use ctl_pki::Certificate;

use super::{certificates, now, plain};
use crate::cms::made::{Made, Signer, code_signer, issuer};
use crate::list;

fn sae() -> Vec<u8> {
    SaeExport::of(&list::mixed()).unwrap().list.to_der()
}

fn signed(content: &[u8], signers: &[&Signer]) -> Vec<u8> {
    let at = now();
    let attributes = signed_attributes(content, at).unwrap();
    let signatures: Vec<_> = signers.iter().map(|signer| signer.sign(&attributes)).collect();
    let pairs = signers.iter().zip(&signatures);
    let pairs: Vec<_> = pairs.map(|(signer, bytes)| (&signer.certificate, bytes.as_slice())).collect();
    assemble(content, at, &pairs).unwrap()
}

fn by(trust: Trust<'_>, needed: usize) -> Demand<'_> {
    Demand::Cms { trust, at: now(), needed: NonZeroUsize::new(needed).unwrap() }
}

fn verified(bytes: &[u8], pinned: &[Certificate], needed: usize) -> Result<Contents, ReadError> {
    read(bytes, Form::Auto, by(Trust::Pinned(pinned), needed), now())
}

#[test]
fn a_list_that_was_exported_in_cms_imports_to_the_same_roots() {
    let signers = [code_signer("one"), code_signer("two")];
    let pinned = signers.each_ref().map(|signer| signer.certificate.clone());
    let der = signed(&sae(), &[&signers[0], &signers[1]]);
    let expected: Vec<_> = SaeList::from_der(&sae()).unwrap().certificates().cloned().collect();
    for bytes in [der.clone(), cms_pem(&der).into_bytes()] {
        let contents = verified(&bytes, &pinned, 2).unwrap();
        assert_eq!((contents.format, certificates(&contents)), (Format::SaeV1, expected.clone()));
        let Signature::Verified { at, signers } = &contents.signature else { panic!("{contents:?}") };
        assert_eq!((*at, signers.len(), signers[0].signing_time), (now(), 2, Some(now())));
        assert!(contents.items.iter().all(|item| !item.unverified));
    }
    let issuers = [issuer().certificate];
    assert!(read(&der, Form::Sae, by(Trust::IssuedBy(&issuers), 2), now()).is_ok());
    // Of k keys fewer are not enough.
    let error = verified(&der, &pinned[..1], 2).unwrap_err();
    assert!(matches!(error, ReadError::NotVerified { valid: 1, needed: 2, .. }), "{error}");
}

#[test]
fn nobody_named_is_a_refusal_that_says_who_signed_and_what_the_choices_are() {
    let signer = code_signer("one");
    let der = signed(&sae(), &[&signer]);
    let error = plain(&der).unwrap_err().to_string();
    for part in ["CN=one", "List Signing CA", "signed-at", "unverified"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    let contents = read(&der, Form::Auto, Demand::Unverified, now()).unwrap();
    assert_eq!(contents.signature, Signature::Unverified);
    assert!(contents.items.iter().all(|item| item.unverified) && !contents.items.is_empty());
}

#[test]
fn each_way_to_tamper_is_refused_by_its_name() {
    let (signer, other) = (code_signer("one"), code_signer("two"));
    let pinned = [signer.certificate.clone()];
    let der = signed(&sae(), &[&signer]);
    assert!(verified(&der, &pinned, 1).is_ok());
    let content = der.windows(sae().len()).position(|window| window == sae()).unwrap();
    let mut tampered = der.clone();
    tampered[content + sae().len() - 1] ^= 1;
    let trailing = [der.as_slice(), &[0]].concat();
    let plain_again = [cms_pem(&der), cms_pem(&der)].concat();
    let without = Made { attributes: None, ..Made::of(&signer) }.der();
    for (bytes, expected) in [
        (tampered, "not what was signed"),
        (der[..der.len() - 5].to_vec(), "cut off"),
        (cms_pem(&der).as_bytes()[..300].to_vec(), "cut off"),
        (trailing, "1 octets follow"),
        (plain_again.into_bytes(), "octets follow"),
        (signed(&sae(), &[&other]), "who is not trusted here"),
        (without, "no signed attributes"),
        (Made { content: None, ..Made::of(&signer) }.der(), "without what they sign"),
        (signed(b"a list", &[&signer]), "none of the formats"),
        (signed(&der, &[&signer]), "a CMS inside a CMS"),
        (sae(), "not signed"),
        (b"{\"rootCertificateCollection\":[]}".to_vec(), "not signed"),
        (list::mixed().anchors[0].certificate.0.clone(), "not signed"),
    ] {
        let error = verified(&bytes, &pinned, 1).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    // Nor does a choice to read what is unverified read what is broken.
    assert!(read(&der[..der.len() - 5], Form::Auto, Demand::Unverified, now()).is_err());
}

#[test]
fn a_signer_whose_certificate_has_ended_counts_at_a_stated_time_and_that_is_said() {
    let signer = code_signer("one");
    let pinned = [signer.certificate.clone()];
    let der = signed(&sae(), &[&signer]);
    let late: Timestamp = Timestamp::from_unix(signer.certificate.not_after()).plus_seconds(86_400);
    let judged = |at| {
        let demand = Demand::Cms { trust: Trust::Pinned(&pinned), at, needed: NonZeroUsize::MIN };
        read(&der, Form::Auto, demand, late)
    };
    let error = judged(late).unwrap_err().to_string();
    assert!(error.contains("certificate ended on"), "{error}");
    let Signature::Verified { signers, .. } = judged(now()).unwrap().signature else { panic!("verified") };
    assert_eq!(signers[0].ended, Some(Timestamp::from_unix(signer.certificate.not_after())));
}

#[test]
fn a_root_json_reads_no_cms_and_a_cms_signer_no_list_of_a_service() {
    let der = signed(&sae(), &[&code_signer("one")]);
    let error = read(&der, Form::Auto, Demand::Root(b"{}"), now()).unwrap_err();
    assert!(matches!(error, ReadError::Unsigned), "{error}");
    let error = verified(b"{\"signatures\":[],\"payload\":\"\"}", &[], 1).unwrap_err();
    assert!(matches!(error, ReadError::Unsigned), "{error}");
    let error = plain(b"{\"signatures\":[],\"payload\":\"\"}").unwrap_err();
    assert!(error.to_string().contains("root-json"), "{error}");
}
