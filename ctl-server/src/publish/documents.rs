//! The files of a publication: TUF metadata and target, renditions, and the proof of inclusion in the log.

use std::sync::Arc;

use bytes::Bytes;
use ctl_core::jws::Signature;
use ctl_core::paths::{self, METADATA, TARGET};
use ctl_core::role::Role;
use ctl_core::{Digest, json};
use ctl_formats::rendition::{Made, Rendition, Source};
use ctl_governance::statement::body::MetadataSignature;
use serde_json::{Value, json};

use super::PublishError;
use super::edition::Edition;
use super::prepared::{Caching, ContentType, Prepared};
use super::replay::Publication;

/// What a device needs in addition to a document's payload and signatures: the metadata that says who signs.
#[derive(Debug, Default)]
pub struct Chain {
    /// Every root file from the first.
    pub roots: Vec<Bytes>,
    /// The top-level targets file, which delegates.
    pub targets: Option<Bytes>,
}

/// The file of a role's metadata.
///
/// # Errors
/// [`PublishError::Metadata`] if the signed bytes are not what [`json::olpc`] writes.
pub fn metadata_file(publication: &Publication) -> Result<Vec<u8>, PublishError> {
    let signed = json::parse_olpc(&publication.documents.metadata, usize::MAX).map_err(|error| {
        PublishError::Metadata { role: publication.role().to_string(), error: error.to_string() }
    })?;
    let signature =
        |MetadataSignature { keyid, sig }: &MetadataSignature| json!({ "keyid": keyid, "sig": sig });
    let signatures: Vec<Value> = publication.record.metadata_signatures.iter().map(signature).collect();
    Ok(json::canonical(&json!({ "signatures": signatures, "signed": signed })))
}

/// Adds the files of a new version that never change, and retires those of the previous version.
///
/// # Errors
/// [`PublishError`] if the metadata cannot be written as a file.
pub fn publish(
    edition: &mut Edition,
    publication: &Publication,
    before: Option<&Publication>,
    proof: &str,
) -> Result<Bytes, PublishError> {
    let role = publication.role();
    let metadata = Bytes::from(metadata_file(publication)?);
    let path = paths::metadata(publication.open.version, role);
    let mut file = Prepared::plain(metadata.clone(), ContentType::Json, Caching::Immutable);
    if edition.next_version(&format!("metadata of {role}"), &metadata) {
        file = file.dictionary_for(&format!("/{}", METADATA.of(&[&format_args!("*.{role}.json")])));
    }
    edition.put(&path, Arc::new(file));
    // Whoever begins with an old root.json may still ask for it; memory holds the newest alone.
    if let Some(before) = before.filter(|before| before.open.version != publication.open.version) {
        edition.retire(&paths::metadata(before.open.version, role), ContentType::Json);
    }
    let (Some(folder), Some(document), Some(digest), Some(target)) =
        (role.folder(), &publication.documents.document, publication.digest, role.target_name())
    else {
        return Ok(metadata);
    };
    let sequence = publication.open.sequence.unwrap_or(publication.open.version);
    let bytes = Bytes::copy_from_slice(document);
    let differs = edition.next_version(&target, &bytes);
    let payload = Prepared::plain(bytes, ContentType::Json, Caching::Immutable);
    // Each version has a path of its own, so the pattern is what tells that they belong together.
    let payload_for = |pattern: String| {
        let payload = payload.clone();
        Arc::new(if differs { payload.dictionary_for(&pattern) } else { payload })
    };
    edition.put(
        &TARGET.of(&[&format_args!("{digest}.{target}")]),
        payload_for(format!("/{}", TARGET.of(&[&format_args!("*.{target}")]))),
    );
    edition.put(&TARGET.of(&[&target]), Arc::new(payload.cached(Caching::Latest)));
    if let Role::List(_) = role {
        edition.put(&format!("{folder}/versions/{sequence}"), payload_for(format!("/{folder}/versions/*")));
    }
    let proof = Prepared::plain(proof.to_owned(), ContentType::Text, Caching::Immutable);
    edition.put(&format!("{folder}/tlog-proof"), Arc::new(proof.cached(Caching::Latest)));
    edition.put(&format!("{folder}/versions/{sequence}.tlog-proof"), Arc::new(proof));
    if let Some(before) = before.filter(|before| before.digest != publication.digest) {
        retire(edition, before, &folder, &target);
    }
    Ok(metadata)
}

fn retire(edition: &mut Edition, before: &Publication, folder: &str, target: &str) {
    let sequence = before.open.sequence.unwrap_or(before.open.version);
    if let Some(digest) = before.digest {
        edition.retire(&TARGET.of(&[&format_args!("{digest}.{target}")]), ContentType::Json);
    }
    edition.retire(&format!("{folder}/versions/{sequence}"), ContentType::Json);
    edition.retire(&format!("{folder}/versions/{sequence}.tlog-proof"), ContentType::Text);
}

/// Adds the renditions of a role's latest version, which carry the board's metadata, and says of each what it leaves out.
/// One that this version does not have takes the one of an older version away.
///
/// # Errors
/// [`PublishError`] if what was recorded cannot be read.
pub fn render(edition: &mut Edition, latest: &Publication, chain: &Chain) -> Result<(), PublishError> {
    let Some(document) = &latest.documents.document else { return Ok(()) };
    let unreadable = |error: String| PublishError::Metadata { role: latest.role().to_string(), error };
    let signatures = latest.record.document_signatures.iter().enumerate().map(|(index, signature)| {
        let value = json!({ "protected": signature.protected, "signature": signature.signature });
        Signature::from_value(value, index).map_err(|error| unreadable(error.to_string()))
    });
    let signatures = signatures.collect::<Result<Vec<_>, _>>()?;
    let roots: Vec<&[u8]> = chain.roots.iter().map(|root| &**root).collect();
    let targets = chain.targets.as_deref().unwrap_or_default();
    let role = latest.role();
    let sae_cms = latest.documents.sae_cms.signatures(&latest.record.sae_cms_signatures);
    let source = Source::new(role, document, &signatures, &roots, targets).with_sae_cms(sae_cms);
    let mut described = Vec::new();
    for rendition in Rendition::of(role) {
        let Some(path) = rendition.path(role) else { continue };
        let media_type = rendition.media_type;
        match rendition.make(&source) {
            Ok(Made { bytes, omissions }) => {
                let omissions: Vec<String> = omissions.iter().map(ToString::to_string).collect();
                described.push(json!({
                    "path": format!("/{path}"),
                    "media_type": media_type,
                    "sha256": Digest::of(&bytes),
                    "omissions": omissions,
                }));
                edition.put_bytes(&path, bytes, ContentType::Rendition(media_type), Caching::Latest);
            }
            Err(reason) => {
                described.push(json!({
                    "path": format!("/{path}"),
                    "media_type": media_type,
                    "absent": reason.to_string(),
                }));
                edition.take(&path);
            }
        }
    }
    edition.site.describe(role, described.into());
    Ok(())
}
