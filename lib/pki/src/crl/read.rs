//! Reads a CRL from its DER (RFC 5280 section 5.1), strictly and in one pass over the entries.

use std::ops::Range;
use std::sync::OnceLock;

use super::form::Form;
use super::scope::{self, Scoped};
use super::{Crl, Slot, WHAT, serial};
use crate::der::{self, ENUMERATED, Malformed, Reader, SEQUENCE, context, context_constructed};
use crate::revocation::RevocationError;
use crate::revocation::read::{self, Algorithm, Extension, Signed};
use crate::{DistinguishedName, MAX_CERTIFICATE_SIZE};

// Contents of object identifiers: 2.5.29.x, and id-pe-authorityInfoAccess.
pub(super) const ISSUER_ALT_NAME: &[u8] = &[0x55, 0x1d, 18];
pub(super) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 20];
pub(super) const REASON_CODE: &[u8] = &[0x55, 0x1d, 21];
pub(super) const INVALIDITY_DATE: &[u8] = &[0x55, 0x1d, 24];
pub(super) const DELTA_CRL_INDICATOR: &[u8] = &[0x55, 0x1d, 27];
pub(super) const ISSUING_DISTRIBUTION_POINT: &[u8] = &[0x55, 0x1d, 28];
pub(super) const CERTIFICATE_ISSUER: &[u8] = &[0x55, 0x1d, 29];
pub(super) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 35];
pub(super) const FRESHEST_CRL: &[u8] = &[0x55, 0x1d, 46];
pub(super) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 1, 1];

pub(super) fn crl(der: &[u8], limit: usize) -> Result<Crl, RevocationError> {
    read::check_whole(der, WHAT, limit)?;
    certificate_list(der).map_err(|problem| RevocationError::Malformed { what: WHAT, problem: problem.what })
}

fn certificate_list(der: &[u8]) -> Result<Crl, Malformed> {
    let mut outer = Reader::sequence(der)?;
    let signed = Signed::read(&mut outer)?;
    outer.end()?;

    let mut reader = Reader::new(signed.part.content);
    let mut form = Form::default();
    let version = match reader.optional(der::INTEGER)? {
        None => 1,
        Some([1]) => 2,
        Some(_) => return Err("the version is neither absent (1) nor 1 (2)".into()),
    };
    let inner = Algorithm::read(&mut reader)?;
    let issuer = reader.any()?;
    if issuer.tag != SEQUENCE {
        return Err("the issuer is not a name".into());
    }
    small(issuer.whole)?;
    let algorithms_agree = inner.whole == signed.algorithm.whole;
    if algorithms_agree {
        form.look_at_algorithm(&inner);
    }
    let this_update = form.time(reader.any()?, "thisUpdate")?;
    let mut next = if reader.is_empty() { None } else { Some(reader.any()?) };
    let mut next_update = None;
    if let Some(element) = next
        && der::is_time(element.tag)
    {
        next_update = Some(form.time(element, "nextUpdate")?);
        next = if reader.is_empty() { None } else { Some(reader.any()?) };
    }
    let mut entries = Entries::default();
    let mut has_empty_list = false;
    if let Some(element) = next
        && element.tag == SEQUENCE
    {
        has_empty_list = element.content.is_empty();
        entries.read(der, element.content, &mut form)?;
        next = if reader.is_empty() { None } else { Some(reader.any()?) };
    }
    let mut extensions = Extensions::default();
    if let Some(element) = next {
        if element.tag != context_constructed(0) {
            return Err("something stands where only the extensions may".into());
        }
        read::extensions(der::only(element.content, SEQUENCE)?, |extension| {
            extensions.read(&extension, &mut form)
        })?;
    }
    reader.end()?;
    entries.sort(der);
    Ok(Crl {
        signed_part: range(der, signed.part.whole)?,
        signature: range(der, signed.signature)?,
        inner_algorithm: inner.name(),
        outer_algorithm: signed.algorithm.name(),
        algorithms_agree,
        version,
        issuer_der: issuer.whole.into(),
        issuer_name: DistinguishedName::from_der(issuer.whole)?,
        this_update,
        next_update,
        has_empty_list,
        has_entry_extensions: entries.has_extensions,
        has_extensions: next.is_some(),
        number: extensions.number,
        authority_key_id: extensions.authority_key_id,
        is_delta: extensions.is_delta,
        names_certificate_issuer: entries.names_certificate_issuer,
        points_to_deltas: extensions.points_to_deltas,
        distribution_point: extensions.distribution_point,
        unknown_critical: extensions.unknown_critical,
        unknown_critical_in_entry: entries.unknown_critical,
        form,
        entries: entries.slots,
        der: der.into(),
        sha256: OnceLock::new(),
    })
}

