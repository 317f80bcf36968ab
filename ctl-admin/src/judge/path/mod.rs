//! Trust paths: which roads lead from a certificate to an anchor, what each step rests on, and why the
//! others do not count.

mod input;
pub(crate) mod list;
mod report;
mod text;

use std::collections::BTreeSet;
use std::path::PathBuf;

use ctl_core::Timestamp;
use ctl_pki::Certificate;
use ctl_pki::path::{
    AnchorConstraints, Crls, Inputs, Judge, Limits, Outcome, Purpose, Question, RuleSet, Rules, search,
};

use crate::AdminError;
pub use list::ListReport;
use list::{List, ListJudge};
pub use report::{
    CertificateRef, CheckReport, DeadEndReport, LimitReport, PathReport, PurposeReport, Report, Step,
    VerdictReport, WorkReport,
};

/// What to look for.
#[derive(Clone, Debug)]
pub struct Options {
    /// The certificate asked about, PEM or DER; further certificates in its file are intermediates.
    pub leaf: PathBuf,
    /// Files of trust anchors.
    pub anchors: Vec<PathBuf>,
    /// Files of sub-CAs and cross-certificates.
    pub intermediates: Vec<PathBuf>,
    /// Files of CRLs; none leaves revocation out.
    pub crls: Vec<PathBuf>,
    /// Whether what the CRLs leave open is a warning instead of a refusal.
    pub allow_undetermined: bool,
    /// A trust list to take anchors and cross-certificates from: a file, or an address.
    pub list: Option<String>,
    /// A root.json to verify the list from; without, it is taken unverified.
    pub root: Option<PathBuf>,
    /// The rule set to judge by beside RFC 5280.
    pub rules: RuleSet,
    /// Whether the anchors' own constraints count under RFC 5280 too; the other rule sets always apply them.
    pub anchor_constraints: bool,
    /// What the certificate is for; guessed if none is named.
    pub purpose: Option<Purpose>,
    /// The moment to judge for.
    pub time: Timestamp,
    /// Certificate policies that are accepted; empty accepts any.
    pub policies: BTreeSet<String>,
    /// Whether a path must be valid for one of them.
    pub require_explicit_policy: bool,
    /// Whether no CA may map policies.
    pub inhibit_policy_mapping: bool,
    /// Whether anyPolicy counts for nothing.
    pub inhibit_any_policy: bool,
    /// How much work the search may be.
    pub limits: Limits,
    /// Whether the text tells every check of every step, not only what decided.
    pub explain: bool,
}

/// Looks for paths.
///
/// # Errors
/// A file cannot be read, the list does not verify, or nothing is given to trust.
pub async fn run(options: &Options) -> Result<Report, AdminError> {
    let (leaf, mut pool) = input::leaf_and_chain(&options.leaf)?;
    for file in &options.intermediates {
        pool.extend(input::certificates(file)?);
    }
    let mut anchors = Vec::new();
    for file in &options.anchors {
        anchors.extend(input::certificates(file)?);
    }
    let list = match &options.list {
        Some(place) => Some(List::fetch(place, options.root.as_deref(), options.time).await?),
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
    let rules = Rules { set: options.rules, purpose, time: options.time.unix() };
    let by_list =
        list.as_ref().map(|list| ListJudge { list, rules: options.rules, purpose, time: options.time });
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
    let by_crls = Crls::new(&crls, &signers, options.time.unix(), undetermined);
    if !crls.is_empty() {
        judges.push(&by_crls);
    }
    let question = Question {
        inputs: Inputs {
            initial_policies: (!options.policies.is_empty()).then(|| options.policies.clone()),
            require_explicit_policy: options.require_explicit_policy,
            inhibit_policy_mapping: options.inhibit_policy_mapping,
            inhibit_any_policy: options.inhibit_any_policy,
            ..Inputs::at(options.time.unix())
        },
        judges,
        limits: options.limits,
    };
    let found = search(&leaf, &pool, &anchors, &question);
    let mut report = Report::new(&leaf, options, &question, &found);
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
