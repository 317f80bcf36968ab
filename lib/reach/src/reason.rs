//! Why a vehicle's root and a charger's root do not come together, in words.

use ctl_core::Timestamp;
use ctl_core::parts::{AnchorStatus, Standard, Use};
use serde::Serialize;

use super::network::{Cross, Network, Root};

/// One reason. Roots and cross-certificates are named by their places in the [`Network`];
/// [`Reason::text`] says it in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// A root is not listed for the standard and purpose.
    NotListedFor(usize),
    /// A root is suspended or withdrawn.
    RootStatus(usize, AnchorStatus),
    /// A root or its key is distrusted.
    RootDistrusted(usize),
    /// The root's own validity is over.
    RootExpired(usize),
    /// The root's own validity has not begun.
    RootNotYetValid(usize),
    /// The list's constraint `not_trusted_after` has passed.
    NotTrustedAfter(usize, Timestamp),
    /// The list has a critical constraint that this release cannot honour.
    UnknownConstraint(usize, String),
    /// The standard's rules refuse a root, for its key's algorithm or its size; the words are theirs.
    RootRefused(usize, String),
    /// No cross-certificate leads from one to the other.
    NoCrossCertificate,
    /// There is a cross-certificate, but from the charger's root for the vehicle's.
    OtherDirection(usize),
    /// More certificates below the vehicle's root than the standard allows.
    TooDeep {
        /// Certificates there would be with the shortest known chain, cross-certificates counted.
        certificates: usize,
        /// How many of them are cross-certificates.
        crosses: usize,
        /// Certificates allowed.
        limit: usize,
        /// Whether the charger's chain was assumed and not disclosed.
        assumed: bool,
    },
    /// A path length constraint is too small for the charger's chain.
    PathLength {
        by: Limiter,
        /// CAs it allows below.
        allows: u32,
        /// CAs there would be.
        needs: usize,
    },
    /// A cross-certificate is suspended or withdrawn.
    CrossStatus(usize, AnchorStatus),
    /// A cross-certificate or its key is distrusted.
    CrossDistrusted(usize),
    /// A cross-certificate has expired.
    CrossExpired(usize),
    /// A cross-certificate is not valid yet.
    CrossNotYetValid(usize),
    /// A root of the path may not have issued it any more.
    CrossIssuedAfter(usize, usize, Timestamp),
    /// A cross-certificate names another subject than the root it is for.
    CrossOtherName(usize),
    /// Path validation or the standard's rules refuse a cross-certificate; the words are theirs.
    CrossRefused(usize, String),
    /// Path validation refuses a whole path, with the known sub-CAs of the charger's root; the words say
    /// which certificate and why.
    PathRefused(String),
}

/// Who limits the length of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiter {
    /// A root's path length constraint.
    Root(usize),
    /// A cross-certificate's.
    Cross(usize),
}

