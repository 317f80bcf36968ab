//! What came of an import, for people and programs.

use std::collections::BTreeSet;

use ctl_core::names::{ListId, print};
use ctl_core::parts::Use;
use ctl_core::{Digest, Timestamp};
use ctl_governance::State;
use ctl_pki::{Certificate, readable};
use ctl_policy::Severity;
use ctl_policy::profile::Finding;
use ctl_sources::{Contents, Format, Said, Signature, Source};
use serde::Serialize;

use super::prepare::Written;
use super::standing::{Standing, standing};
use super::{Found, found, named};
use crate::judge::lint;
use crate::output::{Render, section};
use crate::{AdminError, describe};

/// What came of it.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The address, file or folder.
    pub source: String,
    /// What it is.
    pub format: Format,
    pub signature: Signature,
    /// The number of this edition, where the format has one.
    pub sequence: Option<u64>,
    /// From when until when it says that it holds.
    pub validity: Option<(Timestamp, Timestamp)>,
    /// What a reader should know besides.
    pub told: Vec<String>,
    /// Each certificate once.
    pub certificates: Vec<Imported>,
    /// What stands there and cannot be read: where, and why.
    pub unreadable: Vec<(String, String)>,
    /// The lists that it was held against; none without a scheme.
    pub compared_with: Option<Vec<ListId>>,
    /// What is listed here and missing there.
    pub missing: Vec<Missing>,
    /// The application files of `--prepare`.
    pub prepared: Vec<Written>,
}

/// One certificate of the source.
#[derive(Debug, Serialize)]
pub struct Imported {
    /// Where in the source.
    pub places: Vec<String>,
    pub subject: String,
    /// SHA-256 of the certificate.
    pub fingerprint: Digest,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
    /// Whether that is over.
    pub ended: bool,
    /// Whether it is a root: a CA that signed itself, by a signature that holds.
    pub is_root: bool,
    /// The profile that it seems to follow.
    pub profile: Option<String>,
    /// Why that one, or why none.
    pub because: String,
    /// The rules of the profile that it breaks.
    pub findings: Vec<Finding>,
    /// Why devices cannot read it, which nobody can waive.
    pub unreadable_for_devices: Option<String>,
    /// What the source says of it.
    pub said: Said,
    /// It stands under a signature that was not verified.
    pub unverified: bool,
    /// What the scheme knows of it; empty if it is unknown, none without a scheme.
    pub standing: Option<Vec<Standing>>,
}

/// What is listed here and missing there.
#[derive(Debug, Serialize)]
pub struct Missing {
    pub list: ListId,
    pub fingerprint: Digest,
    /// Its name on the list.
    pub name: String,
    pub uses: Vec<Use>,
}

impl Report {
    pub(super) fn of(
        source: &Source,
        contents: &Contents,
        scheme: Option<(&State, &Vec<ListId>)>,
        now: Timestamp,
    ) -> Result<Self, AdminError> {
        let certificates = found(contents).into_iter().map(|(fingerprint, found)| {
            let standing = scheme.map(|(state, lists)| standing(state, lists, found.certificate, now));
            Imported::of(fingerprint, found, standing, now)
        });
        let certificates: Vec<Imported> = certificates.collect::<Result<_, _>>()?;
        let there: BTreeSet<Digest> = certificates.iter().map(|one| one.fingerprint).collect();
        let unreadable = contents.unreadable().map(|(place, why)| (place.to_owned(), why.to_owned()));
        Ok(Self {
            source: named(source),
            format: contents.format,
            signature: contents.signature.clone(),
            sequence: contents.sequence,
            validity: contents.validity,
            told: contents.told.clone(),
            certificates,
            unreadable: unreadable.collect(),
            compared_with: scheme.map(|(_, lists)| lists.clone()),
            missing: scheme.map(|(state, lists)| missing(state, lists, &there)).unwrap_or_default(),
            prepared: Vec::new(),
        })
    }
}

/// What is trusted on these lists and not there.
fn missing(state: &State, lists: &[ListId], there: &BTreeSet<Digest>) -> Vec<Missing> {
    let mut missing = Vec::new();
    for list in lists {
        let Some(contents) = state.lists.get(list) else { continue };
        for anchor in contents.anchors.values() {
            let listed = &anchor.listed;
            if state.is_trusted(list, listed) && !there.contains(&listed.fingerprint) {
                missing.push(Missing {
                    list: list.clone(),
                    fingerprint: listed.fingerprint,
                    name: listed.name.to_string(),
                    uses: anchor.uses.clone(),
                });
            }
        }
    }
    missing
}

/// Whether a certificate is a CA's that signed itself.
pub(super) fn is_root(certificate: &Certificate) -> bool {
    certificate.is_ca() && certificate.is_self_issued() && certificate.verify_self_signature().is_ok()
}

impl Imported {
    fn of(
        fingerprint: Digest,
        found: Found<'_>,
        standing: Option<Vec<Standing>>,
        now: Timestamp,
    ) -> Result<Self, AdminError> {
        let certificate = found.certificate;
        let (guess, findings) = lint::guessed(certificate.der())?;
        let not_after = Timestamp::from_unix(certificate.not_after());
        Ok(Self {
            places: found.places.into_iter().map(str::to_owned).collect(),
            subject: certificate.subject().to_owned(),
            fingerprint,
            not_before: Timestamp::from_unix(certificate.not_before()),
            not_after,
            ended: not_after < now,
            is_root: is_root(certificate),
            profile: guess.profile,
            because: guess.because,
            findings,
            unreadable_for_devices: readable(certificate.der()).err().map(|error| error.to_string()),
            said: found.said,
            unverified: found.unverified,
            standing,
        })
    }

