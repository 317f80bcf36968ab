//! The parts of a certificate (RFC 5280 section 4.1), each where it stands.

use super::der::{
    BIT_STRING, BOOLEAN, Element, Fault, Flaw, Form, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE, dotted,
    examine,
};
use super::extensions;
use super::{Name, Time};

/// An algorithm identifier.
#[derive(Clone, Debug)]
pub(crate) struct Algorithm<'a> {
    pub(crate) oid: String,
    pub(crate) parameters: Option<Element<'a>>,
    pub(crate) whole: &'a [u8],
    pub(crate) at: usize,
}

/// The subject's public key.
#[derive(Clone, Debug)]
pub(crate) struct Key<'a> {
    pub(crate) algorithm: Algorithm<'a>,
    /// The key itself; `None` if it is not a whole number of bytes.
    pub(crate) bytes: Option<&'a [u8]>,
    pub(crate) at: usize,
}

/// An extension as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Extension<'a> {
    pub(crate) oid: String,
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
    /// Where the extension stands.
    pub(crate) at: usize,
    /// Where its value begins.
    pub(crate) value_at: usize,
}

/// A certificate as it is written.
#[derive(Clone, Debug)]
pub(crate) struct View<'a> {
    pub(crate) size: usize,
    /// As people count: 1, 2 or 3; `None` for anything else.
    pub(crate) version: Option<u8>,
    /// The content of the INTEGER.
    pub(crate) serial: &'a [u8],
    pub(crate) serial_at: usize,
    pub(crate) inner_algorithm: Algorithm<'a>,
    pub(crate) issuer: Name<'a>,
    pub(crate) not_before: Time,
    pub(crate) not_after: Time,
    pub(crate) subject: Name<'a>,
    pub(crate) key: Key<'a>,
    pub(crate) has_unique_identifiers: bool,
    pub(crate) extensions: Vec<Extension<'a>>,
    pub(crate) outer_algorithm: Algorithm<'a>,
    /// `None` if it is not a whole number of bytes.
    pub(crate) signature: Option<&'a [u8]>,
    /// Where the bytes are not DER.
    pub(crate) flaws: Vec<Flaw>,
}

impl<'a> View<'a> {
    /// Reads a certificate. A fault says that it has not the form of one.
    pub(crate) fn read(der: &'a [u8]) -> Result<Self, Fault> {
        let mut flaws = Vec::new();
        let mut reader = Reader::new(der, 0);
        let certificate = reader.tagged(SEQUENCE, "the certificate")?;
        reader.end("the certificate")?;
        examine(der, 0, &mut flaws)?;

        let mut outer = certificate.inside();
        let signed = outer.tagged(SEQUENCE, "the signed part")?;
        let outer_algorithm = algorithm(&mut outer, "the signature algorithm")?;
        let signature = bits(&outer.tagged(BIT_STRING, "the signature")?);
        outer.end("the signature")?;

        let mut parts = signed.inside();
        let version = version(&mut parts, &mut flaws)?;
        let serial = parts.tagged(INTEGER, "the serial number")?;
        let inner_algorithm = algorithm(&mut parts, "the signed signature algorithm")?;
        let issuer = Name::read(&parts.tagged(SEQUENCE, "the issuer")?, "issuer")?;
        let mut validity = parts.tagged(SEQUENCE, "the validity")?.inside();
        let not_before = Time::read(&validity.any("notBefore")?, "notBefore")?;
        let not_after = Time::read(&validity.any("notAfter")?, "notAfter")?;
        validity.end("notAfter")?;
        let subject = Name::read(&parts.tagged(SEQUENCE, "the subject")?, "subject")?;
        let key = key(&mut parts)?;
        let mut has_unique_identifiers = false;
        // [1] and [2], primitive as implicit BIT STRINGs are.
        for tag in [0x81, 0x82] {
            has_unique_identifiers |= parts.optional(tag, "a unique identifier")?.is_some();
        }
        let extensions = match parts.optional(0xa3, "the extensions")? {
            None => Vec::new(),
            Some(wrapper) => {
                let mut inside = wrapper.inside();
                let list = inside.tagged(SEQUENCE, "the list of extensions")?;
                inside.end("the list of extensions")?;
                extensions(&list, &mut flaws)?
            }
        };
        parts.end("the extensions")?;
        Ok(Self {
            size: der.len(),
            version,
            serial: serial.content,
            serial_at: serial.at,
            inner_algorithm,
            issuer,
            not_before,
            not_after,
            subject,
            key,
            has_unique_identifiers,
            extensions,
            outer_algorithm,
            signature,
            flaws,
        })
    }

