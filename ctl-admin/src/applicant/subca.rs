//! Sub-CAs below listed anchors.

use std::path::PathBuf;

use clap::Args;
use ctl_core::names::ListId;
use ctl_core::parts::{Der, WithdrawalReason};
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_governance::statement::body::{SubcaDisclose, SubcaRevoke};
use ctl_replica::Replica;
use serde::Serialize;

use crate::AdminError;
use crate::applicant::application::read_certificate;
use crate::arguments::word;
use crate::output::{Render, section};
use crate::screening::{self, Policies};
use crate::signing::{self, Ask, Said, Say, Signing};

/// Discloses a sub-CA.
#[derive(Args, Clone, Debug)]
pub struct Disclose {
    /// Its certificate, PEM or DER
    pub certificate: PathBuf,
    /// Fingerprint of the anchor or disclosed sub-CA that issued it
    #[arg(long, value_name = "SHA-256")]
    pub issuer: Digest,
}

/// A sub-CA, ready to be disclosed, with what the policies of the lists that its root is on find about it.
#[derive(Clone, Debug, Serialize)]
pub struct Prepared {
    /// The lists.
    pub lists: Vec<ListId>,
    /// The certificate's subject.
    pub subject: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    /// What the policy finds, in lines; none is good.
    pub findings: Vec<String>,
    #[serde(skip)]
    body: SubcaDisclose,
}

impl Render for Prepared {
    fn text(&self) -> String {
        let lists: Vec<&str> = self.lists.iter().map(ListId::as_str).collect();
        let head = format!(
            "{}\nSHA-256 {}\nissued by {}\nfor every list with its root: {}\n",
            self.subject,
            self.fingerprint,
            self.body.issuer,
            lists.join(", ")
        );
        if self.findings.is_empty() {
            return head + "screening by the lists' policies finds nothing\n";
        }
        head + &section("screening by the lists' policies finds:", &self.findings)
    }
}

impl Ask for Disclose {
    type Prepared = Prepared;

    /// Screens it here. Nobody votes on sub-CAs, so what is found is for its operator to know.
    async fn prepare(&self, session: &mut Replica, _: &Signing) -> Result<Prepared, AdminError> {
        let now = session.now();
        let state = session.sync().await?.at(now).into_owned();
        let mut policies = Policies::with(&[] as &[PathBuf])?;
        let Some(root) = state.root_above(&self.issuer) else {
            let problem = format!("{} is no anchor of a list and no disclosed sub-CA", self.issuer);
            return Err(AdminError::input("--issuer", problem));
        };
        let lists: Vec<ListId> = state.anchors_of(&root).map(|(list, _)| list.clone()).collect();
        let certificate = read_certificate(&self.certificate)?;
        let der = certificate.der();
        let mut findings = Vec::new();
        for list in &lists {
            if let Some(charter) = state.charter.lists.get(list) {
                policies.obtain(session.transport(), &charter.policy).await?;
            }
            let found = screening::screen_sub_ca(&state, list, der, &self.issuer, &policies, now)?;
            findings.extend(found.iter().map(|finding| format!("{list}: {}", screening::line(finding))));
        }
        Ok(Prepared {
            subject: certificate.subject().to_owned(),
            fingerprint: Digest::from_bytes(certificate.sha256()),
            findings,
            body: SubcaDisclose { certificate: Der(der.to_vec()), issuer: self.issuer },
            lists,
        })
    }
}

impl signing::Prepared for Prepared {
    const QUESTION: &'static str = "Disclose it?";

    fn said(self) -> Result<Said, AdminError> {
        Ok((self.body.into(), Vec::new()))
    }
}

/// Says that a sub-CA was revoked.
#[derive(Args, Clone, Copy, Debug)]
pub struct Revoke {
    /// Fingerprint of its certificate
    pub certificate: Digest,
    /// Why
    #[arg(long, value_parser = word::<WithdrawalReason>)]
    pub reason: WithdrawalReason,
}

impl Say for Revoke {
    fn said(&self, _: &State, _: Timestamp, _: &Signing) -> Result<Said, AdminError> {
        Ok((SubcaRevoke { certificate: self.certificate, reason: self.reason }.into(), Vec::new()))
    }
}
