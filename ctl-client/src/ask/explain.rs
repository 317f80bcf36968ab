//! `explain`: for each certificate of some files, into which store of which sink it belongs and why, or why it belongs
//! into none. A PKI delivers roots, sub-CAs, chains and leaves side by side, and their names seldom say which is which.

use std::collections::{BTreeMap, BTreeSet};

use ctl_core::Digest;
use ctl_core::names::print::name;
use ctl_core::parts::Purpose;
use ctl_pki::{Certificate, Timestamp, kind, readable};
use serde::Serialize;

use super::chain::{Chain, Searcher};
use super::pieces::{Content, pieces};
use super::{InSink, Known, ListedAnchor};
use crate::sink::fingerprint;

/// So many certificates are explained at once.
const MAX_CERTIFICATES: usize = 2000;

/// What a certificate is to this device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// A root that is trusted: it belongs into the stores that are named.
    Trusted,
    /// A root that stands on a list and is not trusted here.
    ListedNotTrusted,
    /// Some list or notice distrusts it.
    Distrusted,
    /// A listed cross-certificate between trusted roots.
    CrossCertificate,
    /// A root that no list names.
    NotListed,
    /// A sub-CA or a leaf: it belongs into no store of roots.
    NotARoot,
    /// No certificate, or none that can be read.
    NoCertificate,
}

/// What a certificate says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateFacts {
    /// SHA-256 over its DER.
    pub sha256: Digest,
    /// Its subject as RFC 4514 writes it, safe to print.
    pub subject: String,
    /// Its issuer likewise.
    pub issuer: String,
    /// Its serial number in hex.
    pub serial: String,
    /// First second of validity.
    pub not_before: Timestamp,
    /// Last second of validity.
    pub not_after: Timestamp,
    /// Which kind of Plug & Charge certificate it is, as far as it tells (`v2g-root`, `cpo-sub1`, `secc` …).
    pub kind: Option<&'static str>,
}

/// What there is to say of one piece of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The file.
    pub file: String,
    /// Which piece of it, from 1.
    pub number: usize,
    /// The line in which it begins, from 1.
    pub line: usize,
    /// The byte at which it begins, from 0.
    pub byte: usize,
    /// What it says of itself, if it is a certificate.
    pub certificate: Option<CertificateFacts>,
    /// What it is to this device.
    pub verdict: Verdict,
    /// Why.
    pub reason: String,
    /// Why devices cannot read it, if they cannot: one such certificate spoils a whole bundle for them.
    pub unreadable: Option<String>,
    /// What the lists say: of this root, or of those in which its chains end.
    pub anchors: Vec<ListedAnchor>,
    /// The chains that were found to listed roots.
    pub chains: Vec<Chain>,
    /// Where it belongs, if it is a cross-certificate; a root's places stand with the root.
    pub sinks: Vec<InSink>,
}

impl CertificateFacts {
    /// Those of a certificate.
    #[must_use]
    pub fn of(certificate: &Certificate) -> Self {
        Self {
            sha256: fingerprint(certificate),
            subject: certificate.subject().to_owned(),
            issuer: certificate.issuer().to_owned(),
            serial: certificate.serial_hex().to_owned(),
            not_before: Timestamp::from_unix(certificate.not_before()),
            not_after: Timestamp::from_unix(certificate.not_after()),
            kind: kind::tell(certificate, None).kind.map(kind::Kind::name),
        }
    }
}

/// What is found of one certificate, wherever it stands.
#[derive(Clone, Debug)]
struct Judgement {
    verdict: Verdict,
    reason: String,
    anchors: Vec<ListedAnchor>,
    chains: Vec<Chain>,
    sinks: Vec<InSink>,
}

impl Judgement {
    fn new(verdict: Verdict, reason: impl Into<String>) -> Self {
        Self { verdict, reason: reason.into(), anchors: vec![], chains: vec![], sinks: vec![] }
    }
}

/// Explains every certificate of some files, each a name and its bytes. Certificates of one file count for the chains
/// of all.
#[must_use]
pub fn explain(known: &Known, files: &[(String, Vec<u8>)]) -> Vec<Explanation> {
    let mut read = Vec::new();
    for (file, bytes) in files {
        for (number, piece) in (1..).zip(pieces(bytes)) {
            let content = match piece.content {
                Content::Certificate(_) if read.len() >= MAX_CERTIFICATES => Err(format!(
                    "more than {MAX_CERTIFICATES} at once are not explained: ask again with fewer"
                )),
                Content::Certificate(der) => match Certificate::from_der(&der) {
                    Ok(certificate) => Ok((readable(&der).err(), certificate)),
                    Err(error) => Err(format!("it cannot be read, by devices neither: {error}")),
                },
                Content::Other(label) if label.contains("PRIVATE KEY") => Err(
                    "a private key: it belongs to whom the certificate is for, and into no store of roots"
                        .into(),
                ),
                Content::Other(label) => Err(format!("a block {}, and no certificate", name(&label))),
                Content::Broken(problem) => Err(problem.to_owned()),
            };
            read.push((file, number, (piece.line, piece.byte), content));
        }
    }
    let mut distinct = BTreeMap::new();
    for (_, _, _, content) in &read {
        if let Ok((_, certificate)) = content {
            distinct.insert(fingerprint(certificate), certificate);
        }
    }
    let mut searcher = Searcher::new(known, distinct.values().copied());
    let mut judged: BTreeMap<Digest, Judgement> = BTreeMap::new();
    let mut explanations = Vec::new();
    for (file, number, (line, byte), content) in &read {
        let (facts, unreadable, judgement) = match content {
            Err(problem) => (None, None, Judgement::new(Verdict::NoCertificate, problem)),
            Ok((unreadable, certificate)) => {
                let facts = CertificateFacts::of(certificate);
                let judgement = judged
                    .entry(facts.sha256)
                    .or_insert_with(|| judge(known, &mut searcher, certificate, &distinct))
                    .clone();
                (Some(facts), unreadable.as_ref().map(ToString::to_string), judgement)
            }
        };
        explanations.push(Explanation {
            file: (*file).clone(),
            number: *number,
            line: *line,
            byte: *byte,
            certificate: facts,
            verdict: judgement.verdict,
            reason: judgement.reason,
            unreadable,
            anchors: judgement.anchors,
            chains: judgement.chains,
            sinks: judgement.sinks,
        });
    }
    explanations
}

