//! The end: where to look, and what to try.

use std::net::SocketAddr;

use super::applications::LIST;
use crate::tour::{Tour, print};

/// Says it while the server stays up.
pub(crate) fn stay(tour: &Tour, control: SocketAddr) {
    let directory = tour.directory().display();
    let url = tour.url("");
    let url = url.trim_end_matches('/');
    print("\nThe server stays up until Ctrl-C. Look around:");
    for path in [
        String::new(),
        format!("v1/lists/{LIST}"),
        format!("v1/lists/{LIST}/ctl.pem"),
        "v1/applications".into(),
        "v1/participants".into(),
        "v1/registry/mo".into(),
        "v1/breaches".into(),
        "readyz".into(),
        "metrics".into(),
    ] {
        print(&format!("    {}", tour.url(&path)));
    }
    for path in ["", "v1/targets", "v1/incidents", "v1/sla", "metrics"] {
        print(&format!("    {}", tour.watch_url(path)));
    }
    if let Some(webhooks) = &tour.webhooks {
        print(&format!("    {}/metrics", webhooks.url()));
    }
    print(&format!("    {directory}/device/everest/ca/v2g/V2G_ROOT_CA.pem"));
    print(&format!("    {directory}/device/pem/current"));
    if let Some(prometheus) = &tour.prometheus {
        print(&format!("    http://{}/alerts", prometheus.address()));
    }
    print("Break a service, see it found, and put it right (ctl-sandbox faults lists what can be wrong):");
    print(&format!("    curl -X PUT http://{control}/faults/aurora/ocsp/next_update_past"));
    print(&format!("    curl -X DELETE http://{control}/faults"));
    print("Try the tools on it (in the repository: cargo run --release -p ctl-admin -- …):");
    let root = format!("--root {directory}/founding/1.root.json");
    print(&format!("    ctl-admin {root} --url {url} review"));
    print(&format!("    ctl-admin {root} audit {url}"));
    print(&format!(
        "    curl -s {url}/v1/lists/{LIST}/ctl.jws -o {LIST}.jws && ctl-admin {root} verify {LIST}.jws"
    ));
    print(&format!("    ctl-client status --dir {directory}/device/state"));
}
