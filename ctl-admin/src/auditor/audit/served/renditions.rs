//! The latest versions in every form in which they are served.

use ctl_core::jws::Signature;
use ctl_core::list::MAX_PAYLOAD;
use ctl_core::list::offline::{MAX_FILE, verify_offline};
use ctl_core::paths;
use ctl_core::role::Role;
use ctl_core::tuf::{Limits, walk_root_chain};
use ctl_formats::rendition::{NotMade, Rendition, Source};

use super::super::{Publication, document};
use super::Comparer;
use crate::AdminError;

/// The board's files, which devices find inside the signed renditions.
#[derive(Default)]
pub(super) struct Chain {
    trusted: Vec<u8>,
    roots: Vec<Vec<u8>>,
    targets: Option<Vec<u8>>,
}

/// A rendition, or why the list has none in this form.
type Made = (&'static Rendition, Result<Vec<u8>, NotMade>);

impl Chain {
    /// The renditions as they follow from the log; none if what the log records cannot be read.
    fn renditions(&self, publication: &Publication, document: &[u8]) -> Option<Vec<Made>> {
        let recorded = publication.record.document_signatures.iter().enumerate();
        let signatures: Vec<Signature> = recorded
            .map(|(number, raw)| {
                let value = serde_json::json!({ "protected": raw.protected, "signature": raw.signature });
                Signature::from_value(value, number).ok()
            })
            .collect::<Option<_>>()?;
        let roots: Vec<&[u8]> = self.roots.iter().map(Vec::as_slice).collect();
        let targets = self.targets.as_deref().unwrap_or_default();
        let sae_cms = publication.documents.sae_cms.signatures(&publication.record.sae_cms_signatures);
        let source = Source::new(&publication.role, document, &signatures, &roots, targets);
        let source = source.with_sae_cms(sae_cms);
        let made =
            |rendition: &'static Rendition| (rendition, rendition.make(&source).map(|made| made.bytes));
        Some(Rendition::of(&publication.role).map(made).collect())
    }
}

impl Comparer<'_> {
    /// The roots must lead on from the one at hand, or from the first of the log.
    pub(super) async fn chain(
        &mut self,
        publications: &[Publication],
        trusted: Option<Vec<u8>>,
    ) -> Result<Chain, AdminError> {
        let limits = Limits::default();
        let mut chain = Chain::default();
        for publication in publications {
            let path = paths::metadata(publication.version, &publication.role);
            // Missing or wrong ones have been reported by `version`.
            match publication.role {
                Role::Root => chain.roots.extend(self.session.transport().get(&path, limits.root).await?),
                Role::Targets => chain.targets = self.session.transport().get(&path, limits.targets).await?,
                _ => {}
            }
        }
        chain.trusted = trusted.or_else(|| chain.roots.first().cloned()).unwrap_or_default();
        if let Err(error) = walk_root_chain(&chain.trusted, &chain.roots, &limits) {
            let problem = format!("the roots do not lead on from the trusted one: {error}");
            self.differ(paths::METADATA.start(), problem);
        }
        Ok(chain)
    }

    /// The latest version in every form in which it is served.
    pub(super) async fn renditions(
        &mut self,
        publication: &Publication,
        chain: &Chain,
    ) -> Result<(), AdminError> {
        let role = &publication.role;
        let (Some(document), Some(name), Some(folder)) =
            (document(publication), role.target_name(), role.folder())
        else {
            return Ok(());
        };
        self.same(&paths::TARGET.of(&[&name]), document, MAX_PAYLOAD).await?;
        self.proof(&format!("{folder}/tlog-proof"), publication).await?;
        let Some(renditions) = chain.renditions(publication, document) else {
            self.differ(folder.as_str(), "the signatures that the log records cannot be read");
            return Ok(());
        };
        for (rendition, expected) in renditions {
            let Some(path) = rendition.path(role) else { continue };
            match expected {
                Ok(expected) if rendition.is_signed => {
                    self.signed_rendition(&path, publication, chain, expected).await?;
                }
                Ok(expected) => self.same(&path, &expected, MAX_PAYLOAD).await?,
                Err(reason) => self.absent(&path, &reason).await?,
            }
        }
        Ok(())
    }

    /// A rendition that this version does not have must be gone: what is served would be another version's.
    async fn absent(&mut self, path: &str, reason: &NotMade) -> Result<(), AdminError> {
        if self.session.transport().get(path, MAX_FILE).await?.is_some() {
            self.differ(path, format_args!("is served, though this version has no such form: {reason}"));
        }
        Ok(())
    }

    /// A rendition that carries its signatures must verify as devices do it.
    async fn signed_rendition(
        &mut self,
        path: &str,
        publication: &Publication,
        chain: &Chain,
        expected: Vec<u8>,
    ) -> Result<(), AdminError> {
        let Some(found) = self.file(path, MAX_FILE).await? else { return Ok(()) };
        match verify_offline(&chain.trusted, &found, Some(&publication.role), None) {
            Err(error) => self.differ(path, error),
            Ok(verified) if Some(&*verified.payload) != document(publication).map(|document| &**document) => {
                self.differ(path, "signs another payload than the version published last");
            }
            // It verifies; it must also say nothing else than what the log records.
            Ok(_) if expected != found => {
                self.differ(path, "carries other signatures or other metadata than the log records");
            }
            Ok(_) => {}
        }
        Ok(())
    }
}
