//! Why a statement may not be recorded.

ctl_pki::words! {
    /// The kind of a refusal: a fixed set of words, for metrics and for programs.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Reason by as_str {
        /// The first entry is no acceptable genesis, or a second one was offered.
        Genesis => "genesis",
        /// For another scheme.
        OtherScheme => "other-scheme",
        /// Recorded already.
        Replayed => "replayed",
        /// Its time of signing is too far from now, or time would run backwards.
        Time => "time",
        /// Its author saw another history, or one that is not here yet.
        Basis => "basis",
        /// Larger than an entry may be.
        TooLarge => "too-large",
        /// A signature does not verify.
        Signature => "signature",
        /// Signed by a key that nobody has registered.
        UnknownSigner => "unknown-signer",
        /// Signed by a key that was replaced.
        RotatedKey => "rotated-key",
        /// Signed by a participant that is suspended.
        SuspendedSigner => "suspended-signer",
        /// Signed by someone who may not say this.
        WrongRole => "wrong-role",
        /// Too few of those who must sign did.
        TooFewSignatures => "too-few-signatures",
        /// More statements or applications than one participant may make.
        Quota => "quota",
        /// Names something that does not exist.
        NotFound => "not-found",
        /// Names something that exists already.
        Exists => "exists",
        /// Not possible in the present stage or status.
        Stage => "stage",
        /// The vote is over.
        VotingClosed => "voting-closed",
        /// The elector may not vote on this.
        Recused => "recused",
        /// The organisation has voted through another elector.
        OrganisationVoted => "organisation-voted",
        /// What it says is not acceptable in itself.
        Content => "content",
        /// It does not fit what the charter says.
        Charter => "charter",
        /// It would leave a use without any anchor, or exceed the cap of notices.
        NoticeLimit => "notice-limit",
        /// What was signed is not what follows from the ledger.
        Draft => "draft",
    }
}

/// Why a statement may not be recorded, with details.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{detail}")]
pub struct Refusal {
    pub reason: Reason,
    /// What was wrong, where, and what to do.
    pub detail: String,
}

impl Refusal {
    /// A refusal of this kind.
    #[must_use]
    pub fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}
