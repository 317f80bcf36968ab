//! `resolve`: which listed root is meant by a name, a key identifier, a fingerprint, OCPP's CertificateHashData, or a
//! certificate that it issued. A charger is told of its roots in all these ways, and each by another program.

use std::collections::BTreeMap;

use ctl_core::Digest;
use ctl_pki::{Certificate, DistinguishedName};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::chain::Searcher;
use super::name::names_from_text;
use super::pieces::{Content, pieces};
use super::{Known, ListedAnchor};
use crate::sink::fingerprint;

/// No question in text is longer.
const MAX_TEXT: usize = 64 * 1024;
/// So many certificates of a file are looked at.
const MAX_CERTIFICATES: usize = 100;

/// What a text is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// A distinguished name: text of RFC 4514, or DER in hex.
    Name,
    /// A subject or authority key identifier in hex, or the SHA-1 of the public key (`key_sha1_hash`).
    KeyId,
    /// A SHA-256 or SHA-1 of a certificate in hex.
    Fingerprint,
    /// OCPP's `CertificateHashData` as JSON.
    HashData,
}

/// OCPP 2.0.1, `CertificateHashDataType`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HashData {
    /// `SHA256`, `SHA384` or `SHA512`.
    pub hash_algorithm: String,
    /// The hash of the issuer's name in DER, in hex.
    pub issuer_name_hash: String,
    /// The hash of the issuer's public key, without tag, length and unused bits, in hex.
    pub issuer_key_hash: String,
    /// The serial number in hex.
    pub serial_number: String,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub enum Query {
    /// The root with one of these names.
    Name(Vec<DistinguishedName>),
    /// The root with this key identifier.
    KeyId(Vec<u8>),
    /// The root with this digest.
    Fingerprint(Vec<u8>),
    /// The root with any of these: bytes that nobody said the meaning of.
    Bytes(Vec<u8>),
    /// The root that is meant, or issued what is meant.
    HashData(HashData),
    /// The root that is the first of these, or in which its chain ends through the others.
    Certificates(Vec<Certificate>),
}

/// A root that is meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Match {
    /// By what: a sentence for each way.
    pub how: Vec<String>,
    /// What a list says of it, and where it is. One match for each list that names it.
    #[serde(flatten)]
    pub anchor: ListedAnchor,
    /// The certificate in PEM.
    pub pem: String,
}

/// The roots that are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// The roots, those that are trusted here first.
    pub matches: Vec<Match>,
    /// What else may help.
    pub notes: Vec<String>,
}

impl Resolved {
    /// Whether a root that is trusted here is among them.
    #[must_use]
    pub fn is_found(&self) -> bool {
        self.matches.iter().any(|one| one.anchor.trusted)
    }
}

