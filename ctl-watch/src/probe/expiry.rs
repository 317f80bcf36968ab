//! CA certificates that end soon. A root must be replaced everywhere before it ends, so its notice is years.
//!
//! The targets that are judged by the certificate get the finding: CRLs by their issuer, caIssuers, EST and root pools
//! by what they serve. OCSP responders do not: the end of each watched certificate has a gauge of its own, and one
//! fault should not open an incident at every service of a PKI.

use ctl_pki::Certificate;
use ctl_pki::time::{date, span};
use ctl_policy::sla::ServiceLimits;

use super::http::finding;
use crate::code::Code;
use crate::observation::Finding;

/// The finding, if a CA certificate ends within the notice for its kind.
#[must_use]
pub fn expiring(certificate: &Certificate, now: i64, limits: &ServiceLimits) -> Option<Finding> {
    let notice = if certificate.is_self_issued() { limits.root_notice } else { limits.ca_notice };
    let left = certificate.not_after().saturating_sub(now);
    if left >= notice {
        return None;
    }
    let end = date(certificate.not_after());
    let when = if left < 0 { format!("ended on {end}") } else { format!("ends on {end}, in {}", span(left)) };
    let detail = format!("{} {when}; {} of notice are due", certificate.subject(), span(notice));
    Some(finding(Code::CaExpiring, None, detail))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bytes::{DAY, Shape, key, root};

    #[test]
    fn roots_are_warned_of_two_years_ahead_and_others_a_quarter() {
        let limits = ServiceLimits::default();
        let sub = Shape::new("Sub", "Root", &[2]).ca().signed(&key(2), &key(1));
        for (certificate, notice) in [(root().certificate, 730 * DAY), (sub, 90 * DAY)] {
            let due = certificate.not_after() - notice;
            assert_eq!(expiring(&certificate, due, &limits), None);
            let found = expiring(&certificate, due + 1, &limits).unwrap();
            assert_eq!(found.code, Code::CaExpiring);
            let after = expiring(&certificate, certificate.not_after() + 1, &limits).unwrap();
            assert!(found.detail.contains("ends on") && after.detail.contains("ended on"), "{after:?}");
        }
    }
}
