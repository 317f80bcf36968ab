//! What CRLs and OCSP responses that somebody brings say of each certificate of a chain.
//!
//! What was brought about a certificate and does not tell (stale, not signed by its issuer, of a kind that is not read
//! here) is not taken for silence: whoever brought it wanted it to be heard.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::{Arc, PoisonError};

use ctl_core::Timestamp;
use ctl_pki::Certificate;
use ctl_pki::crl::{self, Crl};
use ctl_pki::ocsp::{self, MAX_OCSP_SIZE, OcspResponse, Question};
use ctl_pki::revocation::Outcome;
use serde::Serialize;

use super::reason::{Code, Reason};
use crate::files;

/// A CRL is at most so many bytes.
const MAX_CRL: usize = 64 * 1024 * 1024;
/// Of so many issuers it is remembered whether they signed the CRLs.
const MAX_REMEMBERED: usize = 64;

ctl_pki::words! {
    /// Whether a certificate is revoked.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Standing by name {
        /// Proven not revoked.
        Good => "good",
        /// Proven revoked.
        Revoked => "revoked",
        /// What was brought does not tell.
        Unknown => "unknown",
        /// Nothing was brought about it.
        NotAsked => "not-asked",
    }
}

/// What was brought, read once.
#[derive(Debug, Default)]
pub struct Evidence {
    crls: Vec<(String, Arc<Crl>)>,
    responses: Vec<(String, OcspResponse)>,
    /// Whose signature each CRL has, for issuers that stood in a chain to a listed root.
    checked: Mutex<Vec<([u8; 32], Vec<crl::Verified>)>>,
}

/// The files that it is read from.
#[derive(Clone, Debug, Default)]
pub struct EvidenceFiles {
    /// CRLs, in DER or PEM.
    pub crls: Vec<PathBuf>,
    /// OCSP responses, in DER.
    pub responses: Vec<PathBuf>,
}

impl EvidenceFiles {
    /// Reads them.
    ///
    /// # Errors
    /// In words: the file that cannot be used, and why.
    pub fn read(&self) -> Result<Evidence, String> {
        let mut evidence = Evidence::default();
        let bytes = |path: &Path, limit| {
            let bytes = files::read(path, limit).map_err(|error| error.to_string())?;
            bytes.ok_or_else(|| format!("{} does not exist", path.display()))
        };
        for path in &self.crls {
            evidence.add_crl(&path.display().to_string(), &bytes(path, MAX_CRL)?)?;
        }
        for path in &self.responses {
            evidence.add_response(&path.display().to_string(), &bytes(path, MAX_OCSP_SIZE)?)?;
        }
        Ok(evidence)
    }
}

impl Evidence {
    /// Adds the CRLs of a file.
    ///
    /// # Errors
    /// In words.
    pub fn add_crl(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let crls = match bytes {
            [0x30, 0x80..=0xff, ..] => Crl::from_der(bytes, MAX_CRL).map(|crl| vec![crl]),
            _ => crl::crls_from_pem(bytes, MAX_CRL),
        };
        let crls = crls.map_err(|error| format!("{name}: {error}"))?;
        self.crls.extend(crls.into_iter().map(|crl| (name.to_owned(), Arc::new(crl))));
        Ok(())
    }

    /// Adds an OCSP response.
    ///
    /// # Errors
    /// In words.
    pub fn add_response(&mut self, name: &str, bytes: &[u8]) -> Result<(), String> {
        let response =
            OcspResponse::from_der(bytes, MAX_OCSP_SIZE).map_err(|error| format!("{name}: {error}"))?;
        self.responses.push((name.to_owned(), response));
        Ok(())
    }

