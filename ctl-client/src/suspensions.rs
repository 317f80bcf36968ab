//! Which suspensions hold on this device. A pure function of verified documents and what is remembered.
//!
//! One emergency officer may withdraw trust alone, and nobody gives it back alone: that the newest
//! notices no longer name a suspension does not lift it here, unless two officers signed them, or the
//! list's own signers have named the anchor since, or its time is over.

use ctl_core::list::ListPayload;
use ctl_core::notices::NoticeEntry;
use ctl_core::{Digest, Timestamp};
use ctl_pki::Certificate;

/// Whether a list that was drafted after the notice names the anchor, or the notice's time is over.
/// Only counts for a notice that the newest notices no longer name.
fn is_lifted(notice: &NoticeEntry, lists: &[ListPayload], earliest: Timestamp) -> bool {
    let named_since = |list: &&ListPayload| {
        list.list == notice.list
            && list.issued_at > notice.issued_at
            && list.anchors.iter().any(|anchor| anchor.fingerprint == notice.anchor)
    };
    earliest >= notice.expires_at || lists.iter().any(|list| named_since(&list))
}

/// Those of the suspensions remembered that still hold although `named`, the notices of the newest
/// version, do not say so.
#[must_use]
pub fn kept(
    remembered: &[NoticeEntry],
    named: &[NoticeEntry],
    lists: &[ListPayload],
    earliest: Timestamp,
) -> Vec<NoticeEntry> {
    let holds = |notice: &&NoticeEntry| !named.contains(notice) && !is_lifted(notice, lists, earliest);
    remembered.iter().filter(holds).cloned().collect()
}

/// Suspensions as one list with one entry for each anchor of a list. So that an officer who words the
/// same suspension in ever new ways adds nothing; nor takes anything away: of all the wordings the
/// latest end counts, and the latest date, which a list that lifts it must be younger than.
#[must_use]
pub fn merge(notices: impl IntoIterator<Item = NoticeEntry>) -> Vec<NoticeEntry> {
    let mut merged: Vec<NoticeEntry> = Vec::new();
    for notice in notices {
        let same = |other: &&mut NoticeEntry| {
            (&other.list, other.anchor, other.spki) == (&notice.list, notice.anchor, notice.spki)
        };
        match merged.iter_mut().find(same) {
            Some(other) => {
                let issued_at = other.issued_at.max(notice.issued_at);
                if other.expires_at < notice.expires_at {
                    *other = notice;
                }
                other.issued_at = issued_at;
            }
            None => merged.push(notice),
        }
    }
    merged
}

/// Whether notices name anchors with the keys that these have. One that names the key of another
/// would suspend two and count as one.
///
/// # Errors
/// What is wrong, for people.
pub fn check_keys(notices: &[NoticeEntry], lists: &[ListPayload]) -> Result<(), String> {
    let other = |notice: &&NoticeEntry| key_of(notice.anchor, lists).is_some_and(|key| key != notice.spki);
    notices.iter().find(other).map_or(Ok(()), |notice| {
        Err(format!(
            "notice {} names anchor {} with a key that is not its own: it is not taken up",
            notice.notice, notice.anchor
        ))
    })
}

/// The same of an anchor that a list named only later: then the notice is against that one alone.
#[must_use]
pub fn with_own_keys<'a>(
    notices: impl IntoIterator<Item = &'a NoticeEntry>,
    lists: &[&ListPayload],
) -> Vec<NoticeEntry> {
    let own = |notice: &NoticeEntry| NoticeEntry {
        spki: key_of(notice.anchor, lists.iter().copied()).unwrap_or(notice.spki),
        ..notice.clone()
    };
    notices.into_iter().map(own).collect()
}

/// The SHA-256 of an anchor's key, if one of the lists names the anchor.
fn key_of<'a>(anchor: Digest, lists: impl IntoIterator<Item = &'a ListPayload>) -> Option<Digest> {
    let mut anchors = lists.into_iter().flat_map(|list| &list.anchors);
    let named = anchors.find(|named| named.fingerprint == anchor)?;
    let certificate = Certificate::from_der(&named.certificate.0).ok()?;
    Some(Digest::from_bytes(certificate.spki_sha256()))
}

/// Whether suspensions keep to the cap of root.json.
///
/// # Errors
/// What is wrong, for people.
pub fn check_cap(notices: &[NoticeEntry], cap: u32) -> Result<(), String> {
    if notices.len() <= cap as usize {
        return Ok(());
    }
    Err(format!(
        "with it {} suspensions would be in force, and root.json allows {cap}: it is not taken up. Suspensions that \
         it leaves out count until two officers sign, a newer list names the anchor, or their time is over",
        notices.len()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ctl_core::Digest;

    fn notice(anchor: &str, issued: i64, expires: i64) -> NoticeEntry {
        NoticeEntry {
            anchor: Digest::of(anchor.as_bytes()),
            expires_at: Timestamp::from_unix(expires),
            issued_at: Timestamp::from_unix(issued),
            list: "na".parse().unwrap(),
            notice: 7,
            reason: ctl_core::parts::WithdrawalReason::KeyCompromise,
            spki: Digest::of(anchor.as_bytes()),
        }
    }

    #[test]
    fn a_notice_left_out_holds_until_its_time_is_over() {
        let remembered = [notice("a", 100, 200)];
        let at = |now| kept(&remembered, &[], &[], Timestamp::from_unix(now)).len();
        assert_eq!((at(100), at(199), at(200)), (1, 1, 0));
        assert!(kept(&remembered, &remembered, &[], Timestamp::from_unix(100)).is_empty(), "it is named");
        // Named again with an earlier end: the end that was promised first holds.
        let shorter = [notice("a", 100, 150)];
        assert_eq!(kept(&remembered, &shorter, &[], Timestamp::from_unix(160)).len(), 1);
    }

    #[test]
    fn ever_new_words_for_one_suspension_are_one_suspension() {
        let merged = merge([notice("a", 1, 20), notice("b", 1, 20), notice("a", 2, 30), notice("a", 3, 10)]);
        assert_eq!(merged, [notice("a", 3, 30), notice("b", 1, 20)]);
        assert!(check_cap(&merged, 2).is_ok() && check_cap(&merged, 1).is_err());
    }
}