impl Query {
    /// What a text asks for; without a form, by what it looks like.
    ///
    /// # Errors
    /// Why it is no question, for people.
    pub fn from_text(text: &str, form: Option<Form>) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("what is asked for has at most {MAX_TEXT} bytes"));
        }
        let text = text.trim();
        let no_hex = || "hex digits are expected here, with or without colons".to_owned();
        match form {
            Some(Form::HashData) => hash_data(text),
            Some(Form::KeyId) => bytes_of_hex(text).map(Self::KeyId).ok_or_else(no_hex),
            Some(Form::Fingerprint) => bytes_of_hex(text).map(Self::Fingerprint).ok_or_else(no_hex),
            Some(Form::Name) => match bytes_of_hex(text) {
                Some(der) => name_of_der(&der),
                None => names_from_text(text).map(Self::Name),
            },
            None if text.starts_with('{') => hash_data(text),
            None => match bytes_of_hex(text) {
                Some(bytes) => name_of_der(&bytes).or(Ok(Self::Bytes(bytes))),
                None if text.contains('=') => names_from_text(text).map(Self::Name),
                None => Err(
                    "neither a file that is there, nor a name (CN=…), hex digits, or CertificateHashData ({…})".into(),
                ),
            },
        }
    }

    /// What a file asks for: certificates, or a distinguished name in DER, or CertificateHashData.
    ///
    /// # Errors
    /// Why it is no question, for people.
    pub fn from_file(bytes: &[u8]) -> Result<Self, String> {
        if bytes.first() == Some(&b'{') {
            let text = std::str::from_utf8(bytes).map_err(|_| "it is no text")?;
            return Self::from_text(text, Some(Form::HashData));
        }
        if bytes.len() <= MAX_TEXT
            && let Ok(name) = name_of_der(bytes)
        {
            return Ok(name);
        }
        let mut certificates = Vec::new();
        for piece in pieces(bytes) {
            match piece.content {
                Content::Certificate(der) if certificates.len() < MAX_CERTIFICATES => {
                    let read = Certificate::from_der(&der);
                    certificates.push(read.map_err(|error| format!("line {}: {error}", piece.line))?);
                }
                Content::Certificate(_) => {
                    return Err(format!(
                        "more than {MAX_CERTIFICATES} certificates: ask with one and its chain"
                    ));
                }
                Content::Broken(problem) => return Err(format!("line {}: {problem}", piece.line)),
                Content::Other(_) => {}
            }
        }
        if certificates.is_empty() {
            Err("it holds no certificate".into())
        } else {
            Ok(Self::Certificates(certificates))
        }
    }
}

fn name_of_der(der: &[u8]) -> Result<Query, String> {
    let name = DistinguishedName::from_der(der).map_err(str::to_owned)?;
    if name.is_empty() { Err("an empty name".into()) } else { Ok(Query::Name(vec![name])) }
}

fn hash_data(text: &str) -> Result<Query, String> {
    let wrong = |error: serde_json::Error| format!("no CertificateHashData: {error}");
    let mut value: serde_json::Value = serde_json::from_str(text).map_err(wrong)?;
    // As it stands in an answer of GetInstalledCertificateIds, or in a request to delete.
    if let Some(inner) = value.get_mut("certificateHashData") {
        value = inner.take();
    }
    serde_json::from_value(value).map(Query::HashData).map_err(wrong)
}

/// Bytes of hex digits, with or without colons or spaces between them.
fn bytes_of_hex(text: &str) -> Option<Vec<u8>> {
    let digits: String = text.chars().filter(|character| !matches!(character, ':' | ' ')).collect();
    let digits = digits.strip_prefix("0x").unwrap_or(&digits);
    if digits.is_empty() || digits.len() % 2 == 1 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at.saturating_add(2))?, 16).ok();
    (0..digits.len()).step_by(2).map(byte).collect()
}

/// Every listed root that is meant.
#[must_use]
pub fn resolve(known: &Known, query: &Query) -> Resolved {
    let mut resolved = Resolved::default();
    let roots = known.listed_certificates();
    let ends: BTreeMap<Digest, String> = match query {
        Query::Certificates(all) => chain_ends(known, all, &mut resolved.notes),
        _ => BTreeMap::new(),
    };
    for root in &roots {
        let own = fingerprint(root);
        let how = match query {
            Query::Certificates(_) => ends.get(&own).cloned().into_iter().collect(),
            other => ways(root, other),
        };
        if how.is_empty() {
            continue;
        }
        let lines = known.listed(own).into_iter();
        resolved.matches.extend(lines.map(|anchor| Match { how: how.clone(), anchor, pem: root.to_pem() }));
    }
    resolved.matches.sort_by_key(|one| !one.anchor.trusted);
    if let Query::HashData(data) = query
        && hasher(&data.hash_algorithm).is_none()
    {
        resolved.notes.push("hashAlgorithm is none of SHA256, SHA384 and SHA512, which OCPP knows".into());
    }
    resolved
}