impl Reason {
    /// A word for programs.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotListedFor(_) => "root-not-listed-for-use",
            Self::RootStatus(..) => "root-status",
            Self::RootDistrusted(_) => "root-distrusted",
            Self::RootExpired(_) => "root-expired",
            Self::RootNotYetValid(_) => "root-not-yet-valid",
            Self::NotTrustedAfter(..) => "root-not-trusted-after",
            Self::UnknownConstraint(..) => "root-unknown-constraint",
            Self::RootRefused(..) => "root-refused",
            Self::NoCrossCertificate => "no-cross-certificate",
            Self::OtherDirection(_) => "cross-other-direction",
            Self::TooDeep { .. } => "too-deep",
            Self::PathLength { .. } => "path-length",
            Self::CrossStatus(..) => "cross-status",
            Self::CrossDistrusted(_) => "cross-distrusted",
            Self::CrossExpired(_) => "cross-expired",
            Self::CrossNotYetValid(_) => "cross-not-yet-valid",
            Self::CrossIssuedAfter(..) => "cross-issued-too-late",
            Self::CrossOtherName(_) => "cross-other-name",
            Self::CrossRefused(..) => "cross-refused",
            Self::PathRefused(_) => "path-refused",
        }
    }

    /// The reason in words.
    #[must_use]
    pub fn text(&self, network: &Network, asked: Use) -> String {
        let root = |place: &usize| network.roots().get(*place).map_or("?", |root| root.name.as_str());
        let cross =
            |place: &usize| network.cross_certificates().get(*place).map_or("?", |cross| cross.name.as_str());
        match self {
            Self::NotListedFor(place) => format!("{} is not listed for {asked}", root(place)),
            Self::RootStatus(place, status) => format!("{} is {status}", root(place)),
            Self::RootDistrusted(place) => format!("{} or its key is distrusted", root(place)),
            Self::RootExpired(place) => {
                format!("{} expired at {}", root(place), end_of_root(network, *place))
            }
            Self::RootNotYetValid(place) => {
                format!("{} is not valid before {}", root(place), begin_of_root(network, *place))
            }
            Self::NotTrustedAfter(place, time) => {
                format!("{} is not trusted after {time}", root(place))
            }
            Self::UnknownConstraint(place, name) => format!(
                "{} has the critical constraint {name:?}, which this release cannot honour",
                root(place)
            ),
            Self::RootRefused(place, words) => {
                format!("{} is nothing for {}: {words}", root(place), standard_name(asked.standard))
            }
            Self::NoCrossCertificate => "no cross-certificate leads there".to_owned(),
            Self::OtherDirection(place) => {
                format!("cross-certificate {:?} points the other way", cross(place))
            }
            Self::TooDeep { certificates, crosses, limit, assumed } => format!(
                "the chain is too deep: {certificates} certificates below the vehicle's root, {crosses} of them \
                 cross-certificates; at most {limit} are allowed{}",
                if *assumed { " (the charger's chain is assumed, not disclosed)" } else { "" }
            ),
            Self::PathLength { by, allows, needs } => {
                let by = match by {
                    Limiter::Root(place) => root(place).to_owned(),
                    Limiter::Cross(place) => format!("cross-certificate {:?}", cross(place)),
                };
                format!(
                    "the path length constraint of {by} allows {allows} CAs below it, the chain has {needs}"
                )
            }
            Self::CrossStatus(place, status) => format!("cross-certificate {:?} is {status}", cross(place)),
            Self::CrossDistrusted(place) => {
                format!("cross-certificate {:?} or its key is distrusted", cross(place))
            }
            Self::CrossExpired(place) => {
                let end = network.cross_certificates().get(*place).map_or(0, |c| c.certificate.not_after());
                format!("cross-certificate {:?} expired at {}", cross(place), Timestamp::from_unix(end))
            }
            Self::CrossNotYetValid(place) => {
                let begin =
                    network.cross_certificates().get(*place).map_or(0, |c| c.certificate.not_before());
                format!(
                    "cross-certificate {:?} is not valid before {}",
                    cross(place),
                    Timestamp::from_unix(begin)
                )
            }
            Self::CrossIssuedAfter(place, by, time) => format!(
                "cross-certificate {:?} was issued after {time}, until when {} may issue",
                cross(place),
                root(by)
            ),
            Self::CrossOtherName(place) => {
                format!("cross-certificate {:?} names another subject than the root has", cross(place))
            }
            Self::CrossRefused(place, words) => {
                format!("cross-certificate {:?} is refused: {words}", cross(place))
            }
            Self::PathRefused(words) => words.clone(),
        }
    }
}

/// The standard's name for people.
#[must_use]
pub const fn standard_name(standard: Standard) -> &'static str {
    match standard {
        Standard::Iso15118_2 => "ISO 15118-2",
        Standard::Iso15118_20 => "ISO 15118-20",
    }
}

/// A reason as programs read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Words {
    /// The word of [`Reason::code`].
    pub code: &'static str,
    pub text: String,
}

fn end_of_root(network: &Network, place: usize) -> Timestamp {
    let root: Option<&Root> = network.roots().get(place);
    Timestamp::from_unix(root.map_or(0, |root| root.certificate.not_after()))
}

fn begin_of_root(network: &Network, place: usize) -> Timestamp {
    let root: Option<&Root> = network.roots().get(place);
    Timestamp::from_unix(root.map_or(0, |root| root.certificate.not_before()))
}

/// What of a cross-certificate alone keeps every vehicle from using it.
pub(super) fn problem_of_cross(
    network: &Network,
    place: usize,
    cross: &Cross,
    at: Timestamp,
) -> Option<Reason> {
    if !cross.status.is_listed() {
        Some(Reason::CrossStatus(place, cross.status))
    } else if network.is_distrusted(&cross.certificate, &cross.fingerprint) {
        Some(Reason::CrossDistrusted(place))
    } else if at.unix() > cross.certificate.not_after() {
        Some(Reason::CrossExpired(place))
    } else if at.unix() < cross.certificate.not_before() {
        Some(Reason::CrossNotYetValid(place))
    } else {
        None
    }
}
