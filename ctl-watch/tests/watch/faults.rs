//! Every reason code is found by its name where it is due, and nothing else is: each fault that the sandbox can
//! switch on within two rounds, at one target or between several, and no longer when it is off; what is wrong with a
//! PKI from the beginning at once. What no service can cause is explained.

use std::collections::BTreeSet;

use ctl_sandbox::live::{Kind as Service, OcspSigner, Switch, switches};
use ctl_sandbox::{CrlPoints, Oddity};
use ctl_watch::Code;

use crate::sandbox::{DAY, Found, Scene, Watch};

/// Codes that no running service causes, but certificates do.
const OF_CERTIFICATES: &[Code] = &[Code::CrlSignMissing, Code::CaExpiring];

/// Codes that no service causes, and whose they are.
const OF_NO_SERVICE: &[(Code, &str)] = &[
    (Code::ProbeOverrun, "the schedule's: its own tests"),
    (Code::ProbeMissed, "the schedule's: its own tests"),
    (Code::NeverProbed, "of a responder about which nothing is known to ask: the tests of its probe"),
    (Code::ListStale, "the trust list manager's: own_watch.rs"),
    (Code::CheckpointOld, "the trust list manager's: own_watch.rs"),
    (Code::LogInconsistent, "the trust list manager's: own_watch.rs"),
    (Code::PublicationDelayed, "the trust list manager's: own_watch.rs"),
];

/// At how many addresses the CRL must be for a fault to be one.
fn points_of(switch: &Switch) -> CrlPoints {
    match switch.code.as_str() {
        "idp_missing_when_sharded" => CrlPoints::Sharded,
        "distribution_points_disagree" => CrlPoints::Mirrored,
        _ => CrlPoints::One,
    }
}

/// The kinds that are watched where one is at fault: OCSP and CRLs are laid beside each other.
fn watched_with(kind: Service) -> &'static [Service] {
    match kind {
        Service::Ocsp | Service::Crl => &[Service::Ocsp, Service::Crl],
        Service::CaIssuers => &[Service::CaIssuers],
        Service::Est => &[Service::Est],
        Service::RootPool => &[Service::RootPool],
        Service::Https => &[Service::Https],
    }
}

/// Rounds while the machine keeps nobody waiting: who was slow only because it stood still is asked again.
async fn undisturbed(watch: &mut Watch) -> Found {
    let mut found = watch.two_rounds().await;
    for _ in 1..4 {
        if !found.iter().any(|(_, code)| matches!(code, Code::Slow | Code::TcpTimeout)) {
            break;
        }
        found = watch.two_rounds().await;
    }
    found
}

fn code(name: &str) -> Code {
    Code::from_label(name).unwrap()
}

/// Switches a fault on, off again, and says what was not as it should be.
async fn try_out(watch: &mut Watch, switch: Switch) -> Option<String> {
    let (kind, name) = (switch.kind, switch.code.as_str());
    watch.set(kind, name, true);
    let found = watch.two_rounds().await;
    watch.set(kind, name, false);
    let after = watch.after(&found).await;
    let due = (kind, code(name));
    let besides: BTreeSet<Code> = switch.besides.iter().map(|besides| code(besides.as_str())).collect();
    let others: Vec<_> = found.iter().filter(|found| **found != due && !besides.contains(&found.1)).collect();
    let mut wrong = String::new();
    if !found.contains(&due) {
        wrong += " is not found;";
    }
    if !others.is_empty() {
        wrong += &format!(" also finds {others:?};");
    }
    if !after.is_empty() {
        wrong += &format!(" leaves {after:?};");
    }
    (!wrong.is_empty()).then(|| format!("{kind} {name}{wrong}"))
}

/// Tries every fault of one kind of service out; whatever is not as it should be.
async fn every_fault_of(kind: Service, crl_points: CrlPoints) {
    let scene = Scene { crl_points, ..Scene::of(watched_with(kind)) };
    let mut watch = Watch::new(scene).await;
    assert_eq!(undisturbed(&mut watch).await, Found::new(), "{kind}: healthy");
    let (mut wrong, mut tried) = (Vec::new(), 0);
    for switch in switches().filter(|switch| switch.kind == kind && points_of(switch) == crl_points) {
        let mut found = try_out(&mut watch, switch).await;
        // What is really wrong is wrong each time; a machine that stood still is not.
        for _ in 1..3 {
            if found.is_none() {
                break;
            }
            found = try_out(&mut watch, switch).await;
        }
        wrong.extend(found);
        tried += 1;
    }
    assert!(tried > 0, "{kind}: nothing was tried");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

macro_rules! every_fault {
    ($($name:ident $kind:ident $points:ident;)*) => {
        /// What the tests below try out.
        const TRIED: &[(Service, CrlPoints)] = &[$((Service::$kind, CrlPoints::$points)),*];

        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            every_fault_of(Service::$kind, CrlPoints::$points).await;
        })*
    };
}

every_fault! {
    every_fault_of_an_ocsp_responder_is_found Ocsp One;
    every_fault_of_a_crl_is_found_also_what_contradicts_ocsp Crl One;
    a_shard_that_does_not_say_which_it_is_is_found Crl Sharded;
    a_mirror_that_serves_another_crl_is_found Crl Mirrored;
    every_fault_of_a_ca_issuers_address_is_found CaIssuers One;
    every_fault_of_est_is_found Est One;
    every_fault_of_a_root_pool_is_found RootPool One;
    every_fault_of_an_endpoint_is_found Https One;
}

#[test]
fn every_code_is_tried_out_or_explained() {
    let switched: BTreeSet<&str> = switches().map(|switch| switch.code.as_str()).collect();
    for code in Code::ALL {
        let ways = [
            switched.contains(code.as_str()),
            OF_CERTIFICATES.contains(code),
            OF_NO_SERVICE.iter().any(|(explained, _)| explained == code),
        ];
        assert_eq!(ways.iter().filter(|way| **way).count(), 1, "{code}: {ways:?}");
    }
    for switch in switches() {
        assert!(TRIED.contains(&(switch.kind, points_of(&switch))), "{} {}", switch.kind, switch.code);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_root_that_must_not_sign_crls_and_one_that_ends_are_found_at_once() {
    let no_crl_sign = Scene { oddity: Some(Oddity::NoCrlSign), ..Scene::of(watched_with(Service::Crl)) };
    let found = undisturbed(&mut Watch::new(no_crl_sign).await).await;
    assert_eq!(found, Found::from([(Service::Crl, Code::CrlSignMissing)]));

    let judged_by_it = &[Service::Crl, Service::CaIssuers, Service::Est, Service::RootPool];
    let scene = Scene::of(judged_by_it);
    let ends = Scene { oddity: Some(Oddity::RootEnds(scene.begin() + 300 * DAY)), ..scene };
    let found = undisturbed(&mut Watch::new(ends).await).await;
    assert_eq!(found, judged_by_it.iter().map(|kind| (*kind, Code::CaExpiring)).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_healthy_pki_gives_no_finding_at_any_of_its_services_and_cas() {
    for ocsp_signer in [OcspSigner::ByProfile, OcspSigner::Direct, OcspSigner::Delegated] {
        for crl_points in [CrlPoints::One, CrlPoints::Mirrored, CrlPoints::Sharded] {
            let scene = Scene { every_ca: true, crl_points, ocsp_signer, ..Scene::of(&Service::ALL) };
            let mut watch = Watch::new(scene).await;
            for _ in 0..4 {
                assert_eq!(undisturbed(&mut watch).await, Found::new(), "{ocsp_signer:?}, {crl_points:?}");
            }
        }
    }
}
