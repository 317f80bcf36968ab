//! A whole PKI from a specification: names, keys and certificates of every role.

use std::str::FromStr as _;

use ctl_pki::Certificate;
use p256::SecretKey;
use p256::ecdsa::SigningKey;
use p256::pkcs8::{EncodePrivateKey as _, LineEnding};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng as _, SeedableRng as _};
use sha2::{Digest as _, Sha256};
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::Name;
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use crate::issue::{Request, issue, name_and_key};
use crate::{PkiKind, Role, SandboxError};

/// The largest certificate ISO 15118-2 allows, in bytes of DER [V2G2-010].
pub const MAX_CERTIFICATE_SIZE: usize = 800;

/// What a pretend PKI is made from. Equal specifications give equal bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PkiSpec {
    /// What the root is for, and so which chains stand under it.
    pub kind: PkiKind,
    /// The PKI's name, the beginning of its CAs' common names, for instance `Aurora QA G1`.
    pub name: String,
    /// Two capital letters.
    pub country: String,
    /// The organisation in every name.
    pub operator: String,
    /// Three capital letters or digits: the provider id in eMAID, PCID and SECC identifier.
    pub provider: String,
    /// Any text; keys and serial numbers follow from it and the PKI's kind and name.
    pub seed: String,
    /// Where validity begins for every certificate, in Unix seconds.
    pub not_before: i64,
    /// Base URL of OCSP responders and CRLs, without a slash at the end; `None` leaves both out. `{kind}` in it
    /// stands for `ocsp`, `crl` or `ca-issuers`: each has its own host then.
    pub services: Option<String>,
    /// At how many addresses each CA's CRL is, by what its certificates say.
    pub crl_points: CrlPoints,
    /// Whether certificates say where their issuer's certificate is. The profiles of ISO 15118-2 do not ask for it.
    pub ca_issuers: bool,
    /// What is wrong with the PKI's certificates, if anything is.
    pub oddity: Option<Oddity>,
}

/// Something that is wrong with a PKI from the beginning: no service of it can be blamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// The key usage of its CAs lacks cRLSign, and they issue CRLs all the same.
    NoCrlSign,
    /// The root ends at this Unix second.
    RootEnds(i64),
}

/// At how many addresses a CA's CRL is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CrlPoints {
    /// At one: `crl`.
    #[default]
    One,
    /// The same CRL at two: `crl` and `crl-mirror`. Its issuing distribution point names both.
    Mirrored,
    /// Two CRLs, `crl-1` and `crl-2`, each for some of the certificates and naming itself.
    Sharded,
}

impl CrlPoints {
    /// The last parts of the addresses.
    pub(crate) fn names(self) -> &'static [&'static str] {
        match self {
            Self::One => &["crl"],
            Self::Mirrored => &["crl", "crl-mirror"],
            Self::Sharded => &["crl-1", "crl-2"],
        }
    }
}

impl PkiSpec {
    /// A specification with the provider id `SBX` and without OCSP and CRL.
    pub fn new(
        kind: PkiKind,
        name: &str,
        country: &str,
        operator: &str,
        seed: &str,
        not_before: i64,
    ) -> Self {
        Self {
            kind,
            name: name.to_owned(),
            country: country.to_owned(),
            operator: operator.to_owned(),
            provider: "SBX".to_owned(),
            seed: seed.to_owned(),
            not_before,
            services: None,
            crl_points: CrlPoints::One,
            ca_issuers: false,
            oddity: None,
        }
    }

    /// Where a service of one of the PKI's CAs is, if there are any. `name` is `ocsp`, `ca-issuers`, or a CRL's.
    pub(crate) fn service(&self, issuer: Role, kind: &str, name: &str) -> Option<String> {
        let base = self.services.as_ref()?.replace("{kind}", kind);
        Some(format!("{base}/{}/{}/{name}", self.slug(), issuer.file_name()))
    }

    /// Where the CRL is that speaks of certificates of this role.
    fn crls_of(&self, role: Role) -> Vec<String> {
        let Some(issuer) = role.issuer().filter(|_| role.has_crl_distribution_point()) else {
            return Vec::new();
        };
        let names = match (self.crl_points, self.crl_points.names()) {
            (CrlPoints::Sharded, [_, second]) if role == Role::OemSub1 => std::slice::from_ref(second),
            (CrlPoints::Sharded, [first, _]) => std::slice::from_ref(first),
            (_, names) => names,
        };
        names.iter().filter_map(|name| self.service(issuer, "crl", name)).collect()
    }

    /// The PKI's name as it stands in URLs and folders: lower-case letters, digits and hyphens.
    pub fn slug(&self) -> String {
        self.name.to_lowercase().replace(|character: char| !character.is_ascii_alphanumeric(), "-")
    }

