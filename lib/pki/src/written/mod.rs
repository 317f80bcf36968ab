//! A certificate as it is written (RFC 5280 section 4.1): every part where it stands, nothing normalised.
//!
//! [`Parts`] are the frame, read by either face of the one reader: the strict one is what paths and lists ask for.
//! [`Written`] is what a linter asks for: all that can be read of a certificate, and every flaw in how it is written.

mod name;

pub use name::{Attribute, Name};

use crate::der::{
    self, BIT_STRING, BOOLEAN, Element, Face, Flaw, Form, INTEGER, Malformed, OBJECT_IDENTIFIER,
    OCTET_STRING, Reader, SEQUENCE, WrittenTime, context, context_constructed,
};
use crate::extension::{Extension, Extensions};
use crate::name::DistinguishedName;
use crate::oid;

/// An algorithm identifier.
#[derive(Clone, Debug)]
pub struct Algorithm<'a> {
    /// Its object identifier, dotted.
    pub oid: String,
    /// Its parameters, if there are any.
    pub parameters: Option<Element<'a>>,
    /// All of it.
    pub element: Element<'a>,
}

impl<'a> Algorithm<'a> {
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let element = reader.element(SEQUENCE)?;
        let mut inside = element.inside();
        let oid = inside.element(OBJECT_IDENTIFIER)?.oid()?;
        let parameters = if inside.is_empty() { None } else { Some(inside.any()?) };
        inside.end()?;
        Ok(Self { oid, parameters, element })
    }
}

/// The subject's public key.
#[derive(Clone, Debug)]
pub struct Key<'a> {
    /// What kind of key it is.
    pub algorithm: Algorithm<'a>,
    /// The key itself; `None` if it is not a whole number of bytes.
    pub bytes: Option<&'a [u8]>,
    /// Where it stands.
    pub at: usize,
}

/// An extension where it stands.
#[derive(Clone, Debug)]
pub struct Placed {
    /// Where it begins.
    pub at: usize,
    pub extension: Extension,
    /// Where `critical` is written out as FALSE, which DER leaves out.
    pub written_default: Option<usize>,
}