    /// Whether the scheme was asked, and knows nothing of it.
    pub(super) fn is_unknown(&self) -> bool {
        self.standing.as_ref().is_some_and(Vec::is_empty)
    }

    fn text(&self) -> String {
        let place = self.places.join("; ");
        let unverified = if self.unverified { " (unverified)" } else { "" };
        let mut text = format!("{}: {}{unverified}\n", print::line(&place), print::name(&self.subject));
        text += &format!("  SHA-256   {}\n", self.fingerprint);
        let ended = if self.ended { ", ENDED" } else { "" };
        text += &format!("  valid     {} to {}{ended}\n", self.not_before, self.not_after);
        let root = if self.is_root { "a root" } else { "no root: it did not sign itself, or is no CA" };
        let profile = self.profile.as_deref().unwrap_or("none of Plug & Charge");
        text += &format!("  profile   {profile}; {root}\n");
        text += &format!("  tells     {}\n", print::line(&self.because));
        text += &format!("  findings  {}\n", self.findings());
        if let Some(why) = &self.unreadable_for_devices {
            text += &format!("  devices   CANNOT READ IT, which nobody can waive: {why}\n");
        }
        let said = self.said.to_string();
        let said = if said.is_empty() { "nothing of what it is for".to_owned() } else { print::line(&said) };
        text += &format!("  said      {said}\n");
        let standing = match self.standing.as_deref() {
            None => return text,
            Some([]) => "unknown".to_owned(),
            Some(some) => some.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "),
        };
        text + &format!("  here      {standing}\n")
    }

    fn findings(&self) -> String {
        let severities = [Severity::Error, Severity::Warning, Severity::Notice];
        let counted = severities.into_iter().filter_map(|severity| {
            let of = self.findings.iter().filter(|finding| finding.severity == severity);
            let rules: Vec<&str> = of.map(|finding| finding.rule.as_str()).collect();
            (!rules.is_empty()).then(|| format!("{} {severity} ({})", rules.len(), rules.join(", ")))
        });
        let counted: Vec<String> = counted.collect();
        if counted.is_empty() { "none".to_owned() } else { counted.join(", ") }
    }
}

impl Render for Report {
    fn text(&self) -> String {
        let mut text = format!("{}: {}", print::line(&self.source), self.format);
        text += &self.sequence.map(|number| format!(", number {number}")).unwrap_or_default();
        text += &self.validity.map(|(from, to)| format!(", holds from {from} to {to}")).unwrap_or_default();
        text.push('\n');
        text += &signature(&self.signature);
        text += &section("besides:", &self.told.iter().map(|told| print::line(told)).collect::<Vec<_>>());
        for one in &self.certificates {
            text += "\n";
            text += &one.text();
        }
        text.push('\n');
        let unreadable = self.unreadable.iter();
        let unreadable = unreadable.map(|(place, why)| print::line(&format!("{place}: {why}")));
        text += &section("cannot be read:", &unreadable.collect::<Vec<_>>());
        let missing = self.missing.iter().map(|one| {
            let Missing { list, fingerprint, name, uses } = one;
            format!(
                "{} {} on {list}, for {}",
                fingerprint.short(),
                print::name(name),
                describe::uses_line(uses)
            )
        });
        text += &section("listed here and missing there:", &missing.collect::<Vec<_>>());
        text += &super::prepare::text(&self.prepared);
        text + &self.summary()
    }
}

impl Report {
    fn summary(&self) -> String {
        let (all, unreadable) = (self.certificates.len(), self.unreadable.len());
        let mut text = format!("{all} certificates, {unreadable} that cannot be read");
        if let Some(lists) = &self.compared_with {
            let lists: Vec<&str> = lists.iter().map(ListId::as_str).collect();
            let unknown = self.certificates.iter().filter(|one| one.is_unknown()).count();
            let has = |is: fn(&Standing) -> bool| {
                let standing = |one: &&Imported| one.standing.iter().flatten().any(is);
                self.certificates.iter().filter(standing).count()
            };
            let listed = has(|one| matches!(one, Standing::Listed { status, .. } if status.is_listed()));
            let applied = has(Standing::is_open_application);
            let distrusted = has(|one| matches!(one, Standing::Distrusted { .. }));
            text += &format!(
                "; against {}: {listed} listed, {applied} applied for, {distrusted} distrusted, {unknown} unknown; {} \
                 listed here and missing there",
                lists.join(", "),
                self.missing.len()
            );
        }
        text + "\n"
    }
}

fn signature(signature: &Signature) -> String {
    match signature {
        Signature::None => "not signed: somebody's word\n".to_owned(),
        Signature::Unverified => "signed, and NOT VERIFIED: nobody's word\n".to_owned(),
        Signature::Verified { at, signers } => {
            let lines: Vec<String> = signers
                .iter()
                .map(|signer| {
                    let time = signer.signing_time.map(|time| format!(", on {time} by its own word"));
                    let ended = signer.ended.map(|time| format!("; ITS CERTIFICATE ENDED on {time}"));
                    let [time, ended] = [time, ended].map(Option::unwrap_or_default);
                    format!("{}{time}{ended}", print::name(&signer.name))
                })
                .collect();
            section(
                &format!("signature verified, judged at {at}; revocation was not asked about; signed by:"),
                &lines,
            )
        }
    }
}
