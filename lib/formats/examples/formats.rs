//! Shows what a file of another's format holds, and writes one of each, for comparison with other readers and writers.
//!
//! ```text
//! formats show FILE [--pinned CERTIFICATE]… [--issuer CERTIFICATE]… [--at TIME]
//! formats write DIR
//! ```
//!
//! `show` prints one line of JSON; what is refused is named there under `refused`. A CMS needs `--at` and those who may
//! have signed.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]
#![allow(dead_code, unreachable_pub)]

// The list and the signers that the tests have.
#[path = "../tests/formats/list.rs"]
mod list;
#[path = "../tests/formats/cms/made.rs"]
mod made;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::{env, fs};

use ctl_core::role::Role;
use ctl_core::{Timestamp, json};
use ctl_formats::cms::{SignedData, Trust, assemble, signed_attributes};
use ctl_formats::omission::Selection;
use ctl_formats::rendition::{RENDITIONS, Source};
use ctl_formats::sae::{SaeExport, SaeList};
use ctl_formats::trust_anchors::trust_anchors_from_der;
use ctl_formats::{Pool, PoolCtl, PoolForm, PoolPage, PoolSource, certificates_from_pkcs7, est_body};
use ctl_pki::{Certificate, certificate_from_bytes};
use serde_json::{Value, json};

const CONTENT: &[u8] = b"a list";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["show", file, options @ ..] => println!("{}", show(&fs::read(file)?, options)?),
        ["write", dir] => write(Path::new(dir))?,
        _ => {
            return Err(
                "formats show FILE [--pinned C]… [--issuer C]… [--at TIME], or formats write DIR".into()
            );
        }
    }
    Ok(())
}

/// The name of an error's kind, and its words.
fn refused(error: &impl Error) -> Value {
    let debug = format!("{error:?}");
    let name = debug.split(|letter: char| !letter.is_alphanumeric()).next();
    json!({ "name": name, "words": error.to_string() })
}

fn fingerprints<'a>(certificates: impl IntoIterator<Item = &'a Certificate>) -> Vec<String> {
    certificates.into_iter().map(|one| hex::encode(one.sha256())).collect()
}

fn show(bytes: &[u8], options: &[&str]) -> Result<Value, Box<dyn Error>> {
    let is_pem = bytes.starts_with(b"-----BEGIN ");
    if !is_pem && let Ok(list) = SaeList::from_der(bytes) {
        return Ok(sae(&list));
    }
    if !is_pem && let Ok(anchors) = trust_anchors_from_der(bytes) {
        let shown = anchors.iter().map(|anchor| &anchor.certificate);
        return Ok(json!({ "form": "trust anchors", "certificates": fingerprints(shown) }));
    }
    if let Ok(certificates) = certificates_from_pkcs7(bytes) {
        return Ok(json!({ "form": "pkcs7", "certificates": fingerprints(&certificates) }));
    }
    if let Ok(page) = PoolPage::read(bytes) {
        let items: Vec<_> = page.items.into_iter().flatten().map(|item| item.certificate).collect();
        return Ok(json!({ "form": "pool", "certificates": fingerprints(&items) }));
    }
    match SignedData::read(bytes) {
        Ok(message) => cms(&message, options),
        Err(error) => Ok(json!({ "refused": refused(&error) })),
    }
}

fn sae(list: &SaeList) -> Value {
    let validity = [list.validity().not_before(), list.validity().not_after()].map(|time| time.to_string());
    match list {
        SaeList::V0(list) => json!({
            "form": "sae v0", "number": list.number, "validity": validity,
            "certificates": fingerprints(&list.certificates),
        }),
        SaeList::V1(list) => json!({
            "form": "sae v1", "version": list.version, "sequence": list.sequence, "validity": validity,
            "entries": list.entries.iter().map(|entry| json!([
                entry.kind.as_str(), entry.status.as_str(), hex::encode(entry.certificate.sha256())
            ])).collect::<Vec<_>>(),
        }),
    }
}

