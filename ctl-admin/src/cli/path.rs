//! The arguments of `path`.

use std::path::PathBuf;

use clap::Args;
use ctl_admin::judge::path::Options;
use ctl_core::Timestamp;
use ctl_pki::path::{Limits, Purpose, RuleSet};

/// What `path` looks for.
#[derive(Args)]
pub(crate) struct Path {
    /// The certificate, PEM or DER; further certificates in the file count as intermediates, wherever the leaf stands
    leaf: PathBuf,
    /// A file of roots to trust; may be given several times
    #[arg(long = "anchor", value_name = "FILE")]
    anchors: Vec<PathBuf>,
    /// A file of sub-CAs and cross-certificates; may be given several times
    #[arg(long = "intermediate", value_name = "FILE")]
    intermediates: Vec<PathBuf>,
    /// A file of CRLs, PEM or DER; may be given several times. Every certificate must then be proven not revoked
    #[arg(long = "crl", value_name = "FILE")]
    crls: Vec<PathBuf>,
    /// What the CRLs leave open is a warning
    #[arg(long, requires = "crls")]
    allow_undetermined: bool,
    /// A trust list to take anchors and cross-certificates from: a file (ctl.jws), or an address like
    /// https://ctl.example/v1/lists/na; verified from --root, unverified without
    #[arg(long, value_name = "FILE|URL")]
    list: Option<String>,
    /// rfc5280, iso15118-2 or iso15118-20
    #[arg(long, value_name = "NAME", default_value = "rfc5280")]
    rules: RuleSet,
    /// Hold paths to the anchors' own constraints under rfc5280 too, as OpenSSL does; the other rule sets always do
    #[arg(long)]
    anchor_constraints: bool,
    /// What the certificate is for: v2g, mo, oem, vehicle or cps [default: guessed from it]
    #[arg(long, value_name = "PURPOSE")]
    purpose: Option<Purpose>,
    /// Judge for this moment, like 2026-11-21T20:13:00Z [default: now]
    #[arg(long, value_name = "RFC3339")]
    time: Option<Timestamp>,
    /// Accept only this certificate policy; may be given several times
    #[arg(long = "policy", value_name = "OID")]
    policies: Vec<String>,
    /// A path must be valid for an accepted policy
    #[arg(long)]
    require_explicit_policy: bool,
    /// No CA may map policies
    #[arg(long)]
    inhibit_policy_mapping: bool,
    /// anyPolicy counts for nothing
    #[arg(long)]
    inhibit_any_policy: bool,
    /// Verify at most so many signatures
    #[arg(long, value_name = "N")]
    max_signatures: Option<usize>,
    /// Follow at most so many certificates below the anchor
    #[arg(long, value_name = "N")]
    max_depth: Option<usize>,
    /// Tell every check of every certificate, in words
    #[arg(long)]
    explain: bool,
}

impl Path {
    pub(crate) fn options(self, root: Option<PathBuf>, now: Timestamp) -> Options {
        let usual = Limits::default();
        Options {
            leaf: self.leaf,
            anchors: self.anchors,
            intermediates: self.intermediates,
            crls: self.crls,
            allow_undetermined: self.allow_undetermined,
            list: self.list,
            root,
            rules: self.rules,
            anchor_constraints: self.anchor_constraints,
            purpose: self.purpose,
            time: self.time.unwrap_or(now),
            policies: self.policies.into_iter().collect(),
            require_explicit_policy: self.require_explicit_policy,
            inhibit_policy_mapping: self.inhibit_policy_mapping,
            inhibit_any_policy: self.inhibit_any_policy,
            limits: Limits {
                signatures: self.max_signatures.unwrap_or(usual.signatures),
                depth: self.max_depth.unwrap_or(usual.depth),
                ..usual
            },
            explain: self.explain,
        }
    }
}