/// The parts of a certificate.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    /// The version's INTEGER; version 1 when it is left out.
    pub version: Option<Element<'a>>,
    /// The serial number's INTEGER.
    pub serial: Element<'a>,
    /// The signature algorithm in the signed part.
    pub inner_algorithm: Algorithm<'a>,
    /// The issuer's name.
    pub issuer: Name<'a>,
    /// notBefore and notAfter, each UTCTime or GeneralizedTime.
    pub validity: [Element<'a>; 2],
    /// The subject's name.
    pub subject: Name<'a>,
    /// The subject's key.
    pub key: Key<'a>,
    /// Whether issuer or subject has a unique identifier.
    pub has_unique_identifiers: bool,
    /// The list of extensions, if there is one.
    pub extension_list: Option<Element<'a>>,
    /// The extensions in the order of the file.
    pub extensions: Vec<Placed>,
    /// The signature algorithm beside the signature.
    pub outer_algorithm: Algorithm<'a>,
    /// `None` if it is not a whole number of bytes.
    pub signature: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// Takes a certificate apart.
    ///
    /// # Errors
    /// It has not the form of one; for the strict face also: not DER down to the values of names and extensions.
    pub fn read(der: &'a [u8], face: Face) -> Result<Self, Malformed> {
        let mut outer = Reader::at(der, 0, face).only(SEQUENCE)?.inside();
        let mut parts = outer.element(SEQUENCE)?.inside();
        let outer_algorithm = Algorithm::read(&mut outer)?;
        let signature = bits(&outer.element(BIT_STRING)?, face)?;
        outer.end()?;
        let version = match parts.optional_element(context_constructed(0))? {
            Some(wrapper) => Some(wrapper.inside().only(INTEGER)?),
            None => None,
        };
        let serial = parts.element(INTEGER)?;
        let inner_algorithm = Algorithm::read(&mut parts)?;
        let issuer = Name::read(&parts.element(SEQUENCE)?)?;
        let mut validity = parts.element(SEQUENCE)?.inside();
        let times = [validity.any()?, validity.any()?];
        validity.end()?;
        if let Some(time) = times.iter().find(|time| !der::is_time(time.tag)) {
            return Err(time.wrong("the validity is not made of two times"));
        }
        let subject = Name::read(&parts.element(SEQUENCE)?)?;
        let whole_key = parts.element(SEQUENCE)?;
        let mut inside = whole_key.inside();
        let algorithm = Algorithm::read(&mut inside)?;
        let bytes = bits(&inside.element(BIT_STRING)?, face)?;
        inside.end()?;
        // Primitive, as implicit BIT STRINGs are.
        let has_unique_identifiers =
            parts.optional(context(1))?.is_some() | parts.optional(context(2))?.is_some();
        let extension_list = match parts.optional_element(context_constructed(3))? {
            Some(wrapper) => Some(wrapper.inside().only(SEQUENCE)?),
            None => None,
        };
        parts.end()?;
        let extensions = extension_list.map(|list| extensions(&list)).transpose()?.unwrap_or_default();
        Ok(Self {
            version,
            serial,
            inner_algorithm,
            issuer,
            validity: times,
            subject,
            key: Key { algorithm, bytes, at: whole_key.at },
            has_unique_identifiers,
            extension_list,
            extensions,
            outer_algorithm,
            signature,
        })
    }

    /// The version as people count: 1, 2 or 3; `None` for anything else.
    pub fn version_number(&self) -> Option<u8> {
        match self.version.map(|version| version.content) {
            None => Some(1),
            Some([version @ 0..=2]) => Some(version + 1),
            Some(_) => None,
        }
    }

    /// The first extension of this kind.
    pub fn extension(&self, oid: &str) -> Option<&Placed> {
        self.extensions.iter().find(|placed| placed.extension.oid() == oid)
    }

    /// Whether subject and issuer are written the same.
    pub fn is_self_issued(&self) -> bool {
        self.subject.whole == self.issuer.whole
    }

    /// Whether version and extensions go together: extensions make a certificate version 3 (RFC 5280 section
    /// 4.1.2.1), their list is not empty (section 4.1.2.9), and version 1 is never written out (X.690 section 11.5).
    ///
    /// # Errors
    /// They do not.
    pub fn check_version(&self) -> Result<(), Malformed> {
        let version = self.version.as_ref();
        let wrong = |what| Err(version.map_or(Malformed::from(what), |version| version.wrong(what)));
        match (version.map(|version| version.content), &self.extension_list) {
            (_, Some(list)) if list.content.is_empty() => {
                Err(list.wrong("the list of extensions is there and empty (RFC 5280 section 4.1.2.9)"))
            }
            (Some([0]), _) => wrong("version 1 is written out, where DER leaves it out (X.690 section 11.5)"),
            (None | Some([1]), Some(_)) => {
                wrong("it has extensions and is not of version 3 (RFC 5280 section 4.1.2.1)")
            }
            (None | Some([1 | 2]), _) => Ok(()),
            _ => wrong("its version is none that X.509 has (RFC 5280 section 4.1.2.1)"),
        }
    }

    /// Whether `issuer` and `subject` are all that the names hold, and the algorithm beside the signature is written
    /// as the one in the signed part (RFC 5280 section 4.1.1.2).
    pub(crate) fn check(
        &self,
        issuer: &DistinguishedName,
        subject: &DistinguishedName,
    ) -> Result<(), Malformed> {
        let (inside, beside) = (self.inner_algorithm.element, self.outer_algorithm.element);
        // Neither this nor the frame of both is signed: whoever changes them gives the certificate a new fingerprint.
        if inside != beside {
            let has_null = |algorithm: &Element<'_>| algorithm.whole.ends_with(&[der::NULL, 0]);
            return Err(beside.wrong(match (has_null(&inside), has_null(&beside)) {
                (true, false) => {
                    "the signature algorithm has NULL parameters in the signed part and none beside the signature"
                }
                (false, true) => {
                    "the signature algorithm has NULL parameters beside the signature and none in the signed part"
                }
                _ => "the algorithm beside the signature is not written as in the signed part",
            }));
        }
        self.issuer.check_complete(issuer)?;
        self.subject.check_complete(subject)
    }
}

/// The last moment of a certificate's validity in Unix seconds, without looking at anything behind it: for those who ask
/// thousands of certificates that were read before. None of what has not the form of a certificate.
#[must_use]
pub fn not_after(der: &[u8]) -> Option<i64> {
    let last = || {
        let mut outer = Reader::at(der, 0, Face::Flawed).only(SEQUENCE)?.inside();
        let mut parts = outer.element(SEQUENCE)?.inside();
        parts.optional_element(context_constructed(0))?;
        parts.element(INTEGER)?;
        for _algorithm_and_issuer in 0..2 {
            parts.element(SEQUENCE)?;
        }
        let mut validity = parts.element(SEQUENCE)?.inside();
        validity.any()?;
        der::written_time(&validity.any()?)
    };
    last().ok()?.seconds
}

