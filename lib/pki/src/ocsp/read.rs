//! Reads an OCSP response from its DER (RFC 6960 section 4.2.1), strictly.

use super::question::{Hash, NONCE};
use super::{Answer, Basic, CertStatus, MAX_CERTIFICATES, OcspResponse, ResponderId, ResponseStatus, WHAT};
use crate::der::{
    self, ENUMERATED, INTEGER, Malformed, OBJECT_IDENTIFIER, OCTET_STRING, Reader, SEQUENCE, context,
    context_constructed,
};
use crate::revocation::RevocationError;
use crate::revocation::read::{self, Algorithm, Signed};
use crate::{Certificate, DistinguishedName, MAX_CERTIFICATE_SIZE};

// 1.3.6.1.5.5.7.48.1.1 and 1.3.6.1.5.5.7.48.1.9
const BASIC: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 1];
const EXTENDED_REVOKE: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 1, 9];

pub(super) fn response(der: &[u8], limit: usize) -> Result<OcspResponse, RevocationError> {
    let malformed = |problem: Malformed| RevocationError::Malformed { what: WHAT, problem: problem.what };
    read::check_whole(der, WHAT, limit)?;
    let (status, bytes) = outer(der).map_err(malformed)?;
    let basic = match bytes {
        None => None,
        Some((BASIC, bytes)) => Some(basic(bytes).map_err(malformed)?),
        Some((kind, _)) => {
            return Err(RevocationError::UnknownResponseType(der::oid(kind).map_err(malformed)?));
        }
    };
    if let Some(basic) = &basic
        && basic.certificates.len() > MAX_CERTIFICATES
    {
        let count = basic.certificates.len();
        return Err(RevocationError::TooManyCertificates { count, limit: MAX_CERTIFICATES });
    }
    Ok(OcspResponse { der: der.into(), status, basic })
}

type ResponseBytes<'a> = Option<(&'a [u8], &'a [u8])>;

fn outer(der: &[u8]) -> Result<(ResponseStatus, ResponseBytes<'_>), Malformed> {
    let mut reader = Reader::sequence(der)?;
    let status = match der::enumerated(reader.expect(ENUMERATED)?)? {
        0 => ResponseStatus::Successful,
        1 => ResponseStatus::MalformedRequest,
        2 => ResponseStatus::InternalError,
        3 => ResponseStatus::TryLater,
        5 => ResponseStatus::SigRequired,
        6 => ResponseStatus::Unauthorized,
        other => ResponseStatus::Unknown(other),
    };
    let bytes = match reader.optional(context_constructed(0))? {
        None => None,
        Some(content) => {
            let mut inside = Reader::sequence(content)?;
            let kind = inside.expect(OBJECT_IDENTIFIER)?;
            let bytes = inside.expect(OCTET_STRING)?;
            inside.end()?;
            Some((kind, bytes))
        }
    };
    reader.end()?;
    match (status, bytes.is_some()) {
        (ResponseStatus::Successful, false) => Err("it says successful and holds no answer".into()),
        (ResponseStatus::Successful, true) | (_, false) => Ok((status, bytes)),
        (_, true) => Err("it says that the request failed and holds an answer all the same".into()),
    }
}

