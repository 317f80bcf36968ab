//! Who can charge where, as it is served, computed again. The server answers after a publication and when a day begins,
//! with the notices and sub-CAs that the log has at that moment.

use ctl_core::list::{ListPayload, MAX_PAYLOAD};
use ctl_core::parts::Purpose;
use ctl_core::paths::INTEROP;
use ctl_core::role::Role;
use ctl_core::{Digest, Timestamp, json};
use ctl_governance::State;
use ctl_reach::document::{Subject, document};
use ctl_reach::{Network, both_standards, svg};
use serde::Deserialize;

use super::Publication;
use super::served::Comparer;
use crate::AdminError;

/// A document or picture is at most so many bytes.
const MAX: usize = 16 * 1024 * 1024;
/// So many moments of the log are tried, the latest first.
const MAX_MOMENTS: usize = 64;

/// For which moment the served document says that it is right.
#[derive(Deserialize)]
struct Dated {
    as_of: Timestamp,
}

impl Comparer<'_> {
    /// The answers and their picture must be those of the latest version, at a moment of the log since.
    pub(super) async fn reach(
        &mut self,
        publication: &Publication,
        changes: &[u64],
    ) -> Result<(), AdminError> {
        let (Role::List(list), Some(bytes)) = (&publication.role, &publication.documents.document) else {
            return Ok(());
        };
        let path = INTEROP.of(&[list]);
        let picture = format!("{path}.svg");
        let transport = self.session.transport();
        let (served, drawn) = match (transport.get(&path, MAX).await?, transport.get(&picture, MAX).await?) {
            (Some(served), Some(drawn)) => (served, drawn),
            (None, None) => {
                let note =
                    format!("not compared: {} is not served here, or not yet", transport.address(&path));
                self.result.notes.push(note);
                return Ok(());
            }
            (None, Some(_)) => {
                self.differ(&path, "is missing");
                return Ok(());
            }
            (Some(_), None) => {
                self.differ(&picture, "is missing");
                return Ok(());
            }
        };
        self.result.files += 2;
        let as_of = match serde_json::from_slice::<Dated>(&served) {
            Ok(dated) => dated.as_of,
            Err(error) => {
                self.differ(&path, error);
                return Ok(());
            }
        };
        let payload: ListPayload = json::read(bytes, MAX_PAYLOAD)
            .map_err(|e| AdminError::Untrue(format!("entry {}: {e}", publication.index)))?;
        if as_of < payload.issued_at || as_of > self.session.now().max(payload.issued_at) {
            self.differ(&path, format_args!("is for {as_of}, which is no time of this version"));
        }
        let subject = Subject { list: list.clone(), sequence: payload.sequence, sha256: Digest::of(bytes) };
        let mut moments: Vec<u64> =
            changes.iter().copied().filter(|size| *size > publication.index).collect();
        moments.extend([publication.index + 1, self.replayed.size()]);
        moments.sort_unstable();
        moments.dedup();
        let earlier = moments.len().saturating_sub(MAX_MOMENTS);
        let moments = moments.get(earlier..).unwrap_or_default();
        let (mut same, mut same_picture) = (false, false);
        let mut seen = Vec::new();
        self.replayed.prefixes(moments, |_, state| {
            let inputs = inputs(state);
            if same || seen.contains(&inputs) {
                return;
            }
            let network = Network::of_list(&payload)
                .suspend(state.suspended_keys())
                .disclose(state.disclosed_sub_cas());
            let matrices = both_standards(network, Purpose::V2g, as_of);
            same = document(&subject, &matrices) == served;
            same_picture = same && svg::svg(&subject, &matrices) == drawn;
            seen.push(inputs);
        })?;
        match (same, same_picture) {
            (true, true) => {}
            (true, false) => self.differ(&picture, "is not the picture of what is served beside it"),
            (false, _) if earlier > 0 => {
                let address = self.session.transport().address(&path);
                let note = format!("not compared: {address} may be of one of the {earlier} moments before");
                self.result.notes.push(note);
            }
            (false, _) => {
                self.differ(&path, "is not what follows from the log at any moment since this version")
            }
        }
        Ok(())
    }
}

/// What of a state the answers depend on, beside the list.
fn inputs(state: &State) -> (Vec<Digest>, Vec<Digest>) {
    (state.suspended_keys().collect(), state.disclosed_sub_cas().map(|one| one.fingerprint).collect())
}