/// In which ways a root is meant.
fn ways(root: &Certificate, query: &Query) -> Vec<String> {
    let mut how = Vec::new();
    let mut is = |holds: bool, words: &str| {
        if holds {
            how.push(words.to_owned());
        }
    };
    let (as_key, as_fingerprint) = match query {
        Query::KeyId(bytes) => (Some(bytes), None),
        Query::Fingerprint(bytes) => (None, Some(bytes)),
        Query::Bytes(bytes) => (Some(bytes), Some(bytes)),
        _ => (None, None),
    };
    if let Some(bytes) = as_key {
        is(root.subject_key_id() == Some(bytes), "it is its subject key identifier");
        is(root.public_key_sha1() == **bytes, "it is the SHA-1 of its public key (key_sha1_hash)");
    }
    if let Some(bytes) = as_fingerprint {
        is(root.sha256() == **bytes, "it is the SHA-256 of the certificate");
        is(root.sha1() == **bytes, "it is the SHA-1 of the certificate (cert_sha1_hash)");
        is(root.spki_sha256() == **bytes, "it is the SHA-256 of its SubjectPublicKeyInfo");
    }
    match query {
        Query::Name(names) => is(names.contains(root.subject_name()), "it is its subject"),
        Query::HashData(data) => {
            let same = |hex: &str, bytes: &[u8]| {
                let hash = hasher(&data.hash_algorithm).map(|hash| hash(bytes));
                hash.is_some() && bytes_of_hex(hex) == hash
            };
            let is_key = same(&data.issuer_key_hash, root.public_key_bits());
            let serial = data.serial_number.trim().trim_start_matches('0').to_ascii_lowercase();
            let is_itself = serial == root.serial_hex().trim_start_matches('0')
                && is_key
                && same(&data.issuer_name_hash, root.issuer_der());
            is(is_itself, "it is this certificate's hash data");
            let issued = !is_itself && is_key && same(&data.issuer_name_hash, root.subject_der());
            is(issued, "it is the hash data of a certificate that it issued");
        }
        _ => {}
    }
    how
}

type Hasher = fn(&[u8]) -> Vec<u8>;

fn hasher(algorithm: &str) -> Option<Hasher> {
    let known: [(&str, Hasher); 3] = [
        ("SHA256", |bytes| Sha256::digest(bytes).to_vec()),
        ("SHA384", |bytes| Sha384::digest(bytes).to_vec()),
        ("SHA512", |bytes| Sha512::digest(bytes).to_vec()),
    ];
    known.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(algorithm)).map(|(_, hash)| hash)
}

/// The roots in which chains of the first certificate end, with the way there; where nothing is found, why.
fn chain_ends(known: &Known, all: &[Certificate], notes: &mut Vec<String>) -> BTreeMap<Digest, String> {
    let mut ends = BTreeMap::new();
    let Some((first, rest)) = all.split_first() else { return ends };
    let listed = known.listed_certificates();
    if listed.contains(first) {
        ends.insert(fingerprint(first), "it is this certificate".to_owned());
        return ends;
    }
    let chains = Searcher::new(known, rest).chains(first);
    for chain in &chains.found {
        let way = match chain.subjects.len() {
            0..=2 => "its key signed the certificate".to_owned(),
            more => format!(
                "the certificate's chain ends here, {} certificates further up",
                more.saturating_sub(1)
            ),
        };
        let problem = chain.problem.as_ref().map(|problem| format!("; that chain is not valid: {problem}"));
        ends.insert(chain.anchor, way + &problem.unwrap_or_default());
    }
    if let (true, Some(dead_end)) = (chains.found.is_empty(), chains.dead_end) {
        notes.push(dead_end);
        // A key identifier alone proves nothing, and helps a person on.
        for root in &listed {
            if root.subject_key_id().is_some() && root.subject_key_id() == first.authority_key_id() {
                notes.push(format!(
                    "its authority key identifier is that of the listed root {}, which did not sign it",
                    fingerprint(root)
                ));
            }
        }
    }
    ends
}
