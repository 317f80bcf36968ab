//! Checks of issuer and subject. The order of attributes never matters: real PKIs write them in any.

use std::collections::BTreeMap;

use ctl_pki::der::is_printable;
use ctl_pki::written::{Attribute, Name, Written};

use super::Failure;
use super::country::is_country;
use super::form::one;
use crate::profile::emaid_check_digit;
use crate::profile::identifier::is_written_as;
use crate::profile::{Attribute as Wanted, Identifier, Presence, StringType};

pub(super) fn attribute(which: &str, name: &Name<'_>, wanted: &Wanted) -> Vec<Failure> {
    let found: Vec<_> = name.all(&wanted.attribute).collect();
    let place = format!("{which}.{}", wanted.attribute);
    let text = |count: usize| match count {
        0 => format!("no {} in {name}", wanted.attribute),
        1 => format!("{}={}", wanted.attribute, found.first().map(|one| one.text()).unwrap_or_default()),
        count => format!("{count} times: {}", name.texts(&wanted.attribute).join(", ")),
    };
    let is_wrong = match wanted.presence {
        Presence::Required => found.len() != 1,
        Presence::Optional => false,
        Presence::Forbidden => !found.is_empty(),
    };
    one(is_wrong, || Failure::new(place, found.last().map(|attribute| attribute.at), text(found.len())))
}

pub(super) fn domain_component(which: &str, name: &Name<'_>, values: &[String]) -> Vec<Failure> {
    let wrong = name.all("DC").find(|attribute| !values.contains(&attribute.text()));
    let failure = |attribute: &Attribute<'_>| {
        Failure::new(format!("{which}.DC"), attribute.at, format!("DC={}", attribute.text()))
    };
    wrong.map(failure).into_iter().collect()
}

pub(super) fn only(which: &str, name: &Name<'_>, kinds: &[String]) -> Vec<Failure> {
    let others: Vec<_> = name
        .attributes
        .iter()
        .filter(|attribute| !kinds.iter().any(|kind| *kind == attribute.kind))
        .collect();
    let text = |attribute: &&Attribute<'_>| format!("{}={}", attribute.kind, attribute.text());
    one(!others.is_empty(), || {
        let found = others.iter().map(text).collect::<Vec<_>>().join(", ");
        Failure::new(which, others.first().map(|attribute| attribute.at), found)
    })
}

/// Judges each attribute of issuer and subject; `None` means that nothing is wrong with it.
pub(super) fn each(view: &Written<'_>, judge: impl Fn(&Attribute<'_>) -> Option<String>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for (which, name) in [("issuer", &view.parts.issuer), ("subject", &view.parts.subject)] {
        // What a root has wrong stands in both names; once is enough.
        if which == "subject" && view.parts.is_self_issued() {
            break;
        }
        for attribute in &name.attributes {
            if let Some(found) = judge(attribute) {
                failures.push(Failure::new(format!("{which}.{}", attribute.kind), attribute.at, found));
            }
        }
    }
    failures
}

pub(super) fn string_type(
    attribute: &Attribute<'_>,
    types: &BTreeMap<String, Vec<StringType>>,
) -> Option<String> {
    let allowed = types.get(attribute.kind.as_ref()).or_else(|| types.get("other"))?;
    let found = StringType::of(attribute.tag);
    if found.is_some_and(|found| allowed.contains(&found)) {
        return None;
    }
    let name = found.map_or_else(|| format!("tag {:02x}", attribute.tag), |found| found.to_string());
    Some(format!("{}={} as {name}", attribute.kind, attribute.text()))
}

pub(super) fn characters(attribute: &Attribute<'_>) -> Option<String> {
    let bytes = attribute.bytes;
    let fits = match StringType::of(attribute.tag)? {
        StringType::Utf8 => std::str::from_utf8(bytes).is_ok(),
        StringType::Printable => bytes.iter().copied().all(is_printable),
        StringType::Numeric => bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b' '),
        StringType::Ia5 => bytes.is_ascii(),
        StringType::Visible => bytes.iter().all(|byte| matches!(byte, 0x20..=0x7e)),
        StringType::Bmp => bytes.len().is_multiple_of(2),
        StringType::Universal => bytes.len().is_multiple_of(4),
        StringType::Teletex => true,
    };
    (!fits).then(|| {
        format!("{:?} is no {}", attribute.text(), StringType::of(attribute.tag).map_or("", StringType::name))
    })
}

pub(super) fn length(attribute: &Attribute<'_>, limits: &BTreeMap<String, usize>) -> Option<String> {
    let limit = *limits.get(attribute.kind.as_ref())?;
    let length = attribute.text().chars().count();
    (length > limit || length == 0).then(|| format!("{} with {length} characters", attribute.kind))
}

pub(super) fn country(attribute: &Attribute<'_>) -> Option<String> {
    let text = attribute.text();
    (attribute.kind == "C" && !is_country(&text)).then(|| format!("C={text}"))
}

pub(super) fn identifier(view: &Written<'_>, wanted: Identifier) -> Vec<Failure> {
    let wrong = view.parts.subject.all("CN").find(|attribute| !is_written_as(&attribute.text(), wanted));
    let failure = |attribute: &Attribute<'_>| {
        Failure::new("subject.CN", attribute.at, format!("CN={}", attribute.text()))
    };
    wrong.map(failure).into_iter().collect()
}

pub(super) fn common_name_length(view: &Written<'_>, limit: usize) -> Vec<Failure> {
    let long = view.parts.subject.all("CN").find(|attribute| attribute.text().chars().count() > limit);
    let failure = |attribute: &Attribute<'_>| {
        let text = attribute.text();
        let found = format!("CN={text} with {} characters", text.chars().count());
        Failure::new("subject.CN", attribute.at, found)
    };
    long.map(failure).into_iter().collect()
}

/// A domain component that the rules do not know and real lists hold.
pub(super) fn unusual_component(view: &Written<'_>, unusual: &[String]) -> Vec<Failure> {
    let found = view.parts.subject.all("DC").find(|attribute| unusual.contains(&attribute.text()));
    let failure = |attribute: &Attribute<'_>| {
        Failure::new("subject.DC", attribute.at, format!("DC={}", attribute.text()))
    };
    found.map(failure).into_iter().collect()
}

pub(super) fn check_digit(view: &Written<'_>) -> Vec<Failure> {
    let judge = |attribute: &Attribute<'_>| {
        // eMAIDs are compared without case and separators.
        let text = attribute.text();
        let plain = text.replace('-', "").to_ascii_uppercase();
        let (first, given) = plain.split_at_checked(14)?;
        let wanted = emaid_check_digit(first)?.to_string();
        // Any other length is no eMAID with a check digit.
        (given.len() == 1 && given != wanted).then(|| {
            let found = format!("CN={text}, whose check digit would be {wanted}");
            Failure::new("subject.CN", attribute.at, found)
        })
    };
    view.parts.subject.all("CN").filter_map(judge).collect()
}

pub(super) fn self_issued(view: &Written<'_>, wanted: bool) -> Vec<Failure> {
    one(view.parts.is_self_issued() != wanted, || {
        let found = if wanted {
            format!("issuer {} and subject {}", view.parts.issuer, view.parts.subject)
        } else {
            format!("issuer and subject are both {}", view.parts.subject)
        };
        Failure::new("issuer, subject", None, found)
    })
}
