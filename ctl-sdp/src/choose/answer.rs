//! What to do when the charger refuses a contract, and when TLS fails. ISO 15118 is not public: what is said here of it
//! is secondary, from CharIN's workshop (ISO 15118-2) and the response codes of open implementations.

use ctl_core::parts::Standard;
use serde::Serialize;

use super::Preferences;

ctl_pki::words! {
    /// What a response code means for the contract that was presented.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum Refusal by name {
        /// It is taken.
        None => "none",
        /// The charger takes it for over.
        Expired => "expired",
        /// The charger takes it for revoked.
        Revoked => "revoked",
        /// The charger does not know the operator or the root.
        Unknown => "unknown",
        /// Anything else.
        Other => "other",
    }
}

/// What follows from a response code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Consequence {
    /// What it means for the contract.
    pub refusal: Refusal,
    /// Whether the session is over, and TLS with it.
    pub session_ends: bool,
    /// Whether the contract is not to be presented anywhere else either before it has been replaced.
    pub nowhere: bool,
    /// What to do next.
    pub next: &'static str,
}

/// What a response code of PaymentDetailsRes or AuthorizationRes (-2), or of AuthorizationRes (-20), means.
///
/// ISO 15118-2: a code that begins with `FAILED` ends the session, and TLS with it; the car may begin again with another
/// contract. ISO 15118-20: one that begins with `WARNING` leaves the session and TLS as they are, and the car sends
/// another AuthorizationReq.
#[must_use]
pub fn consequence(standard: Standard, code: &str) -> Consequence {
    let refusal = match code.to_ascii_lowercase() {
        code if code.starts_with("ok") => Refusal::None,
        code if code.ends_with("certificateexpired") => Refusal::Expired,
        code if code.ends_with("certificaterevoked") => Refusal::Revoked,
        code if [
            "certchainerror",
            "certificatevalidationerror",
            "contractcanceled",
            "contractcancelled",
            "emspunknown",
            "nocertificateavailable",
            "nocontractmatchingpcidfound",
        ]
        .iter()
        .any(|known| code.ends_with(known)) =>
        {
            Refusal::Unknown
        }
        _ => Refusal::Other,
    };
    let warning = standard == Standard::Iso15118_20 && code.to_ascii_lowercase().starts_with("warning");
    let session_ends = refusal != Refusal::None && !warning;
    let next = match (refusal, session_ends) {
        (Refusal::None, _) => "charge",
        (_, false) => "in the same session: AuthorizationReq with the next contract of the plan, else EIM",
        (_, true) => {
            "close TLS; begin again with SDP, a new TLS connection and a new session (SessionID 0), with the next contract \
             of the plan, else EIM"
        }
    };
    Consequence { refusal, session_ends, nowhere: refusal == Refusal::Revoked, next }
}

/// The same for whoever only reads the plan.
pub(super) const fn if_refused(standard: Option<Standard>) -> &'static str {
    match standard {
        Some(Standard::Iso15118_2) => {
            "ISO 15118-2: a FAILED code ends the session and TLS; begin again with SDP and the next step"
        }
        Some(Standard::Iso15118_20) => {
            "ISO 15118-20: after a WARNING code the session and TLS go on; send AuthorizationReq with the next step. A \
             FAILED code ends both"
        }
        None => {
            "ISO 15118-2: a FAILED code ends the session and TLS; begin again with SDP and the next step. ISO 15118-20: \
             after a WARNING code the session goes on with the next step"
        }
    }
}

ctl_pki::words! {
    /// How TLS failed.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "kebab-case")]
    pub enum TlsFailure by name {
        /// The charger's chain ends in no root that the lists trust, or one of its certificates may not be used.
        Untrusted => "untrusted",
        /// No version or suite in common, or an alert of the charger.
        Handshake => "handshake",
        /// No answer, or the connection broke.
        Broken => "broken",
        /// The charger offers no TLS at all.
        NotOffered => "not-offered",
    }
}

/// What may still be done when TLS failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Fallback {
    /// What to do.
    pub what: &'static str,
    /// Whether TLS protects it.
    pub has_tls: bool,
    /// Whether a contract may be presented. Never without TLS.
    pub plug_and_charge: bool,
}

/// What may still be done, in order. Whoever disturbs TLS must not get a contract, or a session that can be read, out
/// of it: nothing here presents a contract without TLS, and nothing accepts a charger that cannot be verified.
#[must_use]
pub fn fallbacks(failure: TlsFailure, standard: Standard, preferences: &Preferences) -> Vec<Fallback> {
    let with = |what| Fallback { what, has_tls: true, plug_and_charge: true };
    let without = |what| Fallback { what, has_tls: false, plug_and_charge: false };
    let mut all = Vec::new();
    match failure {
        TlsFailure::Untrusted => all.push(with(
            "once more with SDP and TLS, naming every root of the lists (trusted_ca_keys, certificate_authorities): the \
             charger may hold a chain under another",
        )),
        TlsFailure::Broken | TlsFailure::Handshake => all.push(with("once more with SDP and TLS")),
        TlsFailure::NotOffered => {}
    }
    if standard == Standard::Iso15118_20 && failure != TlsFailure::NotOffered {
        all.push(with("ISO 15118-2 with TLS 1.2, with a contract of that standard"));
    }
    // -20 knows no session without TLS.
    if preferences.eim_without_tls {
        all.push(without(
            "ISO 15118-2 without TLS, as the owner allows: ExternalPayment only, and no certificate is installed in it",
        ));
    }
    all.push(without(
        "charging without a session of ISO 15118 (IEC 61851): the driver identifies at the charger",
    ));
    all
}
