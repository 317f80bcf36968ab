//! The address of an issuer's certificate (AIA caIssuers, RFC 5280 section 4.2.2.1). It must serve the issuer's
//! certificate, in DER or, as a bundle, in a certs-only PKCS#7. PEM is read too, because many serve it.
//!
//! Any certificate with the issuer's name and key is right: a root, or a cross-certificate for it.
//! `ca_issuers_unreachable` means that the address answers, but without a certificate; it may come together with
//! `http_status`. If no answer comes, there is only the transport's code.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ctl_fetch::{Exchange, Request};
use ctl_pki::Certificate;

use super::http::{self, Expected, finding};
use super::{Memory, Probe, Probed, Round, bundle};
use crate::code::Code;
use crate::target::{Kind, Subject, Target};

/// The media types of RFC 5280 section 4.2.2.1 and RFC 2585 for one and several certificates, and others in use.
const MEDIA_TYPES: &[&str] = &[
    "application/pkix-cert",
    "application/pkcs7-mime",
    "application/x-x509-ca-cert",
    "application/x-pkcs7-certificates",
    "application/pem-certificate-chain",
    "application/x-pem-file",
];

/// The probe of caIssuers addresses.
#[derive(Clone, Copy, Debug)]
pub struct CaIssuersProbe;

impl Probe for CaIssuersProbe {
    fn kind(&self) -> Kind {
        Kind::CaIssuers
    }

    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>> {
        Box::pin(async move {
            let Subject::CaIssuers(issuers) = &target.subject else {
                return Probed::unjudged(target, memory);
            };
            let request = bundle::request(target, &round, "application/pkix-cert, application/pkcs7-mime");
            let exchanges = round.fetch.fetch(&request).await;
            let mut probed = look(&request, &exchanges, issuers, &round);
            probed.findings.extend(bundle::ending(issuers, &round));
            probed
        })
    }
}

fn look(
    request: &Request,
    exchanges: &[Exchange],
    issuers: &[Arc<Certificate>],
    round: &Round<'_>,
) -> Probed {
    let expected = Expected { media_types: MEDIA_TYPES, limits: round.limits, now: round.now };
    let mut probed = bundle::look(request, exchanges, &expected, |_, body| {
        let wrong = match bundle::read(body) {
            Ok(served) => wrong(&served, issuers).map(|words| (Code::CaIssuersWrongCertificate, words)),
            Err(why) => Some((Code::CaIssuersUnreachable, format!("no certificate is served there: {why}"))),
        };
        wrong.into_iter().collect()
    });
    for exchange in exchanges {
        if let Some(status) = http::http_status(exchange) {
            probed.findings.insert(finding(Code::CaIssuersUnreachable, exchange.address, status.detail));
        }
    }
    probed
}

/// Whether the issuer is missing from what is served.
fn wrong(served: &[Certificate], issuers: &[Arc<Certificate>]) -> Option<String> {
    let is_issuer = |one: &Certificate| {
        issuers
            .iter()
            .any(|issuer| one.spki_der() == issuer.spki_der() && one.subject_name() == issuer.subject_name())
    };
    if served.iter().any(is_issuer) {
        return None;
    }
    let due = issuers.first().map_or("the issuer", |issuer| issuer.subject());
    Some(match served {
        [] => format!("no certificate is served where that of {due} is due"),
        [one] if one.subject_name() == issuers.first()?.subject_name() => {
            format!("the certificate of {due} that is served has another key than the issuer's")
        }
        [first, ..] => format!("{} is served where {due} is due", first.subject()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::bytes::{Shape, key, leaf, root, root_named};
    use crate::testing::{Rounds, Service, answer, codes, pkcs7};

    const TYPE: &str = "application/pkix-cert";

    fn watch() -> Rounds<CaIssuersProbe> {
        let issuers = Subject::CaIssuers(vec![Arc::new(root().certificate)]);
        Rounds::of(CaIssuersProbe, "http://alpha.example/root.cer", issuers)
    }

    async fn codes_of(media_type: &str, body: impl Into<bytes::Bytes>) -> Vec<Code> {
        watch().codes(answer(media_type, body)).await
    }

    #[tokio::test]
    async fn the_issuer_is_right_in_every_form() {
        let root = root().certificate;
        let both = [leaf(), root.clone()];
        assert_eq!(codes_of(TYPE, root.der().to_vec()).await, []);
        assert_eq!(codes_of("application/x-pem-file", root.to_pem()).await, []);
        assert_eq!(codes_of("application/pkcs7-mime", pkcs7(&both)).await, []);
        let cross = Shape::new("Root", "Another", &[9]).ca().signed(&key(1), &key(8));
        assert_eq!(codes_of(TYPE, cross.der().to_vec()).await, [], "the same name and key");
    }

    #[tokio::test]
    async fn another_certificate_is_wrong_and_none_is_unreachable() {
        let wrong = [Code::CaIssuersWrongCertificate];
        assert_eq!(codes_of(TYPE, leaf().der().to_vec()).await, wrong);
        assert_eq!(codes_of(TYPE, root_named("Root", 9).certificate.der().to_vec()).await, wrong);
        assert_eq!(codes_of("application/pkcs7-mime", pkcs7(&[])).await, wrong);
        for body in [b"<html>".to_vec(), vec![0x30, 0x80, 0, 0], b"-----BEGIN CERTIFICATE-----".to_vec()] {
            assert_eq!(codes_of(TYPE, body).await, [Code::CaIssuersUnreachable]);
        }
        let not_found = ctl_fetch::Answer { status: 404, ..answer("text/html", "gone") };
        let probed = watch().probe(Service(vec![Ok(not_found)])).await;
        assert_eq!(
            (codes(&probed.findings), probed.evidence.len()),
            (vec![Code::HttpStatus, Code::CaIssuersUnreachable], 1)
        );
        let refused = watch().probe(Service(vec![Err(ctl_fetch::Reason::TcpRefused)])).await;
        assert_eq!(codes(&refused.findings), [Code::TcpRefused]);
    }

    #[tokio::test]
    async fn an_address_that_serves_another_than_the_others_is_named() {
        let [right, wrong] = [root().certificate, leaf()].map(|one| answer(TYPE, one.der().to_vec()));
        let probed = watch().probe(Service(vec![Ok(right), Ok(wrong)])).await;
        assert_eq!(codes(&probed.findings), [Code::AddressDisagreement]);
        let named = probed.findings.first().and_then(|finding| finding.address);
        assert_eq!((named, probed.evidence.len()), (Some(([192, 0, 2, 2], 80).into()), 1));
    }

    #[tokio::test]
    async fn an_issuer_that_ends_soon_is_said() {
        let mut watch = watch();
        watch.now = root().certificate.not_after() - 86_400;
        let right = answer(TYPE, root().certificate.der().to_vec());
        assert_eq!(watch.codes(right).await, [Code::CaExpiring]);
    }
}
