//! What a search for paths may cost, what it did cost, and which limit stopped it.

/// How much work a search may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Signatures verified. One costs about 0.3 ms with P-256 and 0.7 ms with P-521 (`bench/README.md`).
    pub signatures: usize,
    /// Steps from a certificate to one that signed it.
    pub edges: usize,
    /// Paths judged, whatever comes of it.
    pub judged: usize,
    /// Comparisons of names and steps of policies while judging, and certificates read, counted as one for every
    /// 64 bytes: so that large certificates buy no time.
    pub checks: usize,
    /// Accepted paths kept, and as many of the others.
    pub kept: usize,
    /// Certificates below the anchor.
    pub depth: usize,
    /// Dead ends reported.
    pub dead_ends: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            signatures: 150,
            edges: 5_000,
            judged: 256,
            checks: 250_000,
            kept: 32,
            depth: 12,
            dead_ends: 32,
        }
    }
}

crate::words! {
    /// Which limit stopped a search, so that what it did not find may still be there.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Limit by id {
        /// [`Limits::signatures`]
        Signatures => "signatures",
        /// [`Limits::edges`]
        Edges => "edges",
        /// [`Limits::judged`]
        Judged => "judged",
        /// [`Limits::checks`]
        Checks => "checks",
        /// [`Limits::kept`]: more paths were accepted than are kept.
        Kept => "kept",
        /// [`Limits::depth`]
        Depth => "depth",
    }
}

impl Limit {
    /// What it means for the answer.
    pub fn words(self, limits: &Limits) -> String {
        match self {
            Self::Signatures => {
                format!(
                    "{} signatures were verified: paths behind others were not looked for",
                    limits.signatures
                )
            }
            Self::Edges => {
                format!("{} steps between certificates were tried: longer paths were not", limits.edges)
            }
            Self::Judged => format!("{} paths were judged: there are more", limits.judged),
            Self::Checks => {
                format!("judging took {} checks of names and policies: there are more paths", limits.checks)
            }
            Self::Kept => format!("{} accepted paths were found: there may be more", limits.kept),
            Self::Depth => {
                format!(
                    "paths with more than {} certificates below the anchor were not followed",
                    limits.depth
                )
            }
        }
    }
}

/// What a search did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Distinct certificates in the graph, leaf and anchors included.
    pub certificates: usize,
    /// Signatures verified.
    pub signatures: usize,
    /// Steps between certificates tried.
    pub edges: usize,
    /// Paths judged.
    pub judged: usize,
    /// Checks that judging took. The last path may have gone beyond the limit, by what one path may take at most.
    pub checks: usize,
}