    /// The first extension of this kind.
    pub(crate) fn extension(&self, oid: &str) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// Whether subject and issuer are written the same.
    pub(crate) fn is_self_issued(&self) -> bool {
        self.subject.whole == self.issuer.whole
    }
}

fn version(parts: &mut Reader<'_>, flaws: &mut Vec<Flaw>) -> Result<Option<u8>, Fault> {
    let Some(wrapper) = parts.optional(0xa0, "the version")? else { return Ok(Some(1)) };
    let mut inside = wrapper.inside();
    let number = inside.tagged(INTEGER, "the version")?;
    inside.end("the version")?;
    if number.content == [0] {
        let what = "version v1, which is what leaving it out means".to_owned();
        flaws.push(Flaw { form: Form::Default, at: wrapper.at, what });
    }
    Ok(match number.content {
        [version @ 0..=2] => Some(version + 1),
        _ => None,
    })
}

fn algorithm<'a>(reader: &mut Reader<'a>, what: &str) -> Result<Algorithm<'a>, Fault> {
    let element = reader.tagged(SEQUENCE, what)?;
    let mut inside = element.inside();
    let oid = dotted(inside.tagged(OID, what)?.content);
    let parameters = if inside.is_at_end() { None } else { Some(inside.any(what)?) };
    inside.end(what)?;
    Ok(Algorithm { oid, parameters, whole: element.whole, at: element.at })
}

fn bits<'a>(element: &Element<'a>) -> Option<&'a [u8]> {
    match element.content {
        [0, bytes @ ..] => Some(bytes),
        _ => None,
    }
}

fn key<'a>(parts: &mut Reader<'a>) -> Result<Key<'a>, Fault> {
    let element = parts.tagged(SEQUENCE, "the public key")?;
    let mut inside = element.inside();
    let algorithm = algorithm(&mut inside, "the public key's algorithm")?;
    let bytes = bits(&inside.tagged(BIT_STRING, "the public key")?);
    inside.end("the public key")?;
    Ok(Key { algorithm, bytes, at: element.at })
}

fn extensions<'a>(list: &Element<'a>, flaws: &mut Vec<Flaw>) -> Result<Vec<Extension<'a>>, Fault> {
    let mut extensions = Vec::new();
    let mut reader = list.inside();
    while !reader.is_at_end() {
        let element = reader.tagged(SEQUENCE, "an extension")?;
        let mut inside = element.inside();
        let oid = dotted(inside.tagged(OID, "an extension's identifier")?.content);
        let critical = inside.optional(BOOLEAN, "an extension's critical flag")?;
        if let Some(flag) = critical
            && flag.content == [0]
        {
            let what = format!("critical FALSE in extension {oid}, which is what leaving it out means");
            flaws.push(Flaw { form: Form::Default, at: flag.at, what });
        }
        let value = inside.tagged(OCTET_STRING, "an extension's value")?;
        inside.end("an extension's value")?;
        let extension = Extension {
            oid,
            critical: critical.is_some_and(|flag| flag.content != [0]),
            value: value.content,
            at: element.at,
            value_at: value.content_at(),
        };
        if extensions::is_known(&extension.oid) {
            // What cannot be read there is the finding of a rule about extensions, not of the whole.
            let mut inner = Vec::new();
            if examine(extension.value, extension.value_at, &mut inner).is_ok() {
                flaws.append(&mut inner);
            }
            extensions::note_defaults(&extension, flaws);
        }
        extensions.push(extension);
    }
    Ok(extensions)
}
