//! The names of what can be wrong: those that watches count by.

ctl_pki::words! {
    /// What can be wrong with a service, or with watching it.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum Code by as_str {
        DnsFailure => "dns_failure",
        AddressForbidden => "address_forbidden",
        TcpRefused => "tcp_refused",
        TcpTimeout => "tcp_timeout",
        TlsFailure => "tls_failure",
        TlsCertificateExpiring => "tls_certificate_expiring",
        HttpStatus => "http_status",
        RedirectRefused => "redirect_refused",
        ContentType => "content_type",
        BodyEmpty => "body_empty",
        BodyTruncated => "body_truncated",
        BodyTooLarge => "body_too_large",
        Slow => "slow",
        AddressDisagreement => "address_disagreement",
        PostGetDisagree => "post_get_disagree",
        GetEncoding => "get_encoding",
        GetDoubleSlash => "get_double_slash",
        ResponderMalformedRequest => "responder_malformed_request",
        ResponderInternalError => "responder_internal_error",
        ResponderTryLater => "responder_try_later",
        ResponderSigRequired => "responder_sig_required",
        ResponderUnauthorized => "responder_unauthorized",
        GarbageAccepted => "garbage_accepted",
        DerInvalid => "der_invalid",
        PemInsteadOfDer => "pem_instead_of_der",
        HtmlInsteadOfDer => "html_instead_of_der",
        Base64InsteadOfDer => "base64_instead_of_der",
        TrailingBytes => "trailing_bytes",
        ResponseTypeUnknown => "response_type_unknown",
        UnknownCriticalExtension => "unknown_critical_extension",
        VersionNotV2 => "version_not_v2",
        TimeEncoding => "time_encoding",
        ExtensionCriticality => "extension_criticality",
        AlgorithmParameters => "algorithm_parameters",
        CrlNumberInvalid => "crl_number_invalid",
        CrlAccessInvalid => "crl_access_invalid",
        DuplicateSerial => "duplicate_serial",
        ReasonIllegal => "reason_illegal",
        EmptyRevokedSequence => "empty_revoked_sequence",
        CertidMismatch => "certid_mismatch",
        SignatureInvalid => "signature_invalid",
        AlgorithmNotAllowed => "algorithm_not_allowed",
        AlgorithmMismatch => "algorithm_mismatch",
        ResponderIdMismatch => "responder_id_mismatch",
        DelegateWrongIssuer => "delegate_wrong_issuer",
        DelegateMissingOcspSigning => "delegate_missing_ocsp_signing",
        DelegateMissingNocheck => "delegate_missing_nocheck",
        DelegateExpired => "delegate_expired",
        DelegateExpiring => "delegate_expiring",
        DelegateIsCa => "delegate_is_ca",
        IssuerMismatch => "issuer_mismatch",
        AkiMissing => "aki_missing",
        AkiMismatch => "aki_mismatch",
        CrlSignMissing => "crl_sign_missing",
        IndirectCrl => "indirect_crl",
        IdpMissingWhenSharded => "idp_missing_when_sharded",
        IdpUrlMismatch => "idp_url_mismatch",
        IdpScope => "idp_scope",
        IdpInvalid => "idp_invalid",
        DeltaWithoutBase => "delta_without_base",
        NonceWrong => "nonce_wrong",
        NonceAbsent => "nonce_absent",
        ThisUpdateFuture => "this_update_future",
        NextUpdateMissing => "next_update_missing",
        NextUpdatePast => "next_update_past",
        ProducedAtFuture => "produced_at_future",
        ProducedBeforeThisUpdate => "produced_before_this_update",
        IntervalTooShort => "interval_too_short",
        IntervalTooLong => "interval_too_long",
        RenewedTooLate => "renewed_too_late",
        RevocationDateFuture => "revocation_date_future",
        CanaryGoodNotGood => "canary_good_not_good",
        CanaryRevokedNotRevoked => "canary_revoked_not_revoked",
        UnissuedSerialGood => "unissued_serial_good",
        IssuedSerialUnknown => "issued_serial_unknown",
        OcspCrlDisagree => "ocsp_crl_disagree",
        RevocationReasonMissing => "revocation_reason_missing",
        CacheControlMissing => "cache_control_missing",
        ExpiresAfterNextUpdate => "expires_after_next_update",
        StaleFromCache => "stale_from_cache",
        StatusFlipBack => "status_flip_back",
        CrlNumberMissing => "crl_number_missing",
        CrlNumberNotIncreasing => "crl_number_not_increasing",
        SameNumberDifferentBytes => "same_number_different_bytes",
        ThisUpdateRegressed => "this_update_regressed",
        EntryVanished => "entry_vanished",
        DistributionPointsDisagree => "distribution_points_disagree",
        SizeJump => "size_jump",
        CaIssuersUnreachable => "ca_issuers_unreachable",
        CaIssuersWrongCertificate => "ca_issuers_wrong_certificate",
        CaExpiring => "ca_expiring",
        EstCacertsMismatch => "est_cacerts_mismatch",
        RootPoolMismatch => "root_pool_mismatch",
        EndpointDown => "endpoint_down",
        ProbeOverrun => "probe_overrun",
        ProbeMissed => "probe_missed",
        ClockOffset => "clock_offset",
        ListStale => "list_stale",
        CheckpointOld => "checkpoint_old",
        LogInconsistent => "log_inconsistent",
        PublicationDelayed => "publication_delayed",
        NeverProbed => "never_probed",
    }
}

impl Code {
    /// The code of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == name)
    }
}

impl Code {
    /// Whether it happens on the way to or from a service whose answers stay what they are.
    #[must_use]
    pub const fn is_on_the_way(self) -> bool {
        matches!(
            self,
            Self::DnsFailure
                | Self::AddressForbidden
                | Self::TcpRefused
                | Self::TcpTimeout
                | Self::TlsFailure
                | Self::TlsCertificateExpiring
                | Self::HttpStatus
                | Self::RedirectRefused
                | Self::ContentType
                | Self::BodyEmpty
                | Self::BodyTruncated
                | Self::BodyTooLarge
                | Self::Slow
                | Self::ClockOffset
        )
    }
}
