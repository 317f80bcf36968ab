//! EST cacerts (RFC 7030 section 4.1): a certs-only PKCS#7 in base64. It must hold the roots that are due, and no root
//! that is on no list. It may hold sub-CAs, as the RFC asks for a chain.

use std::future::Future;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_formats::certificates_from_pkcs7;
use ctl_pki::Certificate;

use super::bundle::{self, Wrong};
use super::{Memory, Probe, Probed, Round};
use crate::code::Code;
use crate::target::{Kind, Roots, Subject, Target};

/// The probe of EST cacerts.
#[derive(Clone, Copy, Debug)]
pub struct EstProbe;

impl Probe for EstProbe {
    fn kind(&self) -> Kind {
        Kind::Est
    }

    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>> {
        Box::pin(async move {
            let Subject::Est(roots) = &target.subject else { return Probed::unjudged(target, memory) };
            bundle::roots(target, &round, "application/pkcs7-mime", roots, judge).await
        })
    }
}

fn judge(body: &[u8], roots: &Roots) -> Vec<Wrong> {
    let words = match read(body) {
        Ok(served) => difference(&served, roots),
        Err(why) => Some(why),
    };
    words.map(|words| (Code::EstCacertsMismatch, words)).into_iter().collect()
}

fn read(body: &[u8]) -> Result<Vec<Certificate>, String> {
    let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let der = STANDARD
        .decode(text)
        .map_err(|_| "the body is not base64, which RFC 7030 section 4.1.3 asks for".to_owned())?;
    certificates_from_pkcs7(&der).map_err(|error| error.to_string())
}

/// How the served roots differ from those of the lists.
fn difference(served: &[Certificate], roots: &Roots) -> Option<String> {
    if let Some(missing) = roots.due.iter().find(|due| !served.contains(due)) {
        let fingerprint = hex::encode(missing.sha256());
        return Some(format!("{} ({fingerprint}) is on the list and not served", missing.subject()));
    }
    let is_known = |one: &Certificate| roots.due.iter().chain(&roots.known).any(|known| **known == *one);
    let stranger = served.iter().find(|one| one.is_self_issued() && !is_known(one))?;
    let fingerprint = hex::encode(stranger.sha256());
    Some(format!("{} ({fingerprint}) is served and on no list", stranger.subject()))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::testing::bytes::{Shape, key, root, root_named};
    use crate::testing::{Rounds, Service, answer, codes, pkcs7};

    fn watch() -> Rounds<EstProbe> {
        let (due, other) = (Arc::new(root().certificate), Arc::new(root_named("MO Root", 12).certificate));
        let roots = Roots { due: vec![due.clone()], known: vec![due, other] };
        Rounds::of(EstProbe, "https://est.alpha.example/.well-known/est/cacerts", Subject::Est(roots))
    }

    async fn served(certificates: &[Certificate]) -> Vec<Code> {
        let text = STANDARD.encode(pkcs7(certificates));
        let lines: Vec<_> = text.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line)).collect();
        watch().codes(answer("application/pkcs7-mime; smime-type=certs-only", lines.join("\r\n"))).await
    }

    /// Whoever asks from the command line says what must be there, and perhaps nothing else.
    #[tokio::test]
    async fn a_root_that_must_be_there_may_be_there() {
        let due = vec![Arc::new(root().certificate)];
        let roots = Subject::Est(Roots { due, known: Vec::new() });
        let mut watch = Rounds::of(EstProbe, "https://est.alpha.example/.well-known/est/cacerts", roots);
        let served = answer("application/pkcs7-mime", STANDARD.encode(pkcs7(&[root().certificate])));
        assert_eq!(watch.codes(served).await, []);
    }

    #[tokio::test]
    async fn the_roots_of_the_lists_and_what_is_below_them_are_in_order() {
        let sub = Shape::new("Sub", "Root", &[2]).ca().signed(&key(2), &key(1));
        let (v2g, mo) = (root().certificate, root_named("MO Root", 12).certificate);
        assert_eq!(served(std::slice::from_ref(&v2g)).await, []);
        assert_eq!(served(&[sub, mo, v2g]).await, []);
    }

    #[tokio::test]
    async fn a_root_that_is_missing_or_on_no_list_is_named() {
        let mismatch = [Code::EstCacertsMismatch];
        assert_eq!(served(&[]).await, mismatch);
        let imposter = root_named("Root", 9).certificate;
        assert_eq!(served(std::slice::from_ref(&imposter)).await, mismatch);
        assert_eq!(served(&[root().certificate, imposter]).await, mismatch);
        for body in [root().certificate.to_pem().into_bytes(), pkcs7(&[root().certificate]), b"MAA=".to_vec()]
        {
            assert_eq!(watch().codes(answer("application/pkcs7-mime", body)).await, mismatch);
        }
        let down = watch().probe(Service(vec![Err(ctl_fetch::Reason::TlsFailure)])).await;
        assert_eq!(codes(&down.findings), [Code::TlsFailure]);
    }
}
