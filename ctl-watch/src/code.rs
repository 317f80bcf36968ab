//! The reason codes: everything that can be wrong with a service, each under a fixed name that metrics, incidents and
//! breaches use as a label. A code may apply to several kinds of probes (`signature_invalid` of an OCSP response and of
//! a CRL); the kind is always given with it.

use std::fmt;

use ctl_fetch::Reason;
use serde::{Deserialize, Serialize};

/// How serious a code is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Worth knowing; nothing is wrong.
    Information,
    /// Something will break or breaks a rule; the answer still conforms to the service level.
    Warning,
    /// The answer is not good.
    Error,
}

/// What a code is about, as in the list of checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// Reaching the service.
    Transport,
    /// The form of requests and responses.
    Protocol,
    /// Whether the answer is about the question, and from the right signer.
    Binding,
    /// Whether the answer is current.
    Freshness,
    /// What the answer says.
    Semantics,
    /// How the answer may be cached.
    Caching,
    /// How the answer compares with earlier ones.
    History,
    /// Certificates and lists of certificates that services hand out.
    Chain,
    /// The watch itself.
    Watch,
}

macro_rules! codes {
    ($($family:ident: $($name:literal => $code:ident, $weight:ident, $meaning:literal;)*)*) => {
        /// A reason code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum Code {
            $($(#[doc = $meaning] #[serde(rename = $name)] $code,)*)*
        }

        impl Code {
            /// All codes, in order.
            pub const ALL: &'static [Self] = &[$($(Self::$code,)*)*];

            /// The label.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $($(Self::$code => $name,)*)* }
            }

            /// Its family.
            #[must_use]
            pub const fn family(self) -> Family {
                match self { $($(Self::$code)|* => Family::$family,)* }
            }

            /// How serious it is.
            #[must_use]
            pub const fn weight(self) -> Weight {
                match self { $($(Self::$code => Weight::$weight,)*)* }
            }

            /// Its meaning, in a sentence.
            #[must_use]
            pub const fn meaning(self) -> &'static str {
                match self { $($(Self::$code => $meaning,)*)* }
            }
        }
    };
}