    fn check(&self) -> Result<(), SandboxError> {
        let refuse = |member, value: &str, expected| {
            Err(SandboxError::Spec { member, value: value.to_owned(), expected })
        };
        if self.country.len() != 2 || !self.country.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return refuse("country", &self.country, "two capital letters");
        }
        let provider_byte = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
        if self.provider.len() != 3 || !self.provider.bytes().all(provider_byte) {
            return refuse("provider", &self.provider, "three capital letters or digits");
        }
        for (member, value) in [("name", &self.name), ("operator", &self.operator)] {
            if value.trim() != value || value.is_empty() || value.contains(char::is_control) {
                return refuse(member, value, "text without control characters or spaces at its ends");
            }
        }
        if let Some(url) = &self.services
            && (!url.is_ascii() || url.ends_with('/'))
        {
            return refuse("services", url, "an ASCII URL without a slash at the end");
        }
        Ok(())
    }

    /// The random numbers of one role. Each has its own stream, so a role added later changes no other.
    fn random(&self, role: Role) -> ChaCha20Rng {
        let mut hash = Sha256::new();
        for part in ["ctl-sandbox", &self.seed, self.kind.domain_component(), &self.name, role.file_name()] {
            // The length before each part keeps ("a", "bc") and ("ab", "c") apart.
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        ChaCha20Rng::from_seed(hash.finalize().into())
    }

    fn subject(&self, role: Role, random: &mut ChaCha20Rng) -> Result<Name, SandboxError> {
        let prefix = format!("{}{}", self.country, self.provider);
        let common_name = match role {
            // An eMAID without check digit: instance of nine characters that begins with C (ISO 15118-2 annex H).
            Role::Contract => format!("{prefix}C{:08}", random.next_u64() % 100_000_000),
            // A PCID has 17 characters and perhaps a check digit.
            Role::Provisioning => format!("{prefix}{:012}", random.next_u64() % 1_000_000_000_000),
            Role::Secc => format!("{prefix}S{:08}", random.next_u64() % 100_000_000),
            Role::Root => format!("{} {} Root CA", self.name, self.kind.domain_component()),
            Role::CpoSub1 => format!("{} CPO Sub1 CA", self.name),
            Role::CpoSub2 => format!("{} CPO Sub2 CA", self.name),
            Role::MoSub1 => format!("{} MO Sub1 CA", self.name),
            Role::MoSub2 => format!("{} MO Sub2 CA", self.name),
            Role::OemSub1 => format!("{} OEM Sub1 CA", self.name),
            Role::OemSub2 => format!("{} OEM Sub2 CA", self.name),
        };
        // RFC 4514 text runs from the most specific part: the certificate holds C, O, DC, CN.
        let mut text = format!("CN={}", escape(&common_name));
        if let Some(component) = role.domain_component(self.kind) {
            text.push_str(&format!(",DC={component}"));
        }
        text.push_str(&format!(",O={}", escape(&self.operator)));
        if role.names_country() {
            text.push_str(&format!(",C={}", self.country));
        }
        Ok(Name::from_str(&text)?)
    }
}

/// A certificate with its private key.
#[derive(Clone)]
pub struct Entity {
    certificate: Certificate,
    key: SecretKey,
}

impl Entity {
    pub(crate) fn new(certificate: Certificate, key: SecretKey) -> Self {
        Self { certificate, key }
    }

    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// The private key.
    pub fn key(&self) -> &SecretKey {
        &self.key
    }

    /// The private key in PKCS#8 DER.
    pub fn key_pkcs8_der(&self) -> Result<Vec<u8>, SandboxError> {
        self.key.to_pkcs8_der().map(|document| document.as_bytes().to_vec()).map_err(|_| SandboxError::Key)
    }

    /// The private key in PKCS#8 PEM.
    pub fn key_pkcs8_pem(&self) -> Result<String, SandboxError> {
        self.key.to_pkcs8_pem(LineEnding::LF).map(|pem| pem.to_string()).map_err(|_| SandboxError::Key)
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        SigningKey::from(&self.key)
    }
}

/// A generated PKI: every role of its kind.
#[derive(Clone)]
pub struct Pki {
    spec: PkiSpec,
    root: Entity,
    others: Vec<(Role, Entity)>,
}

impl Pki {
    /// Generates every key and certificate. Same specification, same bytes.
    pub fn generate(spec: &PkiSpec) -> Result<Self, SandboxError> {
        spec.check()?;
        let root = make_root(spec, None)?;
        let mut pki = Self { spec: spec.clone(), root, others: Vec::new() };
        for &role in spec.kind.roles() {
            // Issuers stand before their subjects, so the issuer is there.
            if let Some(issuer) = role.issuer().and_then(|issuer| pki.get(issuer)) {
                let entity = make_under(spec, role, issuer)?;
                pki.others.push((role, entity));
            }
        }
        Ok(pki)
    }

    /// What it was made from.
    pub fn spec(&self) -> &PkiSpec {
        &self.spec
    }

    /// The root CA.
    pub fn root(&self) -> &Entity {
        &self.root
    }

