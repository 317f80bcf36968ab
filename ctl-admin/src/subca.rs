//! Sub-CAs below listed anchors.

use std::path::PathBuf;

use ctl_core::Digest;
use ctl_core::names::ListId;
use ctl_core::statement::body::{SubcaDisclose, SubcaRevoke};
use ctl_core::statement::parts::{Der, WithdrawalReason};

use crate::application::read_certificate;
use crate::compose::{self, Signing, Submission};
use crate::{AdminError, Session};

/// Discloses a sub-CA.
#[derive(Clone, Debug)]
pub struct Disclose {
    /// Its certificate's file, PEM or DER.
    pub certificate: PathBuf,
    /// Fingerprint of the anchor or disclosed sub-CA that issued it.
    pub issuer: Digest,
    /// The list that the anchor is on.
    pub list: ListId,
}

impl Disclose {
    /// Does it.
    ///
    /// # Errors
    /// The certificate cannot be used, or refused.
    pub async fn run(&self, session: &mut Session, signing: &Signing) -> Result<Submission, AdminError> {
        let certificate = Der(read_certificate(&self.certificate)?.der().to_vec());
        session.sync().await?;
        let body = SubcaDisclose { certificate, issuer: self.issuer, list: self.list.clone() };
        compose::state(session, signing, body, Vec::new()).await
    }
}

/// Says that a sub-CA was revoked.
#[derive(Clone, Copy, Debug)]
pub struct Revoke {
    /// Fingerprint of its certificate.
    pub certificate: Digest,
    /// Why.
    pub reason: WithdrawalReason,
}

impl Revoke {
    /// Does it.
    ///
    /// # Errors
    /// Refused.
    pub async fn run(&self, session: &mut Session, signing: &Signing) -> Result<Submission, AdminError> {
        session.sync().await?;
        let body = SubcaRevoke { certificate: self.certificate, reason: self.reason };
        compose::state(session, signing, body, Vec::new()).await
    }
}