/// What the CRL's own extensions say.
#[derive(Default)]
struct Extensions {
    number: Option<Box<[u8]>>,
    authority_key_id: Option<Box<[u8]>>,
    is_delta: bool,
    points_to_deltas: bool,
    distribution_point: Option<Scoped>,
    unknown_critical: Option<String>,
}

impl Extensions {
    fn read(&mut self, extension: &Extension<'_>, form: &mut Form) -> Result<(), Malformed> {
        let mut value = Reader::new(extension.value);
        form.look_at_criticality(extension);
        match extension.oid {
            CRL_NUMBER => {
                let number = read::integer(&mut value)?;
                value.end()?;
                form.look_at_number(number);
                self.number = Some(number.into());
            }
            AUTHORITY_KEY_IDENTIFIER => {
                let mut inside = Reader::sequence(extension.value)?;
                self.authority_key_id = inside.optional(context(0))?.map(Into::into);
                inside.optional(context_constructed(1))?;
                inside.optional(context(2))?;
                inside.end()?;
            }
            // Neither binds a reader: they say where the issuer and its certificate are found.
            ISSUER_ALT_NAME => {}
            AUTHORITY_INFO_ACCESS => form.look_at_access(extension.value)?,
            DELTA_CRL_INDICATOR => self.is_delta = true,
            ISSUING_DISTRIBUTION_POINT => {
                small(extension.value)?;
                let point = scope::read(extension.value)?;
                form.look_at_scope(&point.point);
                self.distribution_point = Some(point);
            }
            FRESHEST_CRL if !extension.critical => self.points_to_deltas = true,
            _ if extension.critical => {
                self.unknown_critical.get_or_insert_with(|| extension.dotted());
            }
            _ => {}
        }
        Ok(())
    }
}

/// The entries, collected as they are met.
#[derive(Default)]
struct Entries {
    slots: Vec<Slot>,
    has_extensions: bool,
    names_certificate_issuer: bool,
    unknown_critical: Option<String>,
}

impl Entries {
    fn read(&mut self, der: &[u8], content: &[u8], form: &mut Form) -> Result<(), Malformed> {
        let mut reader = Reader::new(content);
        while !reader.is_empty() {
            let mut inside = Reader::new(reader.expect(SEQUENCE)?);
            let serial = range(der, read::integer(&mut inside)?)?;
            let time = form.time(inside.any()?, "a revocation date")?;
            let mut reason = None;
            if let Some(extensions) = inside.optional(SEQUENCE)? {
                self.has_extensions = true;
                read::extensions(extensions, |extension| {
                    form.look_at_criticality(&extension);
                    match extension.oid {
                        REASON_CODE => {
                            reason = Some(der::enumerated(der::only(extension.value, ENUMERATED)?)?);
                        }
                        INVALIDITY_DATE => form.look_at_invalidity_date(extension.value)?,
                        CERTIFICATE_ISSUER => self.names_certificate_issuer = true,
                        _ if extension.critical => {
                            self.unknown_critical.get_or_insert_with(|| extension.dotted());
                        }
                        _ => {}
                    }
                    Ok(())
                })?;
            }
            inside.end()?;
            let serial_at = u32::try_from(serial.start).map_err(|_| "the CRL is too large")?;
            let serial_length = u32::try_from(serial.len()).map_err(|_| "the CRL is too large")?;
            self.slots.push(Slot { serial_at, serial_length, time, reason });
        }
        Ok(())
    }

    fn sort(&mut self, der: &[u8]) {
        self.slots.sort_by(|one, other| serial(der, one).cmp(serial(der, other)));
    }
}

/// Names are read into many small pieces: those that would fit no certificate are not read.
fn small(der: &[u8]) -> Result<(), Malformed> {
    if der.len() > MAX_CERTIFICATE_SIZE {
        Err("a name is larger than any certificate".into())
    } else {
        Ok(())
    }
}

/// Where a part lies in the whole it was read from.
fn range(whole: &[u8], part: &[u8]) -> Result<Range<usize>, Malformed> {
    let from = part.as_ptr().addr().wrapping_sub(whole.as_ptr().addr());
    let range = from..from.wrapping_add(part.len());
    match whole.get(range.clone()) {
        Some(found) if found == part => Ok(range),
        _ => Err("a part does not lie in its CRL".into()),
    }
}