    /// What it says of each certificate below an anchor: `chain` runs from the anchor's child to the leaf. The reasons
    /// are those for which nothing is accepted, and what is to be known besides.
    pub(super) fn judge(
        &self,
        anchor: &Certificate,
        chain: &[&Certificate],
        time: Timestamp,
    ) -> (Vec<Standing>, Vec<Reason>) {
        let mut reasons = Vec::new();
        let mut used = vec![false; self.crls.len() + self.responses.len()];
        let issuers = std::iter::once(anchor).chain(chain.iter().copied());
        let pairs: Vec<_> = issuers.zip(chain.iter().copied()).collect();
        let standings = pairs.into_iter().map(|(issuer, certificate)| {
            let said = self.said(issuer, certificate, time.unix(), &mut used);
            let revoked = said.iter().find(|said| said.standing == Standing::Revoked);
            if let Some(revoked) = revoked {
                reasons.push(Reason::refuse(Code::Revoked, &revoked.words).about(certificate));
                return Standing::Revoked;
            }
            if said.iter().any(|said| said.standing == Standing::Good) {
                return Standing::Good;
            }
            for unknown in &said {
                reasons.push(Reason::refuse(Code::RevocationUnknown, &unknown.words).about(certificate));
            }
            if said.is_empty() { Standing::NotAsked } else { Standing::Unknown }
        });
        let standings: Vec<Standing> = standings.collect();
        let names = self.crls.iter().map(|(name, _)| name).chain(self.responses.iter().map(|(name, _)| name));
        let idle = names.zip(used).filter(|(_, used)| !used);
        reasons.extend(idle.map(|(name, _)| {
            Reason::warn(Code::NotUsed, format!("{name} says nothing about any certificate of this chain"))
        }));
        if standings.contains(&Standing::NotAsked) {
            let left = chain.iter().zip(&standings).filter(|(_, standing)| **standing == Standing::NotAsked);
            let left: Vec<&str> = left.map(|(certificate, _)| certificate.subject()).collect();
            let what = format!("nothing was given about whether these are revoked: {}", left.join("; "));
            reasons.push(Reason::warn(Code::RevocationNotAsked, what));
        }
        (standings, reasons)
    }

    /// What each piece says of one certificate; nothing of pieces that are not about it.
    fn said(
        &self,
        issuer: &Certificate,
        certificate: &Certificate,
        time: i64,
        used: &mut [bool],
    ) -> Vec<Said> {
        let mut said = Vec::new();
        let mine = |crl: &Crl| crl.issuer() == certificate.issuer_name();
        if self.crls.iter().any(|(_, crl)| mine(crl)) {
            for ((_, crl), used) in self.crls.iter().zip(used.iter_mut()) {
                *used |= mine(crl);
            }
            let judgement = self.by_crls(issuer, certificate, time);
            let about = judgement.crls.iter().zip(&self.crls).filter(|(_, (_, crl))| mine(crl));
            let names: Vec<&str> = about.map(|(_, (name, _))| name.as_str()).collect();
            said.push(Said::of(&judgement.outcome, &names.join(", ")));
        }
        let responses = used.get_mut(self.crls.len()..).unwrap_or_default();
        for ((name, response), used) in self.responses.iter().zip(responses) {
            let question = Question::about(certificate, issuer);
            let judgement = ocsp::judge(response, &question, &[], time, &ocsp::Limits::default());
            if judgement.problems.iter().any(is_about_another) {
                continue;
            }
            *used = true;
            said.push(Said::of(&judgement.outcome, name));
        }
        said
    }

    /// The CRLs' signatures are verified once for each issuer: over a large CRL that takes longer than all else.
    fn by_crls(&self, issuer: &Certificate, certificate: &Certificate, time: i64) -> crl::Judgement {
        let key = issuer.sha256();
        let mut remembered = self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if !remembered.iter().any(|(known, _)| *known == key) {
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            // A CRL of somebody else is not worth a hash over all of it.
            let of_issuer = |crl: &Crl| crl.issuer() == certificate.issuer_name();
            let signers = [issuer];
            let verified = self.crls.iter().map(|(_, crl)| {
                crl::Verified::new(Arc::clone(crl), if of_issuer(crl) { &signers } else { &[] })
            });
            remembered.push((key, verified.collect()));
        }
        let of_issuer = remembered.iter().find(|(known, _)| *known == key);
        let verified = of_issuer.map_or(&[][..], |(_, verified)| verified);
        let limits = crl::Limits::default();
        let checked: Vec<_> = verified.iter().map(|one| one.check(time, &limits)).collect();
        crl::judge_checked(certificate, &checked.iter().collect::<Vec<_>>(), time)
    }
}

/// What one piece says.
struct Said {
    standing: Standing,
    words: String,
}

impl Said {
    fn of<R: std::fmt::Display>(outcome: &Outcome<R>, name: &str) -> Self {
        let standing = match outcome {
            Outcome::Good => Standing::Good,
            Outcome::Revoked { .. } => Standing::Revoked,
            Outcome::Undetermined(_) => Standing::Unknown,
        };
        let words = match outcome {
            Outcome::Undetermined(reason) => {
                format!("whether it is revoked cannot be told from {name}: {reason}")
            }
            known => format!("{known}, by {name}"),
        };
        Self { standing, words }
    }
}

/// Whether a response is about another certificate than the one that was asked about.
fn is_about_another(problem: &ocsp::Reason) -> bool {
    matches!(
        problem,
        ocsp::Reason::CertidIssuerMismatch
            | ocsp::Reason::CertidSerialMismatch
            | ocsp::Reason::CertidMismatch
            | ocsp::Reason::CertidHashUnsupported(_)
            | ocsp::Reason::NoAnswer
            | ocsp::Reason::NotSuccessful(_)
    )
}
