//! What is asked in which round.
//!
//! Two rounds make a pair. One of the valid certificates is the pair's main question, asked at every address with a
//! nonce; the next pair takes the next certificate, over all issuers. In addition, each round asks about up to
//! [`MAX_OTHERS`] of the others in turn, to find a responder that fails for one certificate only: within two rounds if
//! there are up to seven certificates, otherwise within about a third as many rounds as there are certificates. The
//! first round of a pair also asks the main question by GET, and sends something that is no request. The second asks
//! about a serial number that nobody issued, by a GET with all characters that must be escaped, and about a revoked
//! certificate.
//!
//! CertIDs use SHA-256 and SHA-1 in turn: the main question's change from round to round, the side questions' from pair
//! to pair, and the others use the one that the main question does not. Charging stations use SHA-256, as RFC 9919 and
//! OCPP require, and old software SHA-1. A responder that knows only one of them fails for the other, and the finding
//! names the hash.

use ctl_pki::Certificate;
use ctl_pki::ocsp::Hash;
use sha2::{Digest as _, Sha256};

use super::judge::{About, Asked, Expected};
use crate::target::OcspSubject;

/// How many more valid certificates are asked about in a round.
const MAX_OTHERS: u64 = 3;
/// 16 bytes, like the certificates of the field, and a few more.
const MAX_SERIAL_SIZE: usize = 19;

/// The questions of one round.
#[derive(Clone, Debug)]
pub(super) struct Plan<'a> {
    /// Asked by POST at all addresses.
    pub(super) main: Asked<'a>,
    /// Asked in addition.
    pub(super) others: Vec<Asked<'a>>,
    /// The side questions of this round.
    pub(super) side: Side<'a>,
}

/// The side questions, which take turns.
#[derive(Clone, Debug)]
pub(super) enum Side<'a> {
    /// The main question again by GET, and something that is no request.
    GetAndGarbage(Asked<'a>),
    /// A serial number that nobody issued, and a revoked certificate if one is known.
    UnissuedAndRevoked {
        /// The issuer that could have issued it.
        issuer: &'a Certificate,
        /// The hash of the CertID.
        hash: Hash,
        revoked: Option<Asked<'a>>,
    },
}

impl<'a> Plan<'a> {
    /// The questions of a round; none without an issuer.
    pub(super) fn of(subjects: &'a [OcspSubject], number: u64, random: &[u8; 32]) -> Option<Self> {
        let pair = number / 2;
        let (hash, other_hash, side_hash) = match (number % 2, pair % 2) {
            (0, 0) => (Hash::Sha256, Hash::Sha1, Hash::Sha256),
            (0, _) => (Hash::Sha256, Hash::Sha1, Hash::Sha1),
            (_, 0) => (Hash::Sha1, Hash::Sha256, Hash::Sha256),
            (_, _) => (Hash::Sha1, Hash::Sha256, Hash::Sha1),
        };
        let (good, revoked) = (good(subjects), revoked(subjects));
        let issuer: &Certificate = &turn(subjects, pair)?.issuer;
        let main = turn(&good, pair).or_else(|| turn(&revoked, pair)).cloned();
        let main = main.unwrap_or_else(|| Asked {
            issuer,
            about: About::Drawn(drawn(random, "main", 16)),
            expected: Expected::Unissued,
            is_ca: false,
            hash,
        });
        let by = |hash: Hash, asked: &Asked<'a>| Asked { hash, ..asked.clone() };
        Some(Self {
            others: others(&good, number).map(|asked| by(other_hash, asked)).collect(),
            side: if number.is_multiple_of(2) {
                Side::GetAndGarbage(by(side_hash, &main))
            } else {
                let revoked = turn(&revoked, pair).map(|asked| by(side_hash, asked));
                Side::UnissuedAndRevoked { issuer, hash: side_hash, revoked }
            },
            main: by(hash, &main),
        })
    }
}

/// The next few certificates after the pair's main question.
fn others<'s, 'a>(good: &'s [Asked<'a>], number: u64) -> impl Iterator<Item = &'s Asked<'a>> {
    let rest = (good.len() as u64).saturating_sub(1);
    let first = number.wrapping_mul(MAX_OTHERS);
    (0..MAX_OTHERS.min(rest)).filter_map(move |offset| {
        let after_main = first.wrapping_add(offset).checked_rem(rest)?;
        turn(good, (number / 2).wrapping_add(1).wrapping_add(after_main))
    })
}

/// Everything that is ever asked about, except random serial numbers.
pub(super) fn everything(subjects: &[OcspSubject]) -> Vec<Asked<'_>> {
    let mut all = good(subjects);
    all.extend(revoked(subjects));
    all
}

fn turn<T>(all: &[T], number: u64) -> Option<&T> {
    let index = number.checked_rem(all.len() as u64)?;
    all.get(usize::try_from(index).ok()?)
}

/// The valid certificates: the first of every issuer, then the second of every issuer, and so on.
fn good(subjects: &[OcspSubject]) -> Vec<Asked<'_>> {
    let most = subjects.iter().map(|subject| subject.good.len()).max().unwrap_or(0);
    let of = |index: usize| {
        subjects.iter().filter_map(move |subject| {
            let certificate = subject.good.get(index)?;
            Some(Asked {
                issuer: &subject.issuer,
                about: About::Certificate(certificate),
                expected: Expected::Good,
                is_ca: certificate.is_ca(),
                hash: Hash::Sha256,
            })
        })
    };
    (0..most).flat_map(of).collect()
}