fn cms(message: &SignedData, options: &[&str]) -> Result<Value, Box<dyn Error>> {
    let values =
        |name: &'static str| options.chunks_exact(2).filter(move |pair| pair[0] == name).map(|pair| pair[1]);
    let certificates = |name: &'static str| -> Result<Vec<Certificate>, Box<dyn Error>> {
        values(name).map(|file| Ok(certificate_from_bytes(&fs::read(file)?)?)).collect()
    };
    let (pinned, issuers) = (certificates("--pinned")?, certificates("--issuer")?);
    let at: Timestamp = values("--at").next().ok_or("a CMS needs --at")?.parse()?;
    let trust = if issuers.is_empty() { Trust::Pinned(&pinned) } else { Trust::IssuedBy(&issuers) };
    let verification = message.verify(trust, at);
    let signers: Vec<Value> = verification
        .signers
        .iter()
        .map(|signer| {
            json!({
                "subject": signer.certificate.as_ref().map(Certificate::subject),
                "signing_time": signer.signing_time,
                "ended": signer.ended_before(Timestamp::MAX),
                "refused": signer.refusal.as_ref().map(refused),
            })
        })
        .collect();
    let content =
        SaeList::from_der(message.content()).map_or_else(|error| refused(&error), |list| sae(&list));
    Ok(json!({ "form": "cms", "keys": verification.keys().len(), "signers": signers, "content": content }))
}

/// One of each, of one list.
fn write(dir: &Path) -> Result<(), Box<dyn Error>> {
    fs::create_dir_all(dir)?;
    let file = |name: &str| -> PathBuf { dir.join(name) };
    let list = list::mixed();
    let export = SaeExport::of(&list)?;
    let told: String = export.omissions.iter().map(|omission| format!("{omission}\n")).collect();
    fs::write(file("omissions.txt"), told)?;
    let content = export.list.to_der();
    let signed = signed_attributes(&content, list.issued_at)?;
    fs::write(file("attributes.der"), &signed)?;
    let signers = ["one", "two", "three"].map(made::code_signer);
    let signatures = signers.each_ref().map(|signer| signer.sign(&signed));
    let pairs: Vec<_> = signers
        .iter()
        .zip(&signatures)
        .map(|(signer, bytes)| (&signer.certificate, bytes.as_slice()))
        .collect();
    let cms = assemble(&content, list.issued_at, &pairs)?;
    // What is published, as the server makes it.
    let owned = signers.iter().zip(&signatures).map(|(one, bytes)| (one.certificate.clone(), bytes.clone()));
    let (role, document) = (Role::List(list.list.clone()), json::canonical(&list));
    let source = Source::new(&role, &document, &[], &[], &[]).with_sae_cms(Ok(owned.collect()));
    for rendition in RENDITIONS.iter().filter(|rendition| rendition.lists_only) {
        fs::write(file(&format!("ctl.{}", rendition.suffix)), rendition.make(&source)?.bytes)?;
    }
    fs::write(file("sae.cms.der"), &cms)?;
    for (name, signer) in ["one", "two", "three"].iter().zip(&signers) {
        fs::write(file(&format!("{name}.pem")), signer.certificate.to_pem())?;
    }
    fs::write(file("issuer.pem"), made::issuer().certificate.to_pem())?;
    let selection = Selection::all(&list);
    fs::write(file("est.txt"), est_body(selection.certificates())?)?;
    for (name, form) in [("opcp", PoolForm::Opcp), ("opnc", PoolForm::Opnc)] {
        let pool = Pool::of(&[PoolSource { list: &list, ctl: PoolCtl::American }], form);
        fs::write(file(&format!("{name}.json")), pool.collection(&pool.entries, None))?;
        fs::write(file(&format!("{name}-one.json")), pool.entries[0].answer())?;
    }
    Ok(())
}