    /// The certificate and key of a role; `None` when this kind of PKI has no such role.
    pub fn get(&self, role: Role) -> Option<&Entity> {
        if role == Role::Root {
            return Some(&self.root);
        }
        self.others.iter().find(|(candidate, _)| *candidate == role).map(|(_, entity)| entity)
    }

    /// Every role with its certificate and key, issuers before subjects.
    pub fn entities(&self) -> impl Iterator<Item = (Role, &Entity)> {
        std::iter::once((Role::Root, &self.root))
            .chain(self.others.iter().map(|(role, entity)| (*role, entity)))
    }

    /// The certificates from a role up to and including the root; empty when there is no such role.
    pub fn chain(&self, role: Role) -> Vec<&Certificate> {
        std::iter::successors(Some(role), |role| role.issuer())
            .filter_map(|role| self.get(role).map(Entity::certificate))
            .collect()
    }
}

/// The cross-certificate by which `issuer`'s root vouches for another root: that root's name and key under
/// `issuer`'s signature, with room for two further CAs. Needs no key of the subject. `not_before` and
/// `not_after` are Unix seconds; keep them within both roots' validity.
pub fn cross_certify(
    issuer: &Entity,
    subject: &Certificate,
    not_before: i64,
    not_after: i64,
) -> Result<Certificate, SandboxError> {
    let (subject_name, public_key) = name_and_key(subject)?;
    let (issuer_name, _) = name_and_key(issuer.certificate())?;
    let mut hash = Sha256::new();
    hash.update(b"ctl-sandbox cross-certificate");
    hash.update(issuer.certificate().sha256());
    hash.update(subject.sha256());
    hash.update(not_before.to_be_bytes());
    hash.update(not_after.to_be_bytes());
    let mut serial = [0; 16];
    ChaCha20Rng::from_seed(hash.finalize().into()).fill_bytes(&mut serial);
    let request = Request {
        subject: subject_name,
        issuer: issuer_name,
        public_key,
        serial,
        not_before,
        not_after,
        is_ca: true,
        path_len: Some(2),
        key_usage: Role::Root.key_usage(),
        has_authority_key_id: true,
        ocsp: None,
        ca_issuers: None,
        crl: Vec::new(),
    };
    issue(request, &issuer.signing_key())
}

/// A root with a key of its own, or with the given one.
pub(crate) fn make_root(spec: &PkiSpec, key: Option<SecretKey>) -> Result<Entity, SandboxError> {
    spec.check()?;
    let mut random = spec.random(Role::Root);
    let own_key = make_key(&mut random);
    let key = key.unwrap_or(own_key);
    let request = request(spec, Role::Root, &key, None, &mut random)?;
    let certificate = issue(request, &SigningKey::from(&key))?;
    Ok(Entity::new(certificate, key))
}

fn make_under(spec: &PkiSpec, role: Role, issuer: &Entity) -> Result<Entity, SandboxError> {
    let mut random = spec.random(role);
    let key = make_key(&mut random);
    let request = request(spec, role, &key, Some(issuer), &mut random)?;
    let certificate = issue(request, &issuer.signing_key())?;
    Ok(Entity::new(certificate, key))
}

/// Draws until the number is a key; all but one in 2^32 are.
fn make_key(random: &mut ChaCha20Rng) -> SecretKey {
    loop {
        let mut bytes = [0; 32];
        random.fill_bytes(&mut bytes);
        if let Ok(key) = SecretKey::from_slice(&bytes) {
            return key;
        }
    }
}

fn request(
    spec: &PkiSpec,
    role: Role,
    key: &SecretKey,
    issuer: Option<&Entity>,
    random: &mut ChaCha20Rng,
) -> Result<Request, SandboxError> {
    let subject = spec.subject(role, random)?;
    let mut serial = [0; 16];
    random.fill_bytes(&mut serial);
    let issuer_name = match issuer {
        Some(issuer) => name_and_key(issuer.certificate())?.0,
        None => subject.clone(),
    };
    let not_after = match spec.oddity {
        Some(Oddity::RootEnds(end)) if role == Role::Root => end,
        _ => role.not_after(spec.not_before)?,
    };
    let mut key_usage = role.key_usage();
    if spec.oddity == Some(Oddity::NoCrlSign) {
        key_usage -= KeyUsages::CRLSign;
    }
    let service = |kind: &str| spec.service(role.issuer()?, kind, kind);
    Ok(Request {
        subject,
        issuer: issuer_name,
        public_key: SubjectPublicKeyInfoOwned::from_key(&key.public_key())
            .map_err(x509_cert::builder::Error::from)?,
        serial,
        not_before: spec.not_before,
        not_after,
        is_ca: role.is_ca(),
        path_len: role.path_len(),
        key_usage,
        has_authority_key_id: issuer.is_some(),
        ocsp: service("ocsp"),
        ca_issuers: service("ca-issuers").filter(|_| spec.ca_issuers),
        crl: spec.crls_of(role),
    })
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '#') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}
