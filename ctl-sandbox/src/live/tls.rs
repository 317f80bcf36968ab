//! TLS for the services that are spoken over it: certificates made as they are asked for, under a CA of the
//! sandbox's own.

use std::fmt;
use std::sync::Arc;

use ctl_pki::Certificate;
use p256::pkcs8::EncodePrivateKey as _;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::{Code, LiveError, Shared};
use crate::SandboxError;
use crate::shape::{Key, Shape, tlv};

const DAY: i64 = 86_400;
const CA_NAME: &str = "CN=ctl-sandbox TLS CA";

/// The CA that certifies the TLS services.
pub(super) struct TlsCa {
    key: Key,
    stranger: Key,
    server: p256::SecretKey,
    certificate: Certificate,
}

impl TlsCa {
    pub(super) fn new() -> Result<Self, SandboxError> {
        let key = Key::p256(CA_NAME)?;
        let certificate = Shape::ca(CA_NAME, &key, Some(0))?.self_signed()?;
        let server = Key::secret_p256("a TLS server of ctl-sandbox");
        Ok(Self { key, stranger: Key::p256("nobody's TLS CA")?, server, certificate })
    }

    pub(super) fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// A certificate for this name, or for the loopback addresses.
    fn issue(&self, name: Option<&str>, now: i64, wrong: &[Code]) -> Result<CertifiedKey, SandboxError> {
        let names = match name {
            Some(name) => tlv(0x82, name.as_bytes()),
            None => [[127, 0, 0, 1], [127, 0, 0, 2]].iter().flat_map(|ip| tlv(0x87, ip)).collect(),
        };
        let left = if wrong.contains(&Code::TlsCertificateExpiring) { 3 } else { 90 };
        let signer = if wrong.contains(&Code::TlsFailure) { &self.stranger } else { &self.key };
        let server_auth = tlv(0x06, &[0x2b, 6, 1, 5, 5, 7, 3, 1]);
        let certificate = Shape::new("CN=ctl-sandbox TLS", &Key::of(&self.server)?)?
            .serial(u64::try_from(now).unwrap_or(1))
            .valid(now - DAY, now + left * DAY)
            .key_usage(&[0])
            .extension("2.5.29.37", false, &tlv(0x30, &server_auth))
            .extension("2.5.29.17", false, &tlv(0x30, &names))
            .signed_by(CA_NAME, signer)?;
        let key = self.server.to_pkcs8_der().map_err(|_| SandboxError::Key)?;
        let key = PrivateKeyDer::Pkcs8(key.as_bytes().to_vec().into());
        let key = ring::sign::any_supported_type(&key).map_err(|_| SandboxError::Key)?;
        Ok(CertifiedKey::new(vec![CertificateDer::from(certificate.der().to_vec())], key))
    }
}

/// Chooses the certificate by the name that the client wants.
struct Resolver(Arc<Shared>);

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolver")
    }
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shared = &self.0;
        let name = hello.server_name();
        let mut wrong = Vec::new();
        for (slug, kind) in name.map(|name| shared.at_host(name)).unwrap_or_default() {
            let faults = shared.faults.at(slug, kind, None);
            wrong.extend(faults.of(&[Code::TlsFailure, Code::TlsCertificateExpiring]));
        }
        shared.tls.issue(name, shared.now(), &wrong).ok().map(Arc::new)
    }
}

/// The configuration of the TLS listeners.
pub(super) fn config(shared: Arc<Shared>) -> Result<ServerConfig, LiveError> {
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| LiveError::Tls(error.to_string()))?;
    Ok(builder.with_no_client_auth().with_cert_resolver(Arc::new(Resolver(shared))))
}
