//! The fleet for Prometheus. No device is a label: their number has no end.

use ctl_core::Timestamp;
use ctl_serve::families;
use ctl_serve::family::Page;
use ctl_serve::metrics::{Registrar, RequestMetrics};
use prometheus::{IntCounterVec, Opts};

use super::fleet::{Fleet, Rules};

/// So many of the newest versions of a document are series.
const VERSIONS: usize = 3;

families! {
    DEVICES: Gauge "ctl_fleet_devices" [] "Devices that have ever reported.";
    AT_MOST: Gauge "ctl_fleet_devices_limit" [] "Devices that there may be.";
    TROUBLED: Gauge "ctl_fleet_devices_troubled" [] "Devices that report trouble.";
    SILENT: Gauge "ctl_fleet_devices_silent" [] "Devices without a report for longer than they may be.";
    HOLD: Gauge "ctl_fleet_devices_on_version" ["role", "version"] "Devices that hold each of the newest versions.";
    PAUSED: Gauge "ctl_fleet_rollout_paused" [] "Whether the roll-out is paused.";
}

/// What is counted.
pub(super) struct Metrics {
    registrar: Registrar,
    pub(super) requests: RequestMetrics,
    reports: IntCounterVec,
}

impl Metrics {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let mut registrar = Registrar::default();
        let requests = RequestMetrics::new(&mut registrar, [])?;
        let reports = Opts::new("ctl_fleet_reports_total", "Reports, by what came of them.");
        let reports = registrar.register(IntCounterVec::new(reports, &["result"])?)?;
        for result in ["kept", "refused", "failed"] {
            reports.with_label_values(&[result]).reset();
        }
        registrar.list(FAMILIES.iter().copied());
        Ok(Self { registrar, requests, reports })
    }

    pub(super) fn count(&self, result: &'static str) {
        self.reports.with_label_values(&[result]).inc();
    }

    pub(super) fn render(
        &self,
        fleet: &Fleet,
        rules: &Rules,
        now: Timestamp,
        paused: bool,
    ) -> Result<String, prometheus::Error> {
        let mut text = self.registrar.text()?;
        let mut page = Page(&mut text);
        page.family(&DEVICES).sample(&[], fleet.len());
        page.family(&AT_MOST).sample(&[], rules.devices);
        page.family(&TROUBLED).sample(&[], fleet.troubled());
        page.family(&SILENT).sample(&[], fleet.silent(rules, now));
        let mut hold = page.family(&HOLD);
        // Documents that exist, not all names that a device may think of.
        for (role, version, devices) in fleet.versions(VERSIONS, rules.least) {
            hold.sample(&[&role.to_string(), &version.to_string()], devices);
        }
        page.family(&PAUSED).sample(&[], u8::from(paused));
        Ok(text)
    }
}
