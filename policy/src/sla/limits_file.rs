//! Limits as a policy file writes them: what is given replaces what would hold otherwise.

use serde::Deserialize;

use super::limits::ServiceLimits;
use super::span::Span;

macro_rules! limits {
    ($($(#[$doc:meta])* $name:ident: $kind:ty => $to:expr,)*) => {
        /// Departures from limits.
        #[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct LimitsFile {
            $($(#[$doc])* $name: Option<$kind>,)*
        }

        impl LimitsFile {
            /// Replaces what is given.
            pub(super) fn apply(&self, limits: &mut ServiceLimits) {
                $(if let Some(given) = self.$name {
                    let put: fn(&mut ServiceLimits, $kind) = $to;
                    put(limits, given);
                })*
            }
        }
    };
}

limits! {
    slow: Span => |limits, span| limits.slow_ms = span.0.unsigned_abs().saturating_mul(1000),
    skew: Span => |limits, span| limits.skew = span.0,
    next_update_required: bool => |limits, required| limits.next_update_required = required,
    ocsp_min_interval: Span => |limits, span| limits.ocsp_min_interval = span.0,
    ocsp_max_interval: Span => |limits, span| limits.ocsp_max_interval = span.0,
    ocsp_renewal: Span => |limits, span| limits.ocsp_renewal = span.0,
    nonce_required: bool => |limits, required| limits.nonce_required = required,
    nocheck_required: bool => |limits, required| limits.nocheck_required = required,
    delegate_notice: Span => |limits, span| limits.delegate_notice = span.0,
    crl_max_interval: Span => |limits, span| limits.crl_max_interval = span.0,
    crl_ca_max_interval: Span => |limits, span| limits.crl_ca_max_interval = span.0,
    crl_size_factor: u16 => |limits, factor| limits.crl_size_factor = usize::from(factor.max(2)),
    crl_propagation: Span => |limits, span| limits.crl_propagation = span.0,
    tls_notice: Span => |limits, span| limits.tls_notice = span.0,
    root_notice: Span => |limits, span| limits.root_notice = span.0,
    ca_notice: Span => |limits, span| limits.ca_notice = span.0,
    checkpoint_delay: Span => |limits, span| limits.checkpoint_delay = span.0,
    publication_delay: Span => |limits, span| limits.publication_delay = span.0,
    max_body: u32 => |limits, bytes| limits.max_body = usize::try_from(bytes).unwrap_or(usize::MAX),
}