fn bits<'a>(element: &Element<'a>, face: Face) -> Result<Option<&'a [u8]>, Malformed> {
    match (element.content, face) {
        ([0, bytes @ ..], _) => Ok(Some(bytes)),
        (_, Face::Flawed) => Ok(None),
        (_, Face::Strict) => Err(element.wrong("a key or signature is not a whole number of bytes")),
    }
}

fn extensions(list: &Element<'_>) -> Result<Vec<Placed>, Malformed> {
    let mut extensions = Vec::new();
    let mut reader = list.inside();
    while !reader.is_empty() {
        let element = reader.element(SEQUENCE)?;
        let mut inside = element.inside();
        let oid = inside.element(OBJECT_IDENTIFIER)?.oid()?;
        let flag = inside.optional_element(BOOLEAN)?;
        let critical = flag.map(|flag| flag.boolean()).transpose()?.unwrap_or(false);
        let value = inside.element(OCTET_STRING)?;
        inside.end()?;
        extensions.push(Placed {
            at: element.at,
            extension: Extension::new(oid, critical, value.content, value.content_at()),
            written_default: flag.filter(|flag| flag.content == [0]).map(|flag| flag.at),
        });
    }
    Ok(extensions)
}

/// A certificate as a linter sees it.
#[derive(Clone, Debug)]
pub struct Written<'a> {
    /// Its size in bytes.
    pub size: usize,
    pub parts: Parts<'a>,
    /// What its extensions say, read by the face that forgives flaws.
    pub said: Extensions,
    /// Where the bytes are not DER.
    pub flaws: Vec<Flaw>,
}

impl<'a> Written<'a> {
    /// Reads a certificate that may be flawed.
    ///
    /// # Errors
    /// It has not the form of one.
    pub fn read(der: &'a [u8]) -> Result<Self, Malformed> {
        let mut flaws = Vec::new();
        Reader::at(der, 0, Face::Flawed).only(SEQUENCE)?;
        der::examine(der, 0, &mut flaws)?;
        let parts = Parts::read(der, Face::Flawed)?;
        if let Some(version) = parts.version.filter(|version| version.content == [0]) {
            let what = "version v1, which is what leaving it out means";
            // The tag around it is what should not be there.
            flaws.push(Flaw { form: Form::Default, at: version.at.saturating_sub(2), what });
        }
        for placed in &parts.extensions {
            placed.note_flaws(&mut flaws);
        }
        let all = parts.extensions.iter().map(|placed| placed.extension.clone()).collect();
        Ok(Self { size: der.len(), parts, said: Extensions::read(all, Face::Flawed), flaws })
    }

    /// The first moment of validity.
    pub fn not_before(&self) -> WrittenTime {
        self.time(0)
    }

    /// The last moment of validity.
    pub fn not_after(&self) -> WrittenTime {
        self.time(1)
    }

    fn time(&self, which: usize) -> WrittenTime {
        let element = self.parts.validity.get(which);
        element.and_then(|element| der::written_time(element).ok()).unwrap_or_default()
    }
}

impl Placed {
    /// Notes values that DER leaves out because they are the default, named bits written beyond the last that is set
    /// (X.690 sections 11.2.2 and 11.5), and what is flawed in the value of an extension that we know.
    fn note_flaws(&self, flaws: &mut Vec<Flaw>) {
        let extension = &self.extension;
        if let Some(at) = self.written_default {
            let what = "an extension's critical FALSE, which is what leaving it out means";
            flaws.push(Flaw { form: Form::Default, at, what });
        }
        if !oid::is_read(extension.oid()) {
            return;
        }
        // What cannot be read there is the finding of a rule about extensions, not of the whole.
        let mut inside = Vec::new();
        if der::examine(extension.value(), extension.value_at(), &mut inside).is_ok() {
            flaws.append(&mut inside);
        }
        let Ok(value) = extension.reader(Face::Flawed).any() else { return };
        match (extension.oid(), value.content) {
            (oid::BASIC_CONSTRAINTS, [BOOLEAN, 1, 0, ..]) => {
                let what = "cA FALSE in basicConstraints, which is what leaving it out means";
                flaws.push(Flaw { form: Form::Default, at: value.content_at(), what });
            }
            (oid::KEY_USAGE, [unused @ 0..=7, .., last])
                if (u32::from(*unused) != last.trailing_zeros() || *last == 0)
                    // Unused bits that are set are another flaw.
                    && last.trailing_zeros() >= u32::from(*unused) =>
            {
                let what = "keyUsage with zero bits after the last that is set";
                flaws.push(Flaw { form: Form::BitString, at: value.at, what });
            }
            _ => {}
        }
    }
}
