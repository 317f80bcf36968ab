//! What the probes of caIssuers, EST cacerts and root pools share: all fetch certificates.

use std::sync::Arc;

use ctl_fetch::{Addresses, Exchange, Request};
use ctl_formats::certificates_from_pkcs7;
use ctl_pki::{Certificate, certificates_from_pem};

use super::http::{self, Expected, finding};
use super::{Probed, Round, expiry};
use crate::code::{Code, Weight};
use crate::observation::Finding;
use crate::target::{Roots, Target};

/// What is wrong with a body: the code and the details.
pub(super) type Wrong = (Code, String);

/// Sends a GET to every address of a target.
pub(super) fn request(target: &Target, round: &Round<'_>, accept: &'static str) -> Request {
    Request {
        url: target.url.clone(),
        body: None,
        content_type: None,
        accept,
        max_body: round.limits.max_body,
        timeout: round.timeout,
        addresses: Addresses::All,
        headers: Vec::new(),
    }
}

/// Probes a service that hands out roots: judges what every address serves by the roots that are due, and reports those
/// that end soon.
pub(super) async fn roots(
    target: &Target,
    round: &Round<'_>,
    media_type: &'static str,
    roots: &Roots,
    judge: fn(&[u8], &Roots) -> Vec<Wrong>,
) -> Probed {
    let request = request(target, round, media_type);
    let exchanges = round.fetch.fetch(&request).await;
    let expected = Expected { media_types: &[media_type], limits: round.limits, now: round.now };
    let mut probed = look(&request, &exchanges, &expected, |_, body| judge(body, roots));
    probed.findings.extend(ending(&roots.due, round));
    probed
}

/// The certificates that end soon.
pub(super) fn ending(certificates: &[Arc<Certificate>], round: &Round<'_>) -> Vec<Finding> {
    certificates.iter().filter_map(|one| expiry::expiring(one, round.now, round.limits)).collect()
}

/// The certificates in a body: one in DER, several in PEM or in a certs-only PKCS#7.
///
/// # Errors
/// What is wrong with the body.
pub fn read(body: &[u8]) -> Result<Vec<Certificate>, String> {
    if !body.starts_with(&[0x30]) {
        return certificates_from_pem(body).map_err(|error| error.to_string());
    }
    Certificate::from_der(body).map(|one| vec![one]).or_else(|of_one| {
        certificates_from_pkcs7(body)
            .map_err(|of_many| format!("neither one certificate ({of_one}) nor several ({of_many})"))
    })
}

/// Judges what every address serves. If some addresses are right and others wrong, the finding is that they disagree,
/// with the details in its text.
pub(super) fn look(
    request: &Request,
    exchanges: &[Exchange],
    expected: &Expected<'_>,
    judge: impl Fn(&Exchange, &[u8]) -> Vec<Wrong>,
) -> Probed {
    let mut probed = Probed::default();
    let mut judged = Vec::new();
    for exchange in exchanges {
        let reading = http::read(exchange, expected);
        let wrong = reading.answer.map(|answer| judge(exchange, &answer.body));
        judged.push((exchange, reading.findings, wrong));
    }
    let is_right = |wrong: &Option<Vec<Wrong>>| wrong.as_ref().is_some_and(Vec::is_empty);
    let any_is_right = judged.iter().any(|(_, _, wrong)| is_right(wrong));
    for (exchange, mut findings, wrong) in judged {
        for (code, words) in wrong.into_iter().flatten() {
            // Only addresses that differ from the others are named.
            let code = if any_is_right { Code::AddressDisagreement } else { code };
            findings.push(finding(code, exchange.address, words));
        }
        let is_error = |finding: &Finding| finding.code.weight() == Weight::Error;
        if findings.iter().any(is_error) && probed.evidence.len() < http::MAX_EVIDENCE {
            probed.evidence.push(http::evidence(request, exchange));
        }
        probed.findings.extend(findings);
    }
    probed.note_exchange(exchanges, expected.now);
    probed
}
