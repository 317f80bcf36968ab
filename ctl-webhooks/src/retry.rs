//! What becomes of a delivery, by its answer. OPCP: an endpoint answers 200 or 400; after 5xx there are three more
//! attempts, one an hour. No answer at all is as bad as 5xx; what any other status refuses would be refused again.
//! An attempt that this program could not make is made up for, and no longer than those attempts would have taken.

use std::time::Duration;

use ctl_core::Timestamp;
use ctl_fetch::Reason;

/// How often, and after what time, a delivery is tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    pub retries: u32,
    pub after: Duration,
}

/// What an attempt brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// An answer of this status.
    Answered(u16),
    /// None, for this reason.
    Unanswered(Reason),
}

/// What becomes of the delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// It has arrived.
    Delivered,
    /// It is tried again at this moment; `counts` says whether this attempt was one.
    Again { at: Timestamp, counts: bool },
    /// It is given up.
    GivenUp,
}

/// After what time an attempt is made up for that this program could not make.
const SOON: u64 = 60;

impl Attempt {
    /// In a word, for the operator's logs and metrics; the endpoint's owner is [`told`] less.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answered(200..=299) => "delivered",
            Self::Answered(500..=599) => "server-error",
            Self::Answered(300..=399) => "redirected",
            Self::Answered(_) => "refused",
            Self::Unanswered(reason) => match reason {
                Reason::DnsFailure => "dns-failure",
                Reason::AddressForbidden => "address-forbidden",
                Reason::TcpRefused => "connection-refused",
                Reason::TcpTimeout => "connection-timeout",
                Reason::TlsFailure => "tls-failure",
                Reason::NotHttp => "not-http",
                Reason::Slow => "slow",
                Reason::Busy => "busy",
                Reason::RedirectRefused | Reason::BodyTruncated | Reason::BodyTooLarge => "unanswered",
            },
        }
    }

    /// Every word there is.
    pub const WORDS: [&'static str; 13] = [
        "delivered",
        "server-error",
        "redirected",
        "refused",
        "dns-failure",
        "address-forbidden",
        "connection-refused",
        "connection-timeout",
        "tls-failure",
        "not-http",
        "slow",
        "busy",
        "unanswered",
    ];
}

/// What an endpoint's owner is told of an attempt, by its [`Attempt::word`]. Whether a name has no address or one that
/// must not be called is one to them: by the difference anyone could ask which names the operator's own network knows.
#[must_use]
pub fn told(word: &str) -> &str {
    match word {
        "dns-failure" | "address-forbidden" => "no-address",
        other => other,
    }
}

impl Retry {
    /// What becomes of a delivery of an event of the time `since` that was attempted `before` times and now so.
    #[must_use]
    pub fn next(self, (since, before): (Timestamp, u32), attempt: Attempt, now: Timestamp) -> Next {
        let all = self.after.as_secs().saturating_mul(self.retries.into());
        match attempt {
            Attempt::Answered(200..=299) => Next::Delivered,
            Attempt::Unanswered(Reason::Busy) if (since..since.plus_seconds(all)).contains(&now) => {
                Next::Again { at: now.plus_seconds(SOON), counts: false }
            }
            Attempt::Answered(500..=599) | Attempt::Unanswered(_) if before < self.retries => {
                Next::Again { at: now.plus_seconds(self.after.as_secs()), counts: true }
            }
            Attempt::Answered(_) | Attempt::Unanswered(_) => Next::GivenUp,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETRY: Retry = Retry { retries: 3, after: Duration::from_secs(3600) };

    fn next(before: u32, attempt: Attempt, now: i64) -> Next {
        RETRY.next((Timestamp::from_unix(1000), before), attempt, Timestamp::from_unix(now))
    }

    const fn again(at: i64, counts: bool) -> Next {
        Next::Again { at: Timestamp::from_unix(at), counts }
    }

    #[test]
    fn three_retries_an_hour_apart_and_only_where_they_may_help() {
        let hour = again(4600, true);
        for attempt in [Attempt::Answered(503), Attempt::Answered(500), Attempt::Unanswered(Reason::Slow)] {
            let all: Vec<Next> = (0..4).map(|before| next(before, attempt, 1000)).collect();
            assert_eq!(all, [hour, hour, hour, Next::GivenUp], "{attempt:?}");
        }
        for status in [400, 404, 410, 301, 101, 999] {
            assert_eq!(next(0, Attempt::Answered(status), 1000), Next::GivenUp, "{status}");
        }
        assert_eq!(next(3, Attempt::Answered(204), 1000), Next::Delivered);
    }

    #[test]
    fn an_attempt_that_could_not_be_made_is_made_up_for_and_not_for_ever() {
        let busy = Attempt::Unanswered(Reason::Busy);
        assert_eq!(next(3, busy, 1000), again(1060, false), "no fault of the endpoint's");
        assert_eq!(next(0, busy, 11_799), again(11_859, false));
        // When all retries would have been made, it is an attempt like others.
        assert_eq!(next(0, busy, 11_800), again(15_400, true));
        assert_eq!(next(3, busy, 11_800), Next::GivenUp);
        assert_eq!(next(3, busy, 999), Next::GivenUp, "by a clock that went back");
    }

    #[test]
    fn an_owner_is_not_told_a_name_without_an_address_from_one_that_leads_inside() {
        let words = |reason| told(Attempt::Unanswered(reason).word());
        assert_eq!(words(Reason::DnsFailure), words(Reason::AddressForbidden));
        let all: std::collections::BTreeSet<&str> = Attempt::WORDS.into_iter().map(told).collect();
        assert_eq!(all.len(), Attempt::WORDS.len() - 1);
    }
}
