//! How a CRL must be written (RFC 5280 sections 5.1 to 5.3), as far as it can be read all the same: noted while it
//! is read, each rule for itself, and bounded however many entries break one.

use super::read::{
    AUTHORITY_INFO_ACCESS, AUTHORITY_KEY_IDENTIFIER, CERTIFICATE_ISSUER, CRL_NUMBER, DELTA_CRL_INDICATOR,
    FRESHEST_CRL, INVALIDITY_DATE, ISSUER_ALT_NAME, ISSUING_DISTRIBUTION_POINT, REASON_CODE,
};
use super::{IssuingDistributionPoint, Note, Reason};
use crate::der::{self, Element, GENERALIZED_TIME, Malformed, OBJECT_IDENTIFIER, Reader, SEQUENCE};
use crate::revocation::read::{Algorithm, Extension};

/// 2050-01-01T00:00:00Z: from then on a time is a GeneralizedTime, before it UTCTime.
const YEAR_2050: i64 = 2_524_608_000;
/// What every reader must be able to handle of a CRL number.
const MAX_NUMBER_BYTES: usize = 20;
/// Contents of object identifiers of algorithms without parameters: those that begin with ansi-X9-62 signatures, and
/// Ed25519 and Ed448.
const WITHOUT_PARAMETERS: [&[u8]; 3] =
    [&[0x2a, 0x86, 0x48, 0xce, 0x3d, 4], &[0x2b, 0x65, 0x70], &[0x2b, 0x65, 0x71]];
/// id-ad-caIssuers
const CA_ISSUERS: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 0x30, 2];

/// Each extension of a CRL or of its entries that RFC 5280 knows, and whether it must be critical.
const CRITICALITY: [(&[u8], &str, bool); 10] = [
    (AUTHORITY_KEY_IDENTIFIER, "authority key identifier", false),
    (ISSUER_ALT_NAME, "issuer alternative name", false),
    (CRL_NUMBER, "CRL number", false),
    (DELTA_CRL_INDICATOR, "delta CRL indicator", true),
    (ISSUING_DISTRIBUTION_POINT, "issuing distribution point", true),
    (FRESHEST_CRL, "freshest CRL", false),
    (AUTHORITY_INFO_ACCESS, "authority information access", false),
    (REASON_CODE, "reason code of an entry", false),
    (INVALIDITY_DATE, "invalidity date of an entry", false),
    (CERTIFICATE_ISSUER, "certificate issuer of an entry", true),
];

/// What was found wrong with the form.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    /// The first time in the wrong encoding, and how many there are.
    times: Option<(&'static str, usize)>,
    /// A bit for each of [`CRITICALITY`].
    criticality: u16,
    number_bytes: usize,
    has_parameters: bool,
    access: Option<&'static str>,
    problems: Vec<Reason>,
}

impl Form {
    /// What forbids to use the CRL.
    pub(super) fn problems(&self) -> impl Iterator<Item = &Reason> {
        self.problems.iter()
    }

    /// What a reader can live with.
    pub(super) fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        notes.extend(self.times.map(|(place, count)| Note::TimeEncoding { place, count }));
        for (bit, (_, extension, must_be_critical)) in CRITICALITY.iter().enumerate() {
            if self.criticality >> bit & 1 == 1 {
                notes.push(Note::ExtensionCriticality { extension, must_be_critical: *must_be_critical });
            }
        }
        if self.number_bytes > MAX_NUMBER_BYTES {
            notes.push(Note::CrlNumberTooLong { bytes: self.number_bytes });
        }
        if self.has_parameters {
            notes.push(Note::AlgorithmParameters);
        }
        notes.extend(self.access.map(|problem| Note::AccessInvalid { problem }));
        notes
    }

    /// Reads a time, and notes whether its encoding is the one for its year.
    pub(super) fn time(&mut self, element: Element<'_>, place: &'static str) -> Result<i64, Malformed> {
        let seconds = der::time(element)?;
        if element.tag == GENERALIZED_TIME && seconds < YEAR_2050 {
            self.wrong_time(place);
        }
        Ok(seconds)
    }

    fn wrong_time(&mut self, place: &'static str) {
        self.times.get_or_insert((place, 0)).1 += 1;
    }

    /// An invalidity date is a GeneralizedTime, whatever its year (section 5.3.2).
    pub(super) fn look_at_invalidity_date(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let mut reader = Reader::new(value);
        let element = reader.any()?;
        reader.end()?;
        if element.tag != GENERALIZED_TIME || der::time(element).is_err() {
            self.wrong_time("an invalidity date");
        }
        Ok(())
    }

    pub(super) fn look_at_criticality(&mut self, extension: &Extension<'_>) {
        for (bit, (oid, _, must_be_critical)) in CRITICALITY.iter().enumerate() {
            // A critical freshest CRL cannot be processed here, which says more.
            let is_unknown = *oid == FRESHEST_CRL && extension.critical;
            if extension.oid == *oid && extension.critical != *must_be_critical && !is_unknown {
                self.criticality |= 1 << bit;
            }
        }
    }

    pub(super) fn look_at_number(&mut self, number: &[u8]) {
        self.number_bytes = number.len();
        if number.first().is_some_and(|first| *first >= 0x80) {
            self.problems.push(Reason::CrlNumberNegative);
        }
    }

    /// The algorithm inside and beside the signature; where they differ, that is found on its own.
    pub(super) fn look_at_algorithm(&mut self, algorithm: &Algorithm<'_>) {
        let has_none = WITHOUT_PARAMETERS.iter().any(|prefix| algorithm.oid.starts_with(prefix));
        self.has_parameters = has_none && algorithm.has_parameters;
    }

    pub(super) fn look_at_scope(&mut self, point: &IssuingDistributionPoint) {
        let only =
            [point.only_user_certificates, point.only_ca_certificates, point.only_attribute_certificates];
        let only = only.into_iter().filter(|only| *only).count();
        let says_something = point.name.is_some() || point.only_some_reasons.is_some() || point.is_indirect;
        if only > 1 {
            self.problems.push(Reason::DistributionPointInvalid(
                "confines the CRL to more than one of users, CAs and attribute certificates",
            ));
        } else if only == 0 && !says_something {
            self.problems.push(Reason::DistributionPointInvalid("is there and says nothing"));
        }
    }

    pub(super) fn look_at_access(&mut self, value: &[u8]) -> Result<(), Malformed> {
        let mut descriptions = Reader::sequence(value)?;
        let mut names_issuer = false;
        while !descriptions.is_empty() {
            let mut description = Reader::new(descriptions.expect(SEQUENCE)?);
            if description.expect(OBJECT_IDENTIFIER)? == CA_ISSUERS {
                names_issuer = true;
            } else {
                self.access = Some("names something else than the issuer's certificate");
            }
            description.any()?;
            description.end()?;
        }
        if !names_issuer {
            self.access = Some("does not name the issuer's certificate");
        }
        Ok(())
    }
}