fn revoked(subjects: &[OcspSubject]) -> Vec<Asked<'_>> {
    let most = subjects.iter().map(|subject| subject.revoked.len()).max().unwrap_or(0);
    let of = |index: usize| {
        subjects.iter().filter_map(move |subject| {
            Some(Asked {
                issuer: &subject.issuer,
                about: About::Known(subject.revoked.get(index)?),
                expected: Expected::Revoked,
                is_ca: issues_cas_only(subject),
                hash: Hash::Sha256,
            })
        })
    };
    (0..most).flat_map(of).collect()
}

/// Only the serial number of a revoked certificate is known. It is a CA's if its issuer issues nothing else: all known
/// certificates are CAs', or none is known and the issuer is a root.
fn issues_cas_only(subject: &OcspSubject) -> bool {
    if subject.good.is_empty() {
        return subject.issuer.is_self_issued() && subject.issuer.path_len() != Some(0);
    }
    subject.good.iter().all(|certificate| certificate.is_ca())
}

/// Unpredictable bytes for one purpose in one round.
pub(super) fn draw(random: &[u8; 32], purpose: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(random);
    hash.update(purpose);
    hash.finalize().into()
}

/// A positive serial number of `size` bytes in its shortest form, too large to have been issued.
pub(super) fn drawn(random: &[u8; 32], purpose: &str, size: usize) -> Vec<u8> {
    let mut serial: Vec<u8> =
        draw(random, purpose).into_iter().take(size.clamp(16, MAX_SERIAL_SIZE)).collect();
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x3f | 0x40;
    }
    serial
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::probe::ocsp::pretend::Authority;

    fn subject(name: &str, seed: u8, good: u8, revoked: u8) -> OcspSubject {
        let authority = Authority::new(name, seed);
        OcspSubject {
            good: (0..good).map(|serial| authority.issue(serial)).collect(),
            revoked: (0..revoked).map(|serial| vec![0x20, serial].into()).collect(),
            issuer: authority.certificate,
        }
    }

    fn key(asked: &Asked<'_>) -> (String, Vec<u8>) {
        (asked.issuer.subject().to_owned(), asked.question().serial().to_vec())
    }

    fn plans(subjects: &[OcspSubject], rounds: std::ops::Range<u64>) -> Vec<Plan<'_>> {
        rounds.map(|number| Plan::of(subjects, number, &[7; 32]).unwrap()).collect()
    }

    #[test]
    fn up_to_seven_certificates_are_all_asked_about_within_any_two_rounds() {
        let subjects = [subject("One", 1, 4, 1), subject("Two", 2, 3, 0)];
        for start in 0..40 {
            let plans = plans(&subjects, start..start + 2);
            let asked: BTreeSet<_> = plans
                .iter()
                .flat_map(|plan| std::iter::once(&plan.main).chain(&plan.others))
                .map(key)
                .collect();
            assert!(asked.len() >= 4, "{start}");
            if start % 2 == 0 {
                assert_eq!(asked.len(), 7, "{start}");
            }
            let hashes: Vec<_> = plans.iter().map(|plan| plan.main.hash).collect();
            assert!(hashes.contains(&Hash::Sha1) && hashes.contains(&Hash::Sha256));
        }
    }

    #[test]
    fn no_round_asks_about_more_than_a_handful_and_none_is_forgotten() {
        let subjects = [subject("One", 1, 30, 3)];
        let plans = plans(&subjects, 0..24);
        assert!(plans.iter().all(|plan| plan.others.len() == 3));
        assert!(plans.iter().all(|plan| plan.others.iter().all(|other| key(other) != key(&plan.main))));
        let asked: BTreeSet<_> =
            plans.iter().flat_map(|plan| std::iter::once(&plan.main).chain(&plan.others)).map(key).collect();
        assert_eq!(asked.len(), 30);
    }

    #[test]
    fn the_main_question_goes_round_all_issuers_and_by_both_hashes() {
        let subjects = [subject("One", 1, 2, 0), subject("Two", 2, 2, 2)];
        let plans = plans(&subjects, 0..16);
        let main: BTreeSet<_> = plans.iter().map(|plan| (key(&plan.main), plan.main.hash.name())).collect();
        assert_eq!(main.len(), 8);
        let revoked: BTreeSet<_> = plans
            .iter()
            .filter_map(|plan| match &plan.side {
                Side::UnissuedAndRevoked { revoked, .. } => revoked.as_ref().map(key),
                Side::GetAndGarbage(_) => None,
            })
            .collect();
        assert_eq!(revoked.len(), 2, "found although the first issuer has none");
    }

    #[test]
    fn something_is_asked_as_long_as_there_is_an_issuer() {
        let only_revoked = [subject("One", 1, 0, 1)];
        assert_eq!(plans(&only_revoked, 0..1)[0].main.expected, Expected::Revoked);
        let nothing = [subject("One", 1, 0, 0)];
        let asked = &plans(&nothing, 0..1)[0].main;
        assert_eq!((asked.expected, asked.question().serial().len()), (Expected::Unissued, 16));
        assert!(Plan::of(&[], 0, &[7; 32]).is_none());
    }

    #[test]
    fn a_revoked_number_is_a_cas_where_the_issuer_issues_nothing_else() {
        let root = Authority::new("One", 1);
        let with = |good| OcspSubject { issuer: root.certificate.clone(), good, revoked: vec![] };
        assert!(issues_cas_only(&with(vec![root.certify(1), root.certify(2)])));
        assert!(!issues_cas_only(&with(vec![root.certify(1), root.issue(2)])));
        assert!(issues_cas_only(&with(vec![])));
    }
}
