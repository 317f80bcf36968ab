//! What becomes of a delivery, by its answer. OPCP: an endpoint answers 200 or 400; after 5xx there are three more
//! attempts, one an hour. No answer at all is as bad as 5xx; what any other status refuses would be refused again.

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
    /// In a word, for logs and metrics.
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

impl Retry {
    /// What becomes of a delivery that was attempted `before` times and now so.
    #[must_use]
    pub fn next(self, before: u32, attempt: Attempt, now: Timestamp) -> Next {
        match attempt {
            Attempt::Answered(200..=299) => Next::Delivered,
            Attempt::Unanswered(Reason::Busy) => Next::Again { at: now.plus_seconds(SOON), counts: false },
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

    #[test]
    fn three_retries_an_hour_apart_and_only_where_they_may_help() {
        let (retry, now) =
            (Retry { retries: 3, after: Duration::from_secs(3600) }, Timestamp::from_unix(1000));
        let hour = Next::Again { at: Timestamp::from_unix(4600), counts: true };
        for attempt in [Attempt::Answered(503), Attempt::Answered(500), Attempt::Unanswered(Reason::Slow)] {
            let all: Vec<Next> = (0..4).map(|before| retry.next(before, attempt, now)).collect();
            assert_eq!(all, [hour, hour, hour, Next::GivenUp], "{attempt:?}");
        }
        for status in [400, 404, 410, 301, 101, 999] {
            assert_eq!(retry.next(0, Attempt::Answered(status), now), Next::GivenUp, "{status}");
        }
        assert_eq!(retry.next(3, Attempt::Answered(204), now), Next::Delivered);
        let soon = Next::Again { at: Timestamp::from_unix(1060), counts: false };
        assert_eq!(retry.next(3, Attempt::Unanswered(Reason::Busy), now), soon, "no fault of the endpoint's");
    }
}
