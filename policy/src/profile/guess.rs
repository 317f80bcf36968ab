//! Which profile a certificate seems to follow, when nobody says.

use serde::Serialize;

use super::identifier::is_written_as;
use super::raw::View;
use super::raw::extensions::{
    BASIC_CONSTRAINTS, EXTENDED_KEY_USAGE, KEY_USAGE, basic_constraints, extended_key_usage, key_usage,
};
use super::{Curve, Identifier, KeyAlgorithm, Purpose, SignatureAlgorithm};

/// A profile that a certificate seems to follow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Guess {
    /// The profile's name.
    pub profile: String,
    /// What in the certificate speaks for it.
    pub because: String,
}

/// Guesses the profile of any bytes. What says nothing of itself is judged as a V2G root, whose rules then tell
/// what is missing; `because` says how little there was to go by.
pub fn guess(der: &[u8]) -> Guess {
    let Ok(view) = View::read(der) else {
        return Guess {
            profile: "v2g-root".to_owned(),
            because: "it is no certificate; any profile would do".to_owned(),
        };
    };
    let (kind, mut because) = kind(&view);
    let (suffix, edition) = edition(&view);
    because.push(edition);
    Guess { profile: format!("{kind}{suffix}"), because: because.join(", ") }
}

/// ISO 15118-20 has algorithms of its own; what uses any of them is meant for it.
fn edition(view: &View<'_>) -> (&'static str, String) {
    let parameters =
        view.key.algorithm.parameters.map(|parameters| super::raw::der::dotted(parameters.content));
    let is_p521 = parameters.as_deref() == Some(Curve::P521.number());
    let is_ed448 = view.key.algorithm.oid == KeyAlgorithm::Ed448.number();
    let signature = SignatureAlgorithm::of(&view.outer_algorithm.oid);
    if is_p521 || is_ed448 {
        ("-20", format!("its key is one of ISO 15118-20 ({})", if is_ed448 { "Ed448" } else { "secp521r1" }))
    } else if matches!(signature, Some(SignatureAlgorithm::EcdsaSha512 | SignatureAlgorithm::Ed448)) {
        ("-20", "its signature is one of ISO 15118-20".to_owned())
    } else {
        ("", "nothing points to ISO 15118-20".to_owned())
    }
}

fn kind(view: &View<'_>) -> (&'static str, Vec<String>) {
    let constraints =
        view.extension(BASIC_CONSTRAINTS).and_then(|extension| basic_constraints(extension).ok());
    let is_ca = constraints.is_some_and(|constraints| constraints.ca);
    let components = view.subject.texts("DC");
    let component = components.first().map(String::as_str);
    let spoken =
        component.map_or_else(|| "it has no domain component".to_owned(), |dc| format!("its DC is {dc}"));
    if view.is_self_issued() {
        let (words, text) = words(view);
        let named = |word: &str| words.iter().any(|own| own == word);
        let kind = match component {
            Some("MO") => "mo-root",
            Some("OEM") => "oem-root",
            // A production OEM root says V2G there; its name knows better.
            _ if named("OEM") => "oem-root",
            _ if named("MO") => "mo-root",
            _ => "v2g-root",
        };
        let same = "issuer and subject are the same".to_owned();
        return (kind, vec![same, spoken, format!("its name is {text:?}")]);
    }
    if is_ca {
        authority(view, component, constraints.and_then(|one| one.path_length))
    } else {
        leaf(view, component, spoken)
    }
}

/// The words of a name that tell chains apart, in capital letters.
fn words(view: &View<'_>) -> (Vec<String>, String) {
    let names = [view.subject.texts("CN"), view.subject.texts("OU")].concat();
    let text = names.join(" ");
    let split = text.split(|character: char| !character.is_ascii_alphanumeric());
    (split.map(str::to_ascii_uppercase).collect(), text)
}

fn authority(
    view: &View<'_>,
    component: Option<&str>,
    path_length: Option<u32>,
) -> (&'static str, Vec<String>) {
    let (words, text) = words(view);
    let has = |word: &str| words.iter().any(|own| own == word);
    let length = path_length
        .map_or_else(|| "it has no path length".to_owned(), |one| format!("its path length is {one}"));
    let is_sub = words.iter().any(|word| word.starts_with("SUB"));
    if has("ROOT") || (path_length.is_none_or(|length| length > 1) && !is_sub) {
        return (
            "cross",
            vec!["a CA that another issued".to_owned(), format!("its name is {text:?}"), length],
        );
    }
    let (chain, why) = if has("CPO") || has("CSO") || has("SECC") {
        (0, format!("its name is {text:?}"))
    } else if has("MO") || has("EMSP") || has("CONTRACT") {
        (1, format!("its name is {text:?}"))
    } else if has("OEM") {
        (2, format!("its name is {text:?}"))
    } else {
        match component {
            Some("MO") => (1, "its DC is MO".to_owned()),
            Some("OEM") => (2, "its DC is OEM".to_owned()),
            Some("V2G") => (0, "its DC is V2G".to_owned()),
            _ => (0, "its name tells no chain, so the CPO's was taken".to_owned()),
        }
    };
    let is_second = path_length == Some(0);
    let kind = match (chain, is_second) {
        (0, false) => "cpo-sub1",
        (0, true) => "cpo-sub2",
        (1, false) => "mo-sub1",
        (1, true) => "mo-sub2",
        (_, false) => "oem-sub1",
        (_, true) => "oem-sub2",
    };
    (kind, vec!["a CA that another issued".to_owned(), length, why])
}

fn leaf(view: &View<'_>, component: Option<&str>, spoken: String) -> (&'static str, Vec<String>) {
    let not_ca = "not a CA".to_owned();
    let purposes =
        view.extension(EXTENDED_KEY_USAGE).and_then(|extension| extended_key_usage(extension).ok());
    if purposes.is_some_and(|purposes| purposes.iter().any(|oid| oid == Purpose::OcspSigning.number())) {
        return ("ocsp", vec![not_ca, "its purpose is OCSPSigning".to_owned()]);
    }
    let by_component = match component {
        Some("CPO" | "CSO") => Some("secc"),
        Some("MO") => Some("contract"),
        Some("OEM") => Some("provisioning"),
        Some("CPS") => Some("cps"),
        _ => None,
    };
    if let Some(kind) = by_component {
        return (kind, vec![not_ca, spoken]);
    }
    let name = view.subject.texts("CN").into_iter().next().unwrap_or_default();
    let non_repudiation = view.extension(KEY_USAGE).and_then(|extension| key_usage(extension).ok());
    let non_repudiation = non_repudiation.is_some_and(|[_, bit, ..]| bit);
    let (kind, why) = if is_written_as(&name, Identifier::Emaid) && non_repudiation {
        ("contract", format!("its name {name:?} is written as an eMAID and it may sign contracts"))
    } else if is_written_as(&name, Identifier::Pcid) {
        ("provisioning", format!("its name {name:?} is written as a PCID"))
    } else if is_written_as(&name, Identifier::Emaid) && !is_written_as(&name, Identifier::SeccId) {
        ("contract", format!("its name {name:?} is written as an eMAID"))
    } else {
        ("secc", "its name tells nothing else".to_owned())
    };
    (kind, vec![not_ca, spoken, why])
}
