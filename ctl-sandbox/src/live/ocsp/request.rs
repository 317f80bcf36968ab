//! Reads OCSP requests (RFC 6960 section 4.1.1).

use ctl_pki::Certificate;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::super::der::{self, element, ocsp_oid, only, take};

/// The most certificates that one request may ask about.
const MAX_QUESTIONS: usize = 16;
/// RFC 9654 section 2.1.
const MAX_NONCE_SIZE: usize = 128;

/// What is asked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) questions: Vec<Question>,
    /// The nonce, without the OCTET STRING around it.
    pub(super) nonce: Option<Vec<u8>>,
}

/// One certificate that is asked about.
#[derive(Debug)]
pub(super) struct Question {
    /// The CertID as it came: the answer repeats it.
    pub(super) cert_id: Vec<u8>,
    hash: Hash,
    name_hash: Vec<u8>,
    key_hash: Vec<u8>,
    pub(super) serial: Vec<u8>,
}

#[derive(Debug)]
enum Hash {
    Sha1,
    Sha256,
    Other,
}

impl Question {
    /// Whether it is about a certificate of this CA.
    pub(super) fn is_about(&self, issuer: &Certificate) -> bool {
        let digest = |bytes: &[u8]| match self.hash {
            Hash::Sha1 => Sha1::digest(bytes).to_vec(),
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
            Hash::Other => Vec::new(),
        };
        self.name_hash == digest(issuer.subject_der()) && self.key_hash == digest(issuer.public_key_bits())
    }
}

/// Reads a request; `None` for what is malformed.
pub(super) fn read(request: &[u8]) -> Option<Asked> {
    let mut outer = only(request, 0x30)?;
    let mut inside = take(&mut outer, 0x30)?.content;
    // A signature may follow; nobody here wants one.
    take(&mut outer, 0xa0);
    outer.is_empty().then_some(())?;
    // Version and requestor.
    take(&mut inside, 0xa0);
    take(&mut inside, 0xa1);
    let mut list = take(&mut inside, 0x30)?.content;
    let mut questions = Vec::new();
    while !list.is_empty() {
        questions.push(question(take(&mut list, 0x30)?.content)?);
    }
    let mut nonce = None;
    if let Some(extensions) = take(&mut inside, 0xa2) {
        let mut extensions = only(extensions.content, 0x30)?;
        while !extensions.is_empty() {
            let mut extension = take(&mut extensions, 0x30)?.content;
            let id = take(&mut extension, 0x06)?.content;
            take(&mut extension, 0x01);
            let value = only(extension, 0x04)?;
            if id == ocsp_oid(2) {
                let value = only(value, 0x04)?;
                (1..=MAX_NONCE_SIZE).contains(&value.len()).then_some(())?;
                nonce = Some(value.to_vec());
            }
        }
    }
    (inside.is_empty() && (1..=MAX_QUESTIONS).contains(&questions.len()))
        .then_some(Asked { questions, nonce })
}

fn question(mut content: &[u8]) -> Option<Question> {
    let whole = take(&mut content, 0x30)?;
    let mut cert_id = whole.content;
    let mut algorithm = take(&mut cert_id, 0x30)?.content;
    let hash = match take(&mut algorithm, 0x06)?.content {
        der::SHA1 => Hash::Sha1,
        der::SHA256 => Hash::Sha256,
        _ => Hash::Other,
    };
    let name_hash = take(&mut cert_id, 0x04)?.content.to_vec();
    let key_hash = take(&mut cert_id, 0x04)?.content.to_vec();
    let serial = der::shortest(take(&mut cert_id, 0x02)?.content).to_vec();
    // Extensions of the single request say nothing that is needed here.
    while element(&mut content).is_some() {}
    (cert_id.is_empty() && content.is_empty() && !serial.is_empty()).then_some(Question {
        cert_id: whole.whole.to_vec(),
        hash,
        name_hash,
        key_hash,
        serial,
    })
}