fn judge(
    known: &Known,
    searcher: &mut Searcher<'_>,
    certificate: &Certificate,
    brought: &BTreeMap<Digest, &Certificate>,
) -> Judgement {
    let own = fingerprint(certificate);
    let listed = known.listed(own);
    if !listed.is_empty() {
        let (verdict, reason) = match listed.iter().any(|line| line.trusted) {
            true => (Verdict::Trusted, "a root that is trusted here".to_owned()),
            false => {
                let by = known.distrusted_by(certificate);
                let why = by.or_else(|| listed.iter().find_map(|line| line.reason.clone()));
                (
                    Verdict::ListedNotTrusted,
                    format!("listed, and not trusted here: {}", why.unwrap_or_default()),
                )
            }
        };
        return Judgement { anchors: listed, ..Judgement::new(verdict, reason) };
    }
    if let Some(by) = known.distrusted_by(certificate) {
        return Judgement::new(Verdict::Distrusted, by);
    }
    if known.trust.cross_certificates.contains(certificate) {
        let reason =
            "a listed cross-certificate between trusted roots: chargers send it along with their chain";
        return Judgement { sinks: known.places(own), ..Judgement::new(Verdict::CrossCertificate, reason) };
    }
    if certificate.is_self_issued_by_name() {
        return Judgement::new(Verdict::NotListed, unlisted(known, certificate));
    }
    not_a_root(known, searcher, certificate, brought)
}

/// A certificate that is its own issuer and stands on no list.
fn unlisted(known: &Known, certificate: &Certificate) -> String {
    let lists: Vec<String> = known.lists.iter().map(|list| list.list.to_string()).collect();
    let mut reason = format!("no list that this device follows ({}) names it", lists.join(", "));
    if let Err(error) = certificate.verify_self_signature() {
        reason.push_str(&format!("; and it does not prove that it is a root: {error}"));
    }
    if !certificate.is_ca() {
        reason.push_str("; it says of itself that it is no CA");
    }
    let of_name = |root: &&Certificate| root.subject_name() == certificate.subject_name();
    for root in known.listed_certificates().iter().filter(of_name) {
        let same = match root.spki_der() == certificate.spki_der() {
            true => "has its name and its key: that one is to be used instead",
            false => "has its name and another key: do not mistake one for the other",
        };
        reason.push_str(&format!("; the listed root {} {same}", fingerprint(root)));
    }
    reason
}

/// The chains that such a certificate stands in, as lists name them; none where several fit.
const fn purpose(kind: kind::Kind) -> Option<Purpose> {
    use kind::{Chain, Kind};
    match kind {
        Kind::Sub1(Chain::Cpo) | Kind::Sub2(Chain::Cpo) | Kind::Secc => Some(Purpose::V2g),
        Kind::Sub1(Chain::Mo) | Kind::Sub2(Chain::Mo) | Kind::Contract => Some(Purpose::Mo),
        Kind::Sub1(Chain::Oem) | Kind::Sub2(Chain::Oem) | Kind::Provisioning => Some(Purpose::Oem),
        Kind::Vehicle => Some(Purpose::Vehicle),
        _ => None,
    }
}

/// A sub-CA or a leaf: what matters is where its chain ends.
fn not_a_root(
    known: &Known,
    searcher: &mut Searcher<'_>,
    certificate: &Certificate,
    brought: &BTreeMap<Digest, &Certificate>,
) -> Judgement {
    let issuer = brought.values().find(|other| other.subject_name() == certificate.issuer_name());
    let kind = kind::tell(certificate, issuer.copied()).kind;
    let told = kind.map(|kind| format!(" ({})", kind.name())).unwrap_or_default();
    let what = if certificate.is_ca() { "a sub-CA" } else { "a leaf" };
    let what = format!("{what}{told}: whoever owns it sends it along, and it belongs into no store of roots");
    let chains = searcher.chains(certificate);
    let mut reason = match (chains.found.as_slice(), &chains.dead_end) {
        ([], Some(dead_end)) => format!("{what}; {dead_end}"),
        ([], None) => what,
        ([first, ..], _) if first.valid => format!("{what}; its chain ends in a listed root"),
        ([first, ..], _) => {
            format!(
                "{what}; its chain to a listed root is not valid: {}",
                first.problem.clone().unwrap_or_default()
            )
        }
    };
    let roots: BTreeSet<Digest> = chains.found.iter().map(|chain| chain.anchor).collect();
    if let Some(purpose) = kind.and_then(purpose)
        && chains.found.first().is_some_and(|chain| chain.valid)
        && !known.trust.anchors.iter().any(|anchor| {
            roots.contains(&anchor.fingerprint) && anchor.uses.iter().any(|r#use| r#use.purpose == purpose)
        })
    {
        reason.push_str(&format!(
            "; but no list has that root for {purpose}, so no store for {purpose} chains holds it"
        ));
    }
    let anchors = roots.into_iter().flat_map(|root| known.listed(root)).collect();
    Judgement { anchors, chains: chains.found, ..Judgement::new(Verdict::NotARoot, reason) }
}
