//! Which suspensions hold on this device. A pure function of verified documents and what is remembered.
//!
//! One emergency officer may withdraw trust alone, and nobody gives it back alone: that the newest
//! notices no longer name a suspension does not lift it here, unless two officers signed them, or the
//! list's own signers have named the anchor since, or its time is over.

use ctl_core::Timestamp;
use ctl_core::list::ListPayload;
use ctl_core::notices::NoticeEntry;

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

/// Suspensions as one list with one entry for each anchor of a list, the one that ends last. So that
/// an officer who words the same suspension in ever new ways adds nothing.
#[must_use]
pub fn merge(notices: impl IntoIterator<Item = NoticeEntry>) -> Vec<NoticeEntry> {
    let mut merged: Vec<NoticeEntry> = Vec::new();
    for notice in notices {
        let same = |other: &&mut NoticeEntry| {
            (&other.list, other.anchor, other.spki) == (&notice.list, notice.anchor, notice.spki)
        };
        match merged.iter_mut().find(same) {
            Some(other) if other.expires_at < notice.expires_at => *other = notice,
            Some(_) => {}
            None => merged.push(notice),
        }
    }
    merged
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
            reason: ctl_core::statement::parts::WithdrawalReason::KeyCompromise,
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
        assert_eq!(merged, [notice("a", 2, 30), notice("b", 1, 20)]);
        assert!(check_cap(&merged, 2).is_ok() && check_cap(&merged, 1).is_err());
    }
}
