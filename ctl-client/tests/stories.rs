//! What a device does when nobody attacks it.

mod common;

use common::device::{Options, names_in, set};
use common::server::Server;
use common::*;
use ctl_client::files::Disk;
use ctl_core::role::Role;
use serde_json::json;

#[test]
fn a_new_device_takes_up_the_list_and_fills_its_sinks() {
    let repository = Repository::new();
    let mut device = Device::new(&repository);
    let report = device.sync(&repository);
    assert!(report.is_success(), "{:?}", report.problems);
    assert_eq!(device.trusted(), set(&["alpha", "beta", "gamma"]));
    assert_eq!(names_in(&device.path("everest/ca/v2g/V2G_ROOT_CA.pem")), set(&["alpha", "beta"]));
    assert_eq!(names_in(&device.path("everest/ca/mo/MO_ROOT_CA.pem")), set(&["gamma"]));
    assert_eq!(names_in(&device.path("pem/current/mo-iso15118-2.pem")), set(&["gamma"]));
    let own = format!("pem/current/{}.pem", fingerprint("alpha"));
    assert_eq!(names_in(&device.path(&own)), set(&["alpha"]));
    device.assert_sound();
    let status = device.status();
    assert!(!status.is_wrong(), "{status}");
    assert!(status.to_string().contains("nothing is wrong"), "{status}");
    assert_eq!(status.log.unwrap().assurance, "witnessed");
}
