//! Checks against the issuer, when its certificate is given. Whether its key made the signature, and whether it may
//! issue at all, is the question of trust paths.

use ctl_pki::DistinguishedName;
use ctl_pki::written::Written;

use super::form::one;
use super::validity::interval;
use super::{Failure, Subject, extensions};

fn issuer<'s>(subject: &'s Subject<'_>) -> Option<&'s Written<'s>> {
    subject.issuer.as_ref().and_then(|issuer| issuer.as_ref().ok())
}

pub(super) fn name(subject: &Subject<'_>) -> Vec<Failure> {
    match &subject.issuer {
        None => Vec::new(),
        Some(Err(fault)) => {
            vec![Failure::new("issuer", None, format!("the issuer given cannot be read: {}", fault.what))]
        }
        Some(Ok(issuer)) => {
            one(!is_same_name(issuer.parts.subject.whole, subject.view.parts.issuer.whole), || {
                let found =
                    format!("{} is named, {} is given", subject.view.parts.issuer, issuer.parts.subject);
                Failure::new("issuer", None, found)
            })
        }
    }
}

/// As trust paths compare names (RFC 5280 section 7.1). What cannot be read is the same only byte for byte.
fn is_same_name(one: &[u8], other: &[u8]) -> bool {
    one == other
        || matches!(
            (DistinguishedName::from_der(one), DistinguishedName::from_der(other)),
            (Ok(one), Ok(other)) if one == other
        )
}

pub(super) fn key_id(subject: &Subject<'_>) -> Vec<Failure> {
    let wanted = issuer(subject).and_then(extensions::own);
    let (Some(wanted), Some((byte, Some(found)))) = (wanted, extensions::authority(subject.view)) else {
        return Vec::new();
    };
    one(found != wanted, || {
        let found = format!("{}, while the issuer's is {}", hex::encode(found), hex::encode(wanted));
        Failure::new("extensions.authorityKeyIdentifier", byte, found)
    })
}

pub(super) fn validity(subject: &Subject<'_>) -> Vec<Failure> {
    let Some(issuer) = issuer(subject) else { return Vec::new() };
    let within = |view: &Written<'_>| {
        let begins =
            view.not_before().seconds.zip(issuer.not_before().seconds).is_none_or(|(own, its)| own >= its);
        let ends =
            view.not_after().seconds.zip(issuer.not_after().seconds).is_none_or(|(own, its)| own <= its);
        begins && ends
    };
    one(!within(subject.view), || {
        let found = format!("{}, while the issuer's is {}", interval(subject.view), interval(issuer));
        Failure::new("validity", subject.view.not_before().at, found)
    })
}
