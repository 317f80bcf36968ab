//! A list that is signed as an SAE list in CMS as well: in the same ceremony, by the same people, or not at all.

use std::collections::BTreeSet;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use ctl_core::parts::Der;
use ctl_core::role::Role;
use ctl_formats::cms::{SignedData, Trust};
use ctl_formats::rendition::{SAE_CMS, Source};
use ctl_formats::sae::SaeList;
use ctl_governance::draft::SaeCms;
use ctl_governance::statement::body::*;
use ctl_governance::statement::charter::{Charter, SaeCmsCharter};
use ctl_governance::{Reason, Refusal, draft};
use ctl_pki::Certificate;

use crate::common::certificates::{CODE_SIGNING, ca, ca_key, for_key, for_signer, issue, sae_cms};
use crate::common::*;

fn list() -> Role {
    Role::List(na())
}

fn with(sae_cms: Option<SaeCmsCharter>) -> Charter {
    let mut charter = charter();
    charter.lists.get_mut(&na()).unwrap().sae_cms = sae_cms;
    charter
}

/// A scheme whose list, with one root, is signed in CMS.
fn world() -> World {
    let mut world = World::published_with(with(Some(sae_cms())));
    world.admitted("alpha-pki");
    world
}

fn amend(world: &mut World, charter: Charter) -> Result<(), Refusal> {
    let proposal = world.propose("elector-1", Change::AmendCharter { charter: Box::new(charter) })?;
    world.decide(proposal);
    Ok(())
}

/// The file in CMS of what these people sign now.
fn published(world: &mut World, signers: &[&str]) -> (ctl_core::list::ListPayload, Result<String, String>) {
    world.open_draft(&list()).unwrap();
    let record = world.publication(&list(), signers);
    world.say(&["recorder"], record.clone()).unwrap();
    let documents = world.state.published[&list()].documents.clone();
    let document = documents.document.as_deref().unwrap();
    let source = Source::new(&list(), document, &[], &[], &[])
        .with_sae_cms(documents.sae_cms.signatures(&record.sae_cms_signatures));
    let made = SAE_CMS.make(&source);
    let made = made.map(|made| String::from_utf8(made.bytes).unwrap()).map_err(|reason| reason.to_string());
    (serde_json::from_slice(document).unwrap(), made)
}

#[test]
fn what_is_exported_in_cms_is_imported_with_as_many_keys_and_the_same_roots() {
    let mut world = world();
    let (payload, file) = published(&mut world, &["signer-1", "signer-3"]);
    let file = file.unwrap();
    assert!(file.starts_with("-----BEGIN CMS-----"), "{file}");
    let issuers = [Certificate::from_der(&ca("list signing CA").0).unwrap()];
    let signed = SignedData::read(file.as_bytes()).unwrap();
    let verified = signed.verify(Trust::IssuedBy(&issuers), payload.issued_at);
    assert_eq!((verified.keys().len(), verified.refusal()), (2, None));
    assert!(verified.signers.iter().all(|signer| signer.signing_time == Some(payload.issued_at)));
    let roots: BTreeSet<_> = payload.anchors.iter().map(|anchor| anchor.certificate.0.clone()).collect();
    let read = SaeList::from_der(signed.content()).unwrap();
    assert_eq!(read.certificates().map(|one| one.der().to_vec()).collect::<BTreeSet<_>>(), roots);
    assert_eq!(read.validity().not_after(), payload.next_update);

    // The order in which the record has them makes no difference: everybody assembles the same bytes.
    let documents = &world.state.published[&list()].documents;
    let SaeCms::Drafted { attributes, certificates } = &documents.sae_cms else { panic!() };
    assert_eq!(certificates.len(), 3);
    assert_eq!(attributes.0[0], 0x31, "a SET OF");

    // Changed, or by another CA, it is nobody's word.
    let other = [Certificate::from_der(&ca("another CA").0).unwrap()];
    assert_eq!(signed.verify(Trust::IssuedBy(&other), payload.issued_at).keys().len(), 0);
    let lines: String = file.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(lines).unwrap();
    for place in (0..der.len()).step_by(37) {
        let mut changed = der.clone();
        changed[place] ^= 1;
        if let Ok(changed) = SignedData::read(&changed) {
            let keys = changed.verify(Trust::IssuedBy(&issuers), payload.issued_at).keys().len();
            assert!(keys < 2 || changed.content() == signed.content(), "octet {place}");
        }
    }
}

#[test]
fn a_publication_carries_the_cms_with_enough_signatures_or_is_none() {
    let mut world = world();
    world.open_draft(&list()).unwrap();
    let honest = world.publication(&list(), &["signer-1", "signer-2"]);
    let more = world.publication(&list(), &["signer-1", "signer-2", "signer-3"]);
    let change = |change: &dyn Fn(&mut Vec<MetadataSignature>)| {
        let mut record = honest.clone();
        change(&mut record.sae_cms_signatures);
        record
    };
    let few = Reason::TooFewSignatures;
    for (what, expected, record) in [
        ("none: a server leaves the CMS out", few, change(&|all| all.clear())),
        ("one", few, change(&|all| all.truncate(1))),
        ("one twice", few, change(&|all| all[1] = all[0].clone())),
        ("another's", few, change(&|all| all[1].sig = all[0].sig.clone())),
        ("of the metadata, with SHA-256", few, change(&|all| all[1] = honest.metadata_signatures[1].clone())),
        ("repeated", Reason::Draft, change(&|all| all.push(all[0].clone()))),
        ("no hex", Reason::Draft, change(&|all| all[0].sig.push('x'))),
    ] {
        assert_eq!(reason(world.say(&["recorder"], record)), expected, "{what}");
    }
    world.say(&["recorder"], more).expect("one more honest signer is welcome");

    // Where nobody asked for it there is nothing to sign.
    let mut plain = World::published();
    plain.admitted("alpha-pki");
    plain.open_draft(&list()).unwrap();
    let mut record = plain.publication(&list(), &["signer-1", "signer-2"]);
    record.sae_cms_signatures = record.metadata_signatures.clone();
    assert_eq!(reason(plain.say(&["recorder"], record)), Reason::Draft);
    let (_, file) = published(&mut plain, &["signer-1", "signer-2"]);
    assert!(file.unwrap_err().contains("the charter does not have"));
}

