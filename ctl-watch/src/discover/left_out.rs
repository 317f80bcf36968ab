//! What is named but not watched, and why.

use std::fmt;

use ctl_core::names::ParticipantId;

use crate::target::Kind;

/// Something that is not watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose it is, if known.
    pub operator: Option<ParticipantId>,
    /// What kind of target it would be, if known.
    pub kind: Option<Kind>,
    /// The address, or the certificate.
    pub what: String,
    pub why: Why,
}

/// Why something is not watched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// A certificate in the ledger cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// The extension with the addresses cannot be read.
    #[error("{0}")]
    Extension(String),
    /// Another scheme than http or https.
    #[error("only http and https addresses are watched")]
    Scheme,
    /// The address cannot be called.
    #[error("the address is malformed: {0}")]
    Address(&'static str),
    /// The port may not be called.
    #[error("port {0} is not allowed; add it to `ports` if the service is known to be there")]
    Port(u16),
    /// Another CA than the issuer signs the CRL.
    #[error("the distribution point names another CRL issuer; indirect CRLs are not supported")]
    IndirectCrl,
    /// Certificates of several issuers name this CRL.
    #[error(
        "certificates of {0} name this CRL too, but a CRL has one issuer; it is judged for the other one"
    )]
    SeveralIssuers(String),
    /// Nothing says who signs the answers there.
    #[error(
        "the operator has no certificate on a list that could have issued what is found there; \
         add [[watch.canaries]] of the issuer, or remove the target"
    )]
    NoIssuer,
    /// A configured CRL that no certificate names, of an operator with several roots.
    #[error(
        "the operator has several roots and no certificate names this CRL; \
         add one that does to [[watch.canaries]]"
    )]
    UnclearIssuer,
    /// The service itself is watched in any case.
    #[error("the service itself is always watched; remove it from [[watch.targets]]")]
    Own,
    /// The participant has the service's own name, which is reserved.
    #[error(
        "the operator has the name of the service itself, whose record its services must not enter; \
         register under another name"
    )]
    OwnName,
    /// The issuer of the canaries is unknown.
    #[error("their issuer is no anchor on a list and no disclosed sub-CA; correct [[watch.canaries]]")]
    UnknownIssuer,
    /// Another CA issued the canary.
    #[error("the canary was not issued by {issuer}: {problem}; correct [[watch.canaries]]")]
    ForeignCanary {
        /// The issuer that the configuration names.
        issuer: String,
        problem: String,
    },
    /// The responder answers for more issuers than it is asked about.
    #[error("the responder answers for more than {0} issuers; it is not asked about this one")]
    Issuers(usize),
    /// The operator has too many targets.
    #[error("the operator has more than {0} targets")]
    PerOperator(usize),
    /// The operator's undecided applications name too many targets.
    #[error(
        "the operator's undecided applications name more than {0} targets; more are watched once they are admitted"
    )]
    PerApplicant(usize),
    /// There are too many targets.
    #[error("there are more than {0} targets")]
    Total(usize),
}

impl Why {
    /// Whether something is not watched for this: else it is, but for another issuer or by another name, or it is a mistake in
    /// the configuration that names no service.
    #[must_use]
    pub const fn is_unwatched(&self) -> bool {
        !matches!(
            self,
            Self::Own
                | Self::SeveralIssuers(_)
                | Self::Issuers(_)
                | Self::UnknownIssuer
                | Self::ForeignCanary { .. }
        )
    }
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(operator) = &self.operator {
            write!(f, "{operator} ")?;
        }
        if let Some(kind) = self.kind {
            write!(f, "{kind} ")?;
        }
        write!(f, "{}: {}", self.what, self.why)
    }
}
