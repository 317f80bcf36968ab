//! What a foreign format cannot say of a list, item by item. Nothing is lost in silence: whoever writes such a file shows
//! these beside it.

use std::fmt;

use ctl_core::Digest;
use ctl_core::list::{ListAnchor, ListPayload};
use ctl_core::parts::{DistrustKind, Distrusted, Standard, Use, certificates_cannot_express};
use ctl_pki::Certificate;

/// An anchor or cross-certificate, named.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Subject {
    /// SHA-256 of its certificate.
    pub fingerprint: Digest,
    /// Its name for people.
    pub name: String,
}

/// One thing that stands on the list and not in the file, or not as it stands on the list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Omission {
    /// The anchor is left out: what readers must not pass over cannot be expressed.
    CriticalConstraints {
        anchor: Subject,
        /// The names of those constraints.
        constraints: Vec<String>,
    },
    /// The anchor is left out: the format knows none of its uses.
    NoUse {
        anchor: Subject,
        /// What it is listed for.
        uses: Vec<Use>,
    },
    /// The anchor is left out: another of the lists that the file is made of distrusts it.
    DistrustedElsewhere { anchor: Subject },
    /// The anchor is left out: its certificate cannot be read, and one such certificate can cost a reader all others.
    Unreadable {
        anchor: Subject,
        /// What is wrong with it.
        problem: String,
    },
    /// The anchor stands there without one of its uses, which the format does not know.
    Use {
        anchor: Subject,
        /// What is missing.
        r#use: Use,
    },
    /// The anchor is listed for one standard only, and a reader cannot know that.
    Standard {
        anchor: Subject,
        /// The only one it is listed for.
        standard: Standard,
    },
    /// The anchor stands there without a constraint that readers may pass over.
    Constraint {
        anchor: Subject,
        /// The constraint's name.
        name: String,
    },
    /// Of all anchors neither uses nor status nor operator are said: certificates stand there and nothing else.
    Uses,
    /// A cross-certificate is left out.
    CrossCertificate { certificate: Subject },
    /// That something must not be used on any path is not said.
    Distrusted(Distrusted),
}

impl Omission {
    /// The anchor that is not in the file at all, if this is about one.
    #[must_use]
    pub fn left_out(&self) -> Option<&Subject> {
        match self {
            Self::CriticalConstraints { anchor, .. }
            | Self::NoUse { anchor, .. }
            | Self::DistrustedElsewhere { anchor }
            | Self::Unreadable { anchor, .. } => Some(anchor),
            Self::Use { .. }
            | Self::Standard { .. }
            | Self::Constraint { .. }
            | Self::Uses
            | Self::CrossCertificate { .. }
            | Self::Distrusted(_) => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.fingerprint)
    }
}

impl fmt::Display for Omission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CriticalConstraints { anchor, constraints } => {
                let why = certificates_cannot_express(constraints).unwrap_or_default();
                write!(f, "OMITTED {anchor}: {why}")
            }
            Self::NoUse { anchor, uses } => {
                let uses: Vec<String> = uses.iter().map(ToString::to_string).collect();
                write!(f, "OMITTED {anchor}: this format has no word for {}", uses.join(", "))
            }
            Self::DistrustedElsewhere { anchor } => {
                write!(f, "OMITTED {anchor}: another list in this file distrusts it")
            }
            Self::Unreadable { anchor, problem } => write!(f, "OMITTED {anchor}: {problem}"),
            Self::Use { anchor, r#use } => {
                write!(f, "{anchor} without its use {use}: this format has no word for it")
            }
            Self::Standard { anchor, standard } => {
                let standard = match standard {
                    Standard::Iso15118_2 => "ISO 15118-2",
                    Standard::Iso15118_20 => "ISO 15118-20",
                };
                write!(f, "{anchor} is listed for {standard} only, which this format cannot say")
            }
            Self::Constraint { anchor, name } => write!(f, "{anchor} without its constraint {name:?}"),
            Self::Uses => {
                f.write_str("not said: what each anchor is listed for, its status and its operator")
            }
            Self::CrossCertificate { certificate } => write!(f, "OMITTED cross-certificate {certificate}"),
            Self::Distrusted(Distrusted { kind, sha256 }) => {
                let what = match kind {
                    DistrustKind::Certificate => "the certificate",
                    DistrustKind::Spki => "the key",
                };
                write!(f, "not said: {what} {sha256} is distrusted")
            }
        }
    }
}

/// An anchor that a file of plain certificates can carry.
#[derive(Clone, Debug)]
pub struct Carried<'a> {
    pub anchor: &'a ListAnchor,
    pub certificate: Certificate,
}

impl Carried<'_> {
    /// Which anchor it is.
    #[must_use]
    pub fn subject(&self) -> Subject {
        subject(self.anchor)
    }

    /// Tells, if it is so, that it is listed for only one standard.
    pub(crate) fn tell_standard(&self, omissions: &mut Vec<Omission>) {
        let mut standards = self.anchor.uses.iter().map(|r#use| r#use.standard);
        if let Some(standard) = standards.next().filter(|first| standards.all(|other| other == *first)) {
            omissions.push(Omission::Standard { anchor: self.subject(), standard });
        }
    }
}

/// The anchors of a list that a file of plain certificates can carry, and what it cannot say.
#[derive(Clone, Debug, Default)]
pub struct Selection<'a> {
    /// By fingerprint, as on the list.
    pub anchors: Vec<Carried<'a>>,
    /// In the order of the list.
    pub omissions: Vec<Omission>,
}

impl<'a> Selection<'a> {
    /// All anchors; one with a critical constraint is none of them.
    #[must_use]
    pub fn all(list: &'a ListPayload) -> Self {
        Self::of(list, |_| true)
    }

    /// The anchors with a use that is wanted; one with a critical constraint is none of them.
    #[must_use]
    pub fn of(list: &'a ListPayload, wanted: impl Fn(&Use) -> bool) -> Self {
        let mut selection = Self::default();
        for anchor in list.anchors.iter().filter(|anchor| anchor.uses.iter().any(&wanted)) {
            let critical: Vec<String> = anchor.constraints.critical().map(str::to_owned).collect();
            if !critical.is_empty() {
                let constraints = critical;
                selection
                    .omissions
                    .push(Omission::CriticalConstraints { anchor: subject(anchor), constraints });
                continue;
            }
            match Certificate::from_der(&anchor.certificate.0) {
                Ok(certificate) => selection.anchors.push(Carried { anchor, certificate }),
                Err(error) => {
                    let problem = error.to_string();
                    selection.omissions.push(Omission::Unreadable { anchor: subject(anchor), problem });
                    continue;
                }
            }
            let names = anchor.constraints.0.keys();
            let lost = names.map(|name| Omission::Constraint { anchor: subject(anchor), name: name.clone() });
            selection.omissions.extend(lost);
        }
        let crosses = list.cross_certificates.iter().map(|cross| Omission::CrossCertificate {
            certificate: Subject { fingerprint: cross.fingerprint, name: cross.name.as_str().to_owned() },
        });
        selection.omissions.extend(crosses);
        selection.omissions.extend(list.distrusted.iter().copied().map(Omission::Distrusted));
        selection
    }

    /// Their certificates, in the order of the list.
    pub fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        self.anchors.iter().map(|carried| &carried.certificate)
    }
}

fn subject(anchor: &ListAnchor) -> Subject {
    Subject { fingerprint: anchor.fingerprint, name: anchor.name.as_str().to_owned() }
}
