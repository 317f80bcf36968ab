//! The series of the root pool. Where no pool is configured there are none.

use ctl_serve::family::Page;

use crate::pool::{Counts, Served};

ctl_serve::families! {
    SERVED: Gauge "ctl_pool_served" []
        "1 while the root pool is answered; 0 while it is configured and nothing may be answered.";
    ROOTS: Gauge "ctl_pool_roots" ["form", "type"]
        "Roots that the pool hands out, by protocol and type.";
    CERTIFICATES: Gauge "ctl_pool_ca_certificates" ["ca", "standard"]
        "Certificates that EST hands out for a kind of CA, roots included.";
    LEFT: Gauge "ctl_pool_left_out" []
        "Anchors and sub-CAs that stand on a list or in the log and are not handed out; the server's log says why.";
    PREPARED: Gauge "ctl_pool_prepared_timestamp_seconds" []
        "Unix time at which the answers of the pool were last prepared: when something changed.";
}

/// Writes all of them.
pub(super) fn write(page: &mut Page<'_>, served: &Served) {
    let answers = match served {
        Served::Off => return,
        Served::Unavailable(_) => None,
        Served::Ready(answers) => Some(answers),
    };
    page.family(&SERVED).sample(&[], u8::from(answers.is_some()));
    let Some(answers) = answers else { return };
    let Counts { roots, certificates, left, prepared } = &answers.counts;
    let mut series = page.family(&ROOTS);
    for (form, kind, count) in roots {
        series.sample(&[form, kind], count);
    }
    let mut series = page.family(&CERTIFICATES);
    for (ca, standard, count) in certificates {
        series.sample(&[ca, standard], count);
    }
    page.family(&LEFT).sample(&[], left);
    page.family(&PREPARED).sample(&[], prepared.unix());
}
