//! How a certificate stands in a scheme. Pure.

use std::fmt;

use ctl_core::Digest;
use ctl_core::Timestamp;
use ctl_core::names::{ListId, ParticipantId};
use ctl_core::parts::{AnchorStatus, DistrustKind, Distrusted};
use ctl_governance::State;
use ctl_governance::application::Stage;
use ctl_governance::state::Listed;
use ctl_pki::Certificate;
use serde::Serialize;

/// One thing that a scheme knows of a certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "is")]
pub enum Standing {
    /// It stands on a list, or stood there: the status says which.
    Listed { list: ListId, status: AnchorStatus },
    /// It stands on a list as a cross-certificate, or stood there.
    CrossCertificate { list: ListId, status: AnchorStatus },
    /// Another certificate with its key stands on a list.
    SameKey { list: ListId, fingerprint: Digest, status: AnchorStatus },
    /// It was disclosed as a sub-CA.
    SubCa { operator: ParticipantId, revoked: bool },
    /// Somebody applied with it.
    Applied { list: ListId, application: u64, stage: Stage },
    /// It must not be used on any path of this list.
    Distrusted { list: ListId, what: DistrustKind },
}

impl Standing {
    /// Whether it is an application that has not ended.
    pub(super) const fn is_open_application(&self) -> bool {
        let Self::Applied { stage, .. } = self else { return false };
        !matches!(stage, Stage::Accepted | Stage::Rejected | Stage::Withdrawn)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Listed { list, status } => write!(f, "listed on {list}: {status}"),
            Self::CrossCertificate { list, status } => write!(f, "cross-certificate on {list}: {status}"),
            Self::SameKey { list, fingerprint, status } => {
                write!(f, "another certificate with its key, {}, is on {list}: {status}", fingerprint.short())
            }
            Self::SubCa { operator, revoked: false } => write!(f, "disclosed as a sub-CA by {operator}"),
            Self::SubCa { operator, revoked: true } => write!(f, "a REVOKED sub-CA of {operator}"),
            Self::Applied { list, application, stage } if self.is_open_application() => {
                write!(f, "applied for {list}: application {application}, {}", word(stage))
            }
            Self::Applied { list, application, stage } => {
                write!(f, "application {application} for {list} was {}", word(stage))
            }
            Self::Distrusted { list, what: DistrustKind::Certificate } => write!(f, "DISTRUSTED on {list}"),
            Self::Distrusted { list, what: DistrustKind::Spki } => {
                write!(f, "DISTRUSTED on {list}: its key is")
            }
        }
    }
}

/// A unit variant's name in JSON.
fn word(stage: &Stage) -> String {
    serde_json::to_value(stage).ok().and_then(|v| v.as_str().map(str::to_owned)).unwrap_or_default()
}

/// All that a scheme knows of a certificate on these lists, at this moment; nothing, if it is unknown.
pub(super) fn standing(
    state: &State,
    lists: &[ListId],
    certificate: &Certificate,
    now: Timestamp,
) -> Vec<Standing> {
    let fingerprint = Digest::from_bytes(certificate.sha256());
    let spki = Digest::from_bytes(certificate.spki_sha256());
    let status = |listed: &Listed| state.effective_status(listed).status;
    let mut all = Vec::new();
    for list in lists {
        let Some(contents) = state.lists.get(list) else { continue };
        let list = || list.clone();
        let distrusted = |kind, sha256| contents.distrusted.contains_key(&Distrusted { kind, sha256 });
        let mut key_is_distrusted = distrusted(DistrustKind::Spki, spki);
        for anchor in contents.anchors.values().map(|anchor| &anchor.listed) {
            if anchor.spki != spki {
                continue;
            }
            let status = status(anchor);
            key_is_distrusted |= status.is_distrusted();
            all.push(match anchor.fingerprint == fingerprint {
                true => Standing::Listed { list: list(), status },
                false => Standing::SameKey { list: list(), fingerprint: anchor.fingerprint, status },
            });
        }
        if let Some(cross) = contents.cross_certificates.get(&fingerprint) {
            all.push(Standing::CrossCertificate { list: list(), status: status(&cross.listed) });
        }
        if distrusted(DistrustKind::Certificate, fingerprint) {
            all.push(Standing::Distrusted { list: list(), what: DistrustKind::Certificate });
        }
        if key_is_distrusted {
            all.push(Standing::Distrusted { list: list(), what: DistrustKind::Spki });
        }
    }
    if let Some(sub_ca) = state.sub_cas.get(&fingerprint) {
        let (operator, revoked) = (sub_ca.operator.clone(), sub_ca.revoked.is_some());
        all.push(Standing::SubCa { operator, revoked });
    }
    // What was accepted stands on the list, with all that came of it since.
    let applications = state
        .applications
        .values()
        .filter(|application| application.fingerprint == fingerprint && lists.contains(&application.list));
    all.extend(applications.filter_map(|application| {
        let stage = application.stage(now, state.discussion_seconds(&application.list));
        let (list, application) = (application.list.clone(), application.index);
        (stage != Stage::Accepted).then_some(Standing::Applied { list, application, stage })
    }));
    all
}