fn basic(der: &[u8]) -> Result<Basic, Malformed> {
    let mut outer = Reader::sequence(der)?;
    let signed = Signed::read(&mut outer)?;
    let mut certificates = Vec::new();
    if let Some(content) = outer.optional(context_constructed(0))? {
        let mut list = Reader::sequence(content)?;
        while !list.is_empty() {
            let element = list.any()?;
            // One more than allowed is enough to know that there are too many.
            if certificates.len() <= MAX_CERTIFICATES {
                certificates.push(Certificate::from_der(element.whole));
            }
        }
    }
    outer.end()?;

    let mut reader = Reader::new(signed.part.content);
    if let Some(version) = reader.optional(context_constructed(0))?
        && der::only(version, INTEGER)? != [0]
    {
        return Err("the version is not 0 (v1)".into());
    }
    let responder = responder(&mut reader)?;
    let produced_at = read::generalized_time(&mut reader)?;
    let mut answers = Vec::new();
    let mut list = Reader::new(reader.expect(SEQUENCE)?);
    while !list.is_empty() {
        answers.push(answer(list.expect(SEQUENCE)?)?);
    }
    let (mut nonce, mut has_extended_revoke, mut unknown_critical) = (None, false, None);
    if let Some(content) = reader.optional(context_constructed(1))? {
        read::extensions(der::only(content, SEQUENCE)?, |extension| {
            match extension.oid {
                NONCE => nonce = Some(extension.value.into()),
                EXTENDED_REVOKE => has_extended_revoke = true,
                _ if extension.critical => {
                    unknown_critical.get_or_insert_with(|| extension.dotted());
                }
                _ => {}
            }
            Ok(())
        })?;
    }
    reader.end()?;
    Ok(Basic {
        signed_part: signed.part.whole.into(),
        algorithm: signed.algorithm.name(),
        signature: signed.signature.into(),
        responder,
        produced_at,
        answers,
        nonce,
        has_extended_revoke,
        unknown_critical,
        certificates,
    })
}

fn responder(reader: &mut Reader<'_>) -> Result<ResponderId, Malformed> {
    if let Some(name) = reader.optional(context_constructed(1))? {
        // Names are read into many small pieces: those that would fit no certificate are not read.
        if name.len() > MAX_CERTIFICATE_SIZE {
            return Err("the responder's name is larger than any certificate".into());
        }
        return Ok(ResponderId::ByName(Box::new(DistinguishedName::from_der(name)?)));
    }
    match reader.optional(context_constructed(2))? {
        Some(content) => Ok(ResponderId::ByKey(der::only(content, OCTET_STRING)?.into())),
        None => Err("the responder is named neither by name nor by key".into()),
    }
}

fn answer(content: &[u8]) -> Result<Answer, Malformed> {
    let mut reader = Reader::new(content);
    let mut cert_id = Reader::new(reader.expect(SEQUENCE)?);
    let algorithm = Algorithm::read(&mut cert_id)?;
    let issuer_name_hash = cert_id.expect(OCTET_STRING)?.into();
    let issuer_key_hash = cert_id.expect(OCTET_STRING)?.into();
    let serial = read::integer(&mut cert_id)?.into();
    cert_id.end()?;
    let status = status(&mut reader)?;
    let this_update = read::generalized_time(&mut reader)?;
    let mut next_update = None;
    if let Some(content) = reader.optional(context_constructed(0))? {
        let mut inside = Reader::new(content);
        next_update = Some(read::generalized_time(&mut inside)?);
        inside.end()?;
    }
    let mut unknown_critical = None;
    if let Some(content) = reader.optional(context_constructed(1))? {
        read::extensions(der::only(content, SEQUENCE)?, |extension| {
            if extension.critical {
                unknown_critical.get_or_insert_with(|| extension.dotted());
            }
            Ok(())
        })?;
    }
    reader.end()?;
    Ok(Answer {
        hash: Hash::of_oid(algorithm.oid),
        hash_name: algorithm.name(),
        issuer_name_hash,
        issuer_key_hash,
        serial,
        status,
        this_update,
        next_update,
        unknown_critical,
    })
}

fn status(reader: &mut Reader<'_>) -> Result<CertStatus, Malformed> {
    const GOOD: u8 = context(0);
    const REVOKED: u8 = context_constructed(1);
    const UNKNOWN: u8 = context(2);
    let element = reader.any()?;
    match (element.tag, element.content) {
        (GOOD, []) => Ok(CertStatus::Good),
        (UNKNOWN, []) => Ok(CertStatus::Unknown),
        (REVOKED, content) => {
            let mut inside = Reader::new(content);
            let time = read::generalized_time(&mut inside)?;
            let reason = inside.optional(context_constructed(0))?;
            inside.end()?;
            let reason_code = match reason {
                Some(content) => Some(der::enumerated(der::only(content, ENUMERATED)?)?),
                None => None,
            };
            Ok(CertStatus::Revoked { time, reason_code })
        }
        _ => Err("a certificate's status is neither good, revoked nor unknown".into()),
    }
}
