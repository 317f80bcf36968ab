//! What an anchor's own certificate asks of the paths below it. RFC 5280 takes of an anchor only name and key (section
//! 6.1.1 (d)); OpenSSL, on which most devices stand, holds the path to the rest as well, as RFC 5937 describes it. The
//! rule sets of ISO 15118 do so too: otherwise they would promise what a device refuses.

use crate::Certificate;
use crate::extension::NameConstraints;
use crate::path::constraints::Constraints;
use crate::path::validate::is_understood;
use crate::path::{Finding, Judge, Outcome, Rejection, Signatures};

/// A judge that applies the anchor's own constraints, for those who judge by RFC 5280 alone; the rule sets of ISO 15118
/// have it in them.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnchorConstraints;

impl Judge for AnchorConstraints {
    fn name(&self) -> &str {
        "anchor-constraints"
    }

    fn judge(&self, anchor: &Certificate, chain: &[&Certificate], _: &mut Signatures) -> Vec<Finding> {
        findings(anchor, chain)
    }
}

/// What came of one rule: where it was broken, and in words; or the words of who kept it.
type Judged = Result<String, (Option<usize>, String)>;

pub(super) fn findings(anchor: &Certificate, chain: &[&Certificate]) -> Vec<Finding> {
    let judged: [(&'static str, Judged, &'static str); 6] = [
        ("anchor-readable", readable(anchor), "docs/readable.md"),
        (
            "anchor-critical-extensions",
            critical_extensions(anchor),
            "RFC 5280 section 4.2; RFC 5937 section 3",
        ),
        ("anchor-ca", authority(anchor), "RFC 5280 section 4.2.1.9; RFC 5937 section 3"),
        ("anchor-key-usage", key_usage(anchor), "RFC 5280 section 4.2.1.3; RFC 5937 section 3"),
        ("anchor-path-length", path_length(anchor, chain), "RFC 5280 section 4.2.1.9; RFC 5937 section 3"),
        ("anchor-name-constraints", names(anchor, chain), "RFC 5280 section 4.2.1.10; RFC 5937 section 3"),
    ];
    let finding = |(rule, judged, source)| match judged {
        Ok(words) => Finding { rule, outcome: Outcome::Passed, position: None, words, source },
        Err((position, words)) => Finding { rule, outcome: Outcome::Failed, position, words, source },
    };
    judged.into_iter().map(finding).collect()
}

fn of_anchor(words: impl Into<String>) -> Judged {
    Err((None, words.into()))
}

fn readable(anchor: &Certificate) -> Judged {
    match anchor.check_readable() {
        Ok(()) => Ok("devices can read the root".to_owned()),
        Err(reason) => of_anchor(format!("devices might not read the root: {reason}")),
    }
}

fn critical_extensions(anchor: &Certificate) -> Judged {
    for extension in anchor.extensions().iter().filter(|extension| extension.is_critical()) {
        match is_understood(anchor, extension.oid()) {
            Some(Ok(())) => {}
            Some(Err(rejection)) => return of_anchor(format!("of the root: {rejection}")),
            None => {
                let words = "which is not understood here; what it demands cannot be kept";
                return of_anchor(format!(
                    "the root has the critical extension {}, {words}",
                    extension.name()
                ));
            }
        }
    }
    Ok("every critical extension of the root is understood".to_owned())
}

fn authority(anchor: &Certificate) -> Judged {
    match anchor.basic_constraints() {
        Err(error) => of_anchor(format!("of the root: {error}")),
        Ok(Some(constraints)) if constraints.value.ca => Ok("the root says that it is a CA".to_owned()),
        Ok(_) => of_anchor("the root's basic constraints do not say that it is a CA"),
    }
}

fn key_usage(anchor: &Certificate) -> Judged {
    match anchor.key_usage() {
        Err(error) => of_anchor(format!("of the root: {error}")),
        Ok(Some(usage)) if !usage.value.key_cert_sign() => of_anchor(format!(
            "the root's key may be used for {}, not for signing certificates (keyCertSign)",
            usage.value
        )),
        Ok(Some(_)) => Ok("the root's key may sign certificates".to_owned()),
        Ok(None) => Ok("the root does not limit what its key may be used for".to_owned()),
    }
}

/// CAs that issued themselves do not count, and neither does the last certificate.
fn path_length(anchor: &Certificate, chain: &[&Certificate]) -> Judged {
    let Ok(constraints) = anchor.basic_constraints() else {
        return of_anchor("the root's path length cannot be read");
    };
    let Some(limit) = constraints.and_then(|constraints| constraints.value.path_len) else {
        return Ok("the root does not limit how many CAs stand below it".to_owned());
    };
    let above_leaf = chain.split_last().map_or(&[][..], |(_, above)| above);
    let counted = above_leaf.iter().filter(|certificate| !certificate.is_self_issued_by_name()).count();
    if u64::try_from(counted).is_ok_and(|counted| counted <= u64::from(limit)) {
        return Ok(format!("{counted} CAs stand below the root, which allows {limit}"));
    }
    of_anchor(format!("{counted} CAs stand below the root, and its path length constraint allows {limit}"))
}

fn names(anchor: &Certificate, chain: &[&Certificate]) -> Judged {
    let constraints = match anchor.name_constraints() {
        Err(error) => return of_anchor(format!("of the root: {error}")),
        Ok(None) => return Ok("the root has no name constraints".to_owned()),
        Ok(Some(constraints)) => &constraints.value,
    };
    let none = NameConstraints::default();
    let mut in_force = Constraints::new(&none);
    in_force.add(anchor.subject(), constraints);
    for (position, certificate) in chain.iter().enumerate() {
        if certificate.is_self_issued_by_name() && position + 1 < chain.len() {
            continue;
        }
        let alt_names = certificate.subject_alt_names();
        let checked =
            alt_names.map_err(|error| Rejection::MalformedExtension(error.clone())).and_then(|names| {
                in_force.check(certificate, names.map_or(&[][..], |names| names.value.as_slice()))
            });
        if let Err(rejection) = checked {
            return Err((Some(position), rejection.to_string()));
        }
    }
    Ok("every name keeps to the name constraints of the root".to_owned())
}