#[test]
fn a_charter_that_could_not_be_carried_out_says_what_to_do() {
    let mut world = World::published();
    let id = |name: &str| name.parse().unwrap();
    let changed = |change: &dyn Fn(&mut SaeCmsCharter)| {
        let mut cms = sae_cms();
        change(&mut cms);
        with(Some(cms))
    };
    let replaced = |der: Der| changed(&|cms| drop(cms.signers.insert(id("signer-2"), der.clone())));
    let stranger = for_key("signer-2", &key("board-11").to_pem());
    let another_ca =
        for_signer("signer-2").signed_by("CN=List Signing CA,O=Stories", &ca_key("another CA")).unwrap();
    let client_auth = [0x30, 0x14, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 2];
    let usage = "2.5.29.37";
    for (why, charter) in [
        (
            "signers.signer-3: there is no certificate",
            changed(&|cms| drop(cms.signers.remove(&id("signer-3")))),
        ),
        (
            "signers.board-1: it is no signer",
            changed(&|cms| drop(cms.signers.insert(id("board-1"), cms.ca.clone()))),
        ),
        (
            "sae_cms.ca: the certificate is not one of a CA",
            changed(&|cms| cms.ca = cms.signers[&id("signer-1")].clone()),
        ),
        ("sae_cms.ca: ", changed(&|cms| cms.ca.0.truncate(40))),
        ("signer-2: the certificate is not issued by the CA", replaced(Der(another_ca.der().to_vec()))),
        (
            "signer-2: the certificate is not issued by the CA",
            replaced(Der(for_signer("signer-2").self_signed().unwrap().der().to_vec())),
        ),
        ("signer-2: the certificate is for another key", replaced(issue(stranger))),
        ("signer-2: another signer", replaced(issue(for_signer("signer-2").serial(serial("signer-1"))))),
        (
            "critical and codeSigning alone",
            replaced(issue(for_signer("signer-2").extension(usage, true, &client_auth))),
        ),
        ("critical and codeSigning alone", replaced(issue(for_signer("signer-2").without_extension(usage)))),
        (
            "critical and codeSigning alone",
            replaced(issue(for_signer("signer-2").extension(usage, false, CODE_SIGNING))),
        ),
        ("lacks digitalSignature", replaced(issue(for_signer("signer-2").key_usage(&[1])))),
    ] {
        let refusal = amend(&mut world, charter).unwrap_err();
        assert_eq!(refusal.reason, Reason::Charter, "{why}");
        assert!(refusal.detail.contains(why), "{why}: {refusal}");
    }
    // A signer with an Ed25519 key is told to rotate it.
    let mut charter = with(Some(sae_cms()));
    let list = charter.lists.get_mut(&na()).unwrap();
    list.signers = holders(&["signer-1", "signer-2", "registrar"], 2);
    let cms = list.sae_cms.as_mut().unwrap();
    let der = cms.signers.remove(&id("signer-3")).unwrap();
    cms.signers.insert(id("registrar"), der);
    let refusal = amend(&mut world, charter).unwrap_err();
    assert!(
        refusal.detail.contains("signers.registrar") && refusal.detail.contains("not P-256"),
        "{refusal}"
    );
}

fn serial(name: &str) -> u64 {
    let certificate = Certificate::from_der(&issue(for_signer(name)).0).unwrap();
    certificate.serial().iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

#[test]
fn what_cannot_be_signed_in_cms_leaves_the_list_as_it_is_and_an_amendment_is_a_new_version() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    world.publish_list();
    let due = |world: &World| draft::due_for(&world.state, &list(), world.now).is_some();
    assert!(!due(&world));

    // One certificate ends a day before a list that is drafted soon does.
    let end = world.now.plus_seconds(60 * DAY).unix();
    let mut cms = sae_cms();
    cms.signers.insert("signer-3".parse().unwrap(), issue(for_signer("signer-3").valid(1_577_836_800, end)));
    amend(&mut world, with(Some(cms))).unwrap();
    assert!(due(&world), "the list is signed in another way now");
    let (_, file) = published(&mut world, &["signer-1", "signer-2"]);
    assert!(file.is_ok(), "{file:?}");
    assert!(!due(&world));
    world.advance(35 * DAY);
    let (_, file) = published(&mut world, &["signer-1", "signer-2"]);
    let why = file.unwrap_err();
    assert!(why.contains("signer-3") && why.contains("is not valid from") && why.contains("amend"), "{why}");

    // And the charter can do without it again.
    amend(&mut world, with(None)).unwrap();
    let (_, file) = published(&mut world, &["signer-1", "signer-2"]);
    assert!(file.unwrap_err().contains("the charter does not have"));
}
