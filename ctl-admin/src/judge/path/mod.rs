//! Trust paths: which of them lead from a certificate to an anchor, what each step rests on, and why the
//! others do not count.

mod input;
pub(crate) mod list;
mod report;
mod text;

use std::path::{Path, PathBuf};

use clap::Args;
use ctl_core::Timestamp;
use ctl_pki::Certificate;
use ctl_pki::path::{
    AnchorConstraints, Crls, Inputs, Judge, Limits, Outcome, Purpose, Question, RuleSet, Rules, search,
};

use crate::AdminError;
use list::List;
pub use list::ListReport;
pub use report::{
    CertificateRef, CheckReport, DeadEndReport, LimitReport, PathReport, PurposeReport, Report, Step,
    VerdictReport, WorkReport,
};

/// What to look for.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// The certificate, PEM or DER; further certificates in the file count as intermediates, wherever the leaf stands
    pub leaf: PathBuf,
    /// A file of roots to trust; may be given several times
    #[arg(long = "anchor", value_name = "FILE")]
    pub anchors: Vec<PathBuf>,
    /// A file of sub-CAs and cross-certificates; may be given several times
    #[arg(long = "intermediate", value_name = "FILE")]
    pub intermediates: Vec<PathBuf>,
    /// A file of CRLs, PEM or DER; may be given several times. Every certificate must then be proven not revoked
    #[arg(long = "crl", value_name = "FILE")]
    pub crls: Vec<PathBuf>,
    /// What the CRLs leave open is a warning
    #[arg(long, requires = "crls")]
    pub allow_undetermined: bool,
    /// A trust list to take anchors and cross-certificates from: a file (ctl.jws), or an address like
    /// https://ctl.example/v1/lists/na; verified from --root, unverified without
    #[arg(long, value_name = "FILE|URL")]
    pub list: Option<String>,
    /// rfc5280, iso15118-2 or iso15118-20
    #[arg(long, value_name = "NAME", default_value = "rfc5280")]
    pub rules: RuleSet,
    /// Hold paths to the anchors' own constraints under rfc5280 too, as OpenSSL does; the other rule sets always do
    #[arg(long)]
    pub anchor_constraints: bool,
    /// What the certificate is for: v2g, mo, oem, vehicle or cps [default: guessed from it]
    #[arg(long, value_name = "PURPOSE")]
    pub purpose: Option<Purpose>,
    /// Judge for this moment, like 2026-11-21T20:13:00Z [default: now]
    #[arg(long, value_name = "RFC3339")]
    pub time: Option<Timestamp>,
    /// Accept only this certificate policy; may be given several times
    #[arg(long = "policy", value_name = "OID")]
    pub policies: Vec<String>,
    /// A path must be valid for an accepted policy
    #[arg(long)]
    pub require_explicit_policy: bool,
    /// No CA may map policies
    #[arg(long)]
    pub inhibit_policy_mapping: bool,
    /// anyPolicy counts for nothing
    #[arg(long)]
    pub inhibit_any_policy: bool,
    /// Verify at most so many signatures
    #[arg(long, value_name = "N")]
    pub max_signatures: Option<usize>,
    /// Follow at most so many certificates below the anchor
    #[arg(long, value_name = "N")]
    pub max_depth: Option<usize>,
    /// Tell every check of every certificate, in words
    #[arg(long)]
    pub explain: bool,
}

/// Looks for paths; a list is verified from this root.json, now is the moment to judge for if none is named.
///
/// # Errors
/// A file cannot be read, the list does not verify, or nothing is given to trust.
pub async fn run(options: &Options, root: Option<&Path>, now: Timestamp) -> Result<Report, AdminError> {
    let (time, usual) = (options.time.unwrap_or(now), Limits::default());
    let (leaf, mut pool) = input::leaf_and_chain(&options.leaf)?;
    for file in &options.intermediates {
        pool.extend(input::certificates(file)?);
    }
    let mut anchors = Vec::new();
    for file in &options.anchors {
        anchors.extend(input::certificates(file)?);
    }
    let list = match &options.list {
        Some(place) => Some(List::fetch(place, root, time).await?),
        None => None,
    };
    if let Some(list) = &list {
        anchors.extend_from_slice(&list.anchors);
        pool.extend_from_slice(&list.cross_certificates);
    }
    if anchors.is_empty() {
        return Err(AdminError::Input(
            "nothing is given to trust: name roots with --anchor, or a list with --list".into(),
        ));
    }
    let purpose = options.purpose.or_else(|| Purpose::guess(&leaf, issuer(&leaf, &pool, &anchors)));
    let rules = Rules { set: options.rules, purpose, time: time.unix() };
    let by_list = list.as_ref().map(|list| list.judge(options.rules, purpose, time));
    let mut judges: Vec<&dyn Judge> = Vec::new();
    if options.rules != RuleSet::Rfc5280 {
        judges.push(&rules);
    }
    if let Some(by_list) = &by_list {
        judges.push(by_list);
    }
    if options.anchor_constraints && options.rules == RuleSet::Rfc5280 {
        judges.push(&AnchorConstraints);
    }
    let mut crls = Vec::new();
    for file in &options.crls {
        crls.extend(input::crls(file)?);
    }
    let signers: Vec<_> = pool.iter().collect();
    let undetermined = if options.allow_undetermined { Outcome::Warning } else { Outcome::Failed };
    let by_crls = Crls::new(&crls, &signers, time.unix(), undetermined);
    if !crls.is_empty() {
        judges.push(&by_crls);
    }
    let question = Question {
        inputs: Inputs {
            initial_policies: (!options.policies.is_empty())
                .then(|| options.policies.iter().cloned().collect()),
            require_explicit_policy: options.require_explicit_policy,
            inhibit_policy_mapping: options.inhibit_policy_mapping,
            inhibit_any_policy: options.inhibit_any_policy,
            ..Inputs::at(time.unix())
        },
        judges,
        limits: Limits {
            signatures: options.max_signatures.unwrap_or(usual.signatures),
            depth: options.max_depth.unwrap_or(usual.depth),
            ..usual
        },
    };
    let found = search(&leaf, &pool, &anchors, &question);
    let mut report = Report::new(&leaf, options, time, &question, &found);
    report.purpose = purpose.map(|is| PurposeReport { name: is.name(), guessed: options.purpose.is_none() });
    report.crls = crls.len();
    report.list = list.map(|list| list.report);
    Ok(report)
}

/// At most so many certificates with the issuer's name are tried, to tell what the leaf is for.
const MAX_ISSUERS_TRIED: usize = 8;

/// The certificate that issued this one, as far as one is given: the linter asks it too what a leaf is for.
fn issuer<'a>(
    leaf: &Certificate,
    pool: &'a [Certificate],
    anchors: &'a [Certificate],
) -> Option<&'a Certificate> {
    pool.iter()
        .chain(anchors)
        .filter(|candidate| candidate.subject_name() == leaf.issuer_name())
        .take(MAX_ISSUERS_TRIED)
        .find(|candidate| leaf.verify_signed_by(candidate).is_ok())
}
