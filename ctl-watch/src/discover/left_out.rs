//! What is not watched although something names it, and why: said instead of dropped.

use std::fmt;

use ctl_core::names::ParticipantId;

use crate::target::Kind;

/// Something that is not watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Whose it is, where that is known.
    pub operator: Option<ParticipantId>,
    /// What kind of target it would be, where that is known.
    pub kind: Option<Kind>,
    /// The address, or the certificate.
    pub what: String,
    pub why: Why,
}

/// Why something is not watched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The ledger holds a certificate that cannot be read.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
    /// The extension with the addresses cannot be read.
    #[error("{0}")]
    Extension(String),
    /// Another scheme than http or https.
    #[error("only http and https addresses are watched")]
    Scheme,
    /// No address that can be called.
    #[error("the address is malformed: {0}")]
    Address(&'static str),
    /// A port that may not be called.
    #[error("port {0} is none that is called: add it to `ports` if the service is well known to be there")]
    Port(u16),
    /// The CRL would be signed by another than the issuer.
    #[error("the distribution point names another CRL issuer; indirect CRLs are not supported")]
    IndirectCrl,
    /// Certificates of several issuers name one CRL.
    #[error("a CRL has one issuer, and certificates of {0} name this address; it is judged by another one's")]
    SeveralIssuers(String),
    /// Nothing says whose answers are found there.
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
    /// The watch measures the service itself on its own.
    #[error("the service itself is always watched; remove it from [[watch.targets]]")]
    Own,
    /// A participant under the service's own name, which the rules reserve.
    #[error(
        "the operator has the name of the service itself, whose record its services must not enter; \
         register under another name"
    )]
    OwnName,
    /// Canaries of an issuer that is not known.
    #[error("their issuer is no anchor on a list and no disclosed sub-CA; correct [[watch.canaries]]")]
    UnknownIssuer,
    /// A canary that another issued.
    #[error("the canary was not issued by {issuer}: {problem}; correct [[watch.canaries]]")]
    ForeignCanary {
        /// The issuer that the configuration names.
        issuer: String,
        /// What does not fit.
        problem: String,
    },
    /// A responder answers for more issuers than are asked about.
    #[error("the responder answers for more than {0} issuers; it is not asked about this one")]
    Issuers(usize),
    /// The operator has too many targets.
    #[error("the operator has more than {0} targets")]
    PerOperator(usize),
    /// The operator's undecided applications name too many.
    #[error(
        "the operator's undecided applications name more than {0} targets; more are watched once they are admitted"
    )]
    PerApplicant(usize),
    /// There are too many targets.
    #[error("there are more than {0} targets")]
    Total(usize),
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
