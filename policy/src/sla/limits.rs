//! By what limits the answers of services are judged. Times are in seconds.

/// The limits for one kind of service of one operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceLimits {
    /// An answer that takes longer is `slow`, in milliseconds.
    pub slow_ms: u64,
    /// How far clocks may disagree.
    pub skew: i64,
    /// Whether an OCSP answer must say until when it holds.
    pub next_update_required: bool,
    /// The shortest that an OCSP answer should hold.
    pub ocsp_min_interval: i64,
    /// The longest that an OCSP answer may hold.
    pub ocsp_max_interval: i64,
    /// How long before its end an OCSP answer must have a successor (half of its time where it holds for less
    /// than twice as long).
    pub ocsp_renewal: i64,
    /// Whether an OCSP responder must return the nonce.
    pub nonce_required: bool,
    /// Whether a delegated responder must carry id-pkix-ocsp-nocheck.
    pub nocheck_required: bool,
    /// Notice before the end of a delegated responder's certificate.
    pub delegate_notice: i64,
    /// The longest that a CRL that covers end entities may hold.
    pub crl_max_interval: i64,
    /// The longest that a CRL that covers only CAs may hold.
    pub crl_ca_max_interval: i64,
    /// A CRL this many times larger or smaller than its predecessor is a `size_jump`.
    pub crl_size_factor: usize,
    /// How soon a new CRL must be at all its points and addresses: while caches and mirrors take it up, they
    /// may differ.
    pub crl_propagation: i64,
    /// Notice before the end of a TLS certificate.
    pub tls_notice: i64,
    /// Notice before the end of a root.
    pub root_notice: i64,
    /// Notice before the end of a sub-CA or cross-certificate.
    pub ca_notice: i64,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// How soon after an entry the log's checkpoint must cover it.
    pub checkpoint_delay: i64,
    /// How soon after a decision it must be published.
    pub publication_delay: i64,
}

const DAY: i64 = 86_400;

impl Default for ServiceLimits {
    /// RFC 5280, RFC 6960 and the CA/Browser Forum Baseline Requirements sections 4.9.7, 4.9.9 and 4.9.10.
    fn default() -> Self {
        Self {
            slow_ms: 10_000,
            skew: 300,
            next_update_required: true,
            ocsp_min_interval: 8 * 3600,
            ocsp_max_interval: 10 * DAY,
            ocsp_renewal: 8 * 3600,
            nonce_required: false,
            nocheck_required: true,
            delegate_notice: 14 * DAY,
            crl_max_interval: 10 * DAY,
            crl_ca_max_interval: 366 * DAY,
            crl_size_factor: 10,
            crl_propagation: 30,
            tls_notice: 14 * DAY,
            root_notice: 730 * DAY,
            ca_notice: 90 * DAY,
            max_body: 16 * 1024 * 1024 - 1,
            checkpoint_delay: 300,
            publication_delay: 7 * DAY,
        }
    }
}