codes! {
    Transport:
    "dns_failure" => DnsFailure, Error, "The name does not resolve.";
    "address_forbidden" => AddressForbidden, Error, "The name resolves to addresses that the watch must not call (loopback, private, link-local, metadata).";
    "tcp_refused" => TcpRefused, Error, "The connection is refused or reset.";
    "tcp_timeout" => TcpTimeout, Error, "Nothing answers in time.";
    "tls_failure" => TlsFailure, Error, "The TLS handshake fails, or the certificate is not trusted for the name.";
    "tls_certificate_expiring" => TlsCertificateExpiring, Warning, "The TLS certificate ends soon.";
    "http_status" => HttpStatus, Error, "The HTTP status is not 200, or the answer is no HTTP.";
    "redirect_refused" => RedirectRefused, Error, "Redirected too often, to another host, or to a scheme that is not allowed.";
    "content_type" => ContentType, Warning, "The media type is not the one of the service.";
    "body_empty" => BodyEmpty, Error, "The body is empty.";
    "body_truncated" => BodyTruncated, Error, "The body ends before its announced length.";
    "body_too_large" => BodyTooLarge, Error, "The body is larger than the limit.";
    "slow" => Slow, Error, "The answer took longer than the limit.";
    "address_disagreement" => AddressDisagreement, Error, "The addresses of the name answer differently.";

    Protocol:
    "post_get_disagree" => PostGetDisagree, Error, "POST and GET answer differently.";
    "get_encoding" => GetEncoding, Error, "A GET request with `/`, `+` or `=` in its base64 does not survive.";
    "get_double_slash" => GetDoubleSlash, Error, "A GET request with `//` in its base64 does not survive: something turns it into one `/`.";
    "responder_malformed_request" => ResponderMalformedRequest, Error, "The responder answers malformedRequest.";
    "responder_internal_error" => ResponderInternalError, Error, "The responder answers internalError.";
    "responder_try_later" => ResponderTryLater, Error, "The responder answers tryLater.";
    "responder_sig_required" => ResponderSigRequired, Error, "The responder answers sigRequired.";
    "responder_unauthorized" => ResponderUnauthorized, Error, "The responder answers unauthorized.";
    "garbage_accepted" => GarbageAccepted, Error, "A request that is garbage is answered with good.";
    "der_invalid" => DerInvalid, Error, "The answer is not DER of its type.";
    "pem_instead_of_der" => PemInsteadOfDer, Error, "The answer is PEM where DER is due.";
    "html_instead_of_der" => HtmlInsteadOfDer, Error, "A page for people (HTML or XML) is served where DER is due.";
    "base64_instead_of_der" => Base64InsteadOfDer, Error, "Bare base64 is served where DER is due.";
    "trailing_bytes" => TrailingBytes, Error, "Something follows the DER.";
    "response_type_unknown" => ResponseTypeUnknown, Error, "The response is not of type id-pkix-ocsp-basic.";
    "unknown_critical_extension" => UnknownCriticalExtension, Error, "There is an unknown critical extension.";
    "version_not_v2" => VersionNotV2, Error, "The CRL is not version 2.";
    "time_encoding" => TimeEncoding, Warning, "A time in the CRL is not encoded as its year requires (UTCTime through 2049, GeneralizedTime after).";
    "extension_criticality" => ExtensionCriticality, Warning, "An extension of the CRL that must be critical is not, or the other way round.";
    "algorithm_parameters" => AlgorithmParameters, Warning, "The CRL's signature algorithm has parameters that it must not have.";
    "crl_number_invalid" => CrlNumberInvalid, Error, "The CRL number is negative or has more than 20 bytes.";
    "crl_access_invalid" => CrlAccessInvalid, Warning, "The CRL's authority information access names something else than the issuer's certificate.";
    "duplicate_serial" => DuplicateSerial, Warning, "A serial number stands in the CRL twice.";
    "reason_illegal" => ReasonIllegal, Warning, "A revocation reason is one that must not be given (0, 7).";
    "empty_revoked_sequence" => EmptyRevokedSequence, Warning, "revokedCertificates is present and empty.";

    Binding:
    "certid_mismatch" => CertidMismatch, Error, "The answer is about another certificate (hash, serial number or issuer).";
    "signature_invalid" => SignatureInvalid, Error, "The signature does not verify.";
    "algorithm_not_allowed" => AlgorithmNotAllowed, Error, "The signature algorithm is not allowed.";
    "algorithm_mismatch" => AlgorithmMismatch, Error, "The signature algorithm inside the CRL is not the one outside.";
    "responder_id_mismatch" => ResponderIdMismatch, Error, "The responder id fits no certificate that may sign.";
    "delegate_wrong_issuer" => DelegateWrongIssuer, Error, "The delegated responder was not certified by the CA's own key.";
    "delegate_missing_ocsp_signing" => DelegateMissingOcspSigning, Error, "The delegate's certificate lacks the purpose OCSPSigning.";
    "delegate_missing_nocheck" => DelegateMissingNocheck, Warning, "The delegate's certificate lacks id-pkix-ocsp-nocheck.";
    "delegate_expired" => DelegateExpired, Error, "The delegate's certificate is not valid now.";
    "delegate_expiring" => DelegateExpiring, Warning, "The delegate's certificate ends soon.";
    "delegate_is_ca" => DelegateIsCa, Warning, "The delegate's certificate is a CA's.";
    "issuer_mismatch" => IssuerMismatch, Error, "The CRL's issuer is not the CA's subject, byte for byte.";
    "aki_missing" => AkiMissing, Error, "The CRL has no authority key identifier, or none that names a key.";
    "aki_mismatch" => AkiMismatch, Error, "The CRL's authority key identifier is not the CA's key identifier.";
    "crl_sign_missing" => CrlSignMissing, Error, "The signer's key usage lacks cRLSign.";
    "indirect_crl" => IndirectCrl, Error, "The CRL speaks for other issuers too.";
    "idp_missing_when_sharded" => IdpMissingWhenSharded, Error, "The CA has several distribution points, and the CRL does not say which one it is for.";
    "idp_url_mismatch" => IdpUrlMismatch, Error, "The CRL's issuing distribution point is not the address it came from.";
    "idp_scope" => IdpScope, Error, "The CRL's scope leaves out certificates that point to it.";
    "idp_invalid" => IdpInvalid, Error, "The CRL's issuing distribution point says nothing, or contradicts itself.";
    "delta_without_base" => DeltaWithoutBase, Error, "A delta CRL is served where a complete one is due.";
    "nonce_wrong" => NonceWrong, Error, "The nonce in the answer is not the one that was sent.";
    "nonce_absent" => NonceAbsent, Information, "The nonce that was sent did not come back.";

    Freshness:
    "this_update_future" => ThisUpdateFuture, Error, "thisUpdate lies ahead.";
    "next_update_missing" => NextUpdateMissing, Error, "There is no nextUpdate.";
    "next_update_past" => NextUpdatePast, Error, "nextUpdate has passed.";
    "produced_at_future" => ProducedAtFuture, Error, "producedAt lies ahead.";
    "produced_before_this_update" => ProducedBeforeThisUpdate, Warning, "producedAt lies before thisUpdate.";
    "interval_too_short" => IntervalTooShort, Warning, "The answer holds for less than the limit.";
    "interval_too_long" => IntervalTooLong, Warning, "The answer holds for longer than the limit.";
    "renewed_too_late" => RenewedTooLate, Warning, "The successor of the answer is overdue.";
    "revocation_date_future" => RevocationDateFuture, Warning, "A revocation date lies ahead.";

    Semantics:
    "canary_good_not_good" => CanaryGoodNotGood, Error, "A certificate that is in order is not answered with good.";
    "canary_revoked_not_revoked" => CanaryRevokedNotRevoked, Error, "A certificate that is revoked is not answered with revoked.";
    "unissued_serial_good" => UnissuedSerialGood, Error, "A serial number that nobody issued is answered with good.";
    "issued_serial_unknown" => IssuedSerialUnknown, Error, "A certificate that was issued is answered with unknown.";
    "ocsp_crl_disagree" => OcspCrlDisagree, Error, "OCSP and CRL say different things of one certificate.";
    "revocation_reason_missing" => RevocationReasonMissing, Warning, "A CA is revoked without a reason.";

    Caching:
    "cache_control_missing" => CacheControlMissing, Warning, "A cacheable answer has neither Cache-Control max-age nor Expires.";
    "expires_after_next_update" => ExpiresAfterNextUpdate, Warning, "The answer may be cached beyond its nextUpdate.";
    "stale_from_cache" => StaleFromCache, Error, "GET returns a stale answer while POST returns a fresh one.";

    History:
    "status_flip_back" => StatusFlipBack, Error, "A certificate that was revoked is good again.";
    "crl_number_missing" => CrlNumberMissing, Warning, "The CRL has no number.";
    "crl_number_not_increasing" => CrlNumberNotIncreasing, Error, "A newer CRL does not have a greater number.";
    "same_number_different_bytes" => SameNumberDifferentBytes, Error, "Two CRLs of one number differ.";
    "this_update_regressed" => ThisUpdateRegressed, Error, "The CRL is older than the one seen before.";
    "entry_vanished" => EntryVanished, Error, "An entry left the CRL before its certificate expired.";
    "distribution_points_disagree" => DistributionPointsDisagree, Error, "Distribution points for the same certificates serve different CRLs.";
    "size_jump" => SizeJump, Warning, "The CRL is many times larger or smaller than the one before.";

    Chain:
    "ca_issuers_unreachable" => CaIssuersUnreachable, Error, "The address of the issuer's certificate does not answer with one.";
    "ca_issuers_wrong_certificate" => CaIssuersWrongCertificate, Error, "The address of the issuer's certificate serves another.";
    "ca_expiring" => CaExpiring, Warning, "A CA certificate ends soon (roots: two years ahead).";
    "est_cacerts_mismatch" => EstCacertsMismatch, Error, "EST cacerts differs from the list.";
    "root_pool_mismatch" => RootPoolMismatch, Error, "The root pool differs from the list.";
    "endpoint_down" => EndpointDown, Error, "The endpoint does not answer as it should.";

    Watch:
    "probe_overrun" => ProbeOverrun, Warning, "The last probe was still running when the next was due.";
    "probe_missed" => ProbeMissed, Warning, "A probe that was due did not take place.";
    "clock_offset" => ClockOffset, Warning, "The clocks of the service and of the watch disagree.";
    "list_stale" => ListStale, Error, "A list has passed its next update, or its metadata has expired.";
    "checkpoint_old" => CheckpointOld, Error, "The log's checkpoint is older than it should be.";
    "log_inconsistent" => LogInconsistent, Error, "The log contradicts what was seen of it before, or does not hold.";
    "publication_delayed" => PublicationDelayed, Error, "A decision waits longer for its publication than it should.";
    "never_probed" => NeverProbed, Warning, "A target waits for its first probe longer than it should.";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The code for a fetcher's error. If the fetcher itself had no capacity, the probe overran.
impl From<Reason> for Code {
    fn from(reason: Reason) -> Self {
        match reason {
            Reason::DnsFailure => Self::DnsFailure,
            Reason::AddressForbidden => Self::AddressForbidden,
            Reason::TcpRefused => Self::TcpRefused,
            Reason::TcpTimeout => Self::TcpTimeout,
            Reason::TlsFailure => Self::TlsFailure,
            Reason::NotHttp => Self::HttpStatus,
            Reason::RedirectRefused => Self::RedirectRefused,
            Reason::BodyTruncated => Self::BodyTruncated,
            Reason::BodyTooLarge => Self::BodyTooLarge,
            Reason::Slow => Self::Slow,
            Reason::Busy => Self::ProbeOverrun,
        }
    }
}

impl Code {
    /// The code with this label.
    #[must_use]
    pub fn from_label(label: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_unique_and_lead_back() {
        for code in Code::ALL {
            assert_eq!(Code::from_label(code.as_str()), Some(*code));
            assert!(
                code.as_str().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'),
                "{code}"
            );
            assert_eq!(serde_json::to_value(code).unwrap(), code.as_str());
        }
        assert_eq!(Code::from_label("good"), None);
    }

    #[test]
    fn the_sandbox_knows_the_same_names() {
        let ours: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        let theirs: Vec<_> = ctl_sandbox::live::Code::ALL.iter().map(|code| code.as_str()).collect();
        let missing = |from: &[&'static str], of: &[&'static str]| -> Vec<&'static str> {
            of.iter().filter(|name| !from.contains(name)).copied().collect()
        };
        assert_eq!(missing(&theirs, &ours), Vec::<&str>::new(), "the sandbox lacks these");
        assert_eq!(missing(&ours, &theirs), Vec::<&str>::new(), "the sandbox has these for nothing");
        let kinds = ctl_sandbox::live::Kind::ALL.map(|kind| kind.as_str());
        let own = crate::Kind::Service.as_str();
        let watched = crate::Kind::ALL.map(|kind| kind.as_str());
        assert!(watched.iter().all(|kind| *kind == own || kinds.contains(kind)), "{kinds:?}");
    }
}
