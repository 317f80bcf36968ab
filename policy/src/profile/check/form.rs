//! Checks of the bytes themselves: DER, size, version, serial number.

use ctl_pki::der::Form;
use ctl_pki::written::Written;

use super::Failure;
use crate::profile::DerForm;

pub(super) fn der(view: &Written<'_>, wanted: DerForm) -> Vec<Failure> {
    let form = match wanted {
        DerForm::MinimalLengths => Form::Length,
        DerForm::MinimalNumbers => Form::Number,
        DerForm::Booleans => Form::Boolean,
        DerForm::BitStrings => Form::BitString,
        DerForm::SortedSets => Form::SetOrder,
        DerForm::NoDefaults => Form::Default,
    };
    let mut flaws = view.flaws.iter().filter(|flaw| flaw.form == form);
    let Some(first) = flaws.next() else { return Vec::new() };
    // One finding names the first; a certificate by a bad encoder would drown the rest.
    let others = match flaws.count() {
        0 => String::new(),
        others => format!(", and {others} more like it"),
    };
    vec![Failure::new("certificate", first.at, format!("{}{others}", first.what))]
}

pub(super) fn size(view: &Written<'_>, limit: usize) -> Vec<Failure> {
    one(view.size > limit, || Failure::new("certificate", None, format!("{} bytes", view.size)))
}

pub(super) fn version(view: &Written<'_>, wanted: u8) -> Vec<Failure> {
    let version = view.parts.version_number();
    one(version != Some(wanted), || {
        let found =
            version.map_or_else(|| "a version that X.509 has not".to_owned(), |one| format!("version {one}"));
        Failure::new("version", view.parts.version.map(|version| version.at), found)
    })
}

pub(super) fn positive_serial(view: &Written<'_>) -> Vec<Failure> {
    let serial = view.parts.serial.content;
    let is_negative = serial.first().is_some_and(|first| *first >= 0x80);
    let is_zero = serial.iter().all(|byte| *byte == 0);
    one(is_negative || is_zero, || {
        let found = if is_zero { "zero".to_owned() } else { format!("the negative {}", hex::encode(serial)) };
        Failure::new("serialNumber", view.parts.serial.at, found)
    })
}

pub(super) fn serial_bytes(view: &Written<'_>, limit: usize) -> Vec<Failure> {
    one(view.parts.serial.content.len() > limit, || {
        Failure::new(
            "serialNumber",
            view.parts.serial.at,
            format!("{} bytes", view.parts.serial.content.len()),
        )
    })
}

pub(super) fn unique_identifiers(view: &Written<'_>) -> Vec<Failure> {
    one(view.parts.has_unique_identifiers, || {
        Failure::new("issuerUniqueID, subjectUniqueID", None, "a unique identifier".to_owned())
    })
}

/// One failure if it failed.
pub(super) fn one(failed: bool, failure: impl FnOnce() -> Failure) -> Vec<Failure> {
    if failed { vec![failure()] } else { Vec::new() }
}
