//! What is watched of a small scheme, and what attackers and careless people make of it.

use std::sync::Arc;
use std::time::Duration;

use ctl_core::Digest;
use ctl_core::parts::{AnchorStatus, Constraints, Services, WithdrawalReason};
use ctl_governance::State;
use ctl_governance::state::{Anchor, CrossCertificate, ListState, Listed, StatusChange, SubCa};
use ctl_pki::Certificate;

use super::*;
use crate::target::{CrlSubject, OcspSubject, Origin, Subject};
use crate::testing::Says as _;
use crate::testing::bytes::{NOW, Shape, key, leaf_shape, root};
use crate::testing::world::{World, na};

const OCSP: &str = "http://ocsp.alpha.example/";
const CRL: &str = "http://crl.alpha.example/root.crl";
const ISSUERS: &str = "http://alpha.example/root.cer";

/// A scheme with the anchor of alpha, [`root`], on its list.
struct Story {
    state: State,
    sub_cas: u64,
}

impl Story {
    fn begin(services: Services) -> Self {
        let mut story = Self { state: World::found().state, sub_cas: 0 };
        story.list("alpha-pki", &root().certificate, services, AnchorStatus::Usable);
        story
    }

    fn contents(&mut self) -> &mut ListState {
        self.state.lists.entry(na()).or_default()
    }

    fn list(&mut self, operator: &str, root: &Certificate, services: Services, status: AnchorStatus) {
        let listed = listed(operator, root, status);
        let anchor = Anchor { uses: Vec::new(), constraints: Constraints::default(), services, listed };
        self.contents().anchors.insert_mut(fingerprint(root), Arc::new(anchor));
    }

    fn cross(&mut self, certificate: &Certificate) {
        let listed = listed("beta-pki", certificate, AnchorStatus::Usable);
        let issuer = fingerprint(&root().certificate);
        let cross = CrossCertificate { listed, issuer, subject: Digest::ZERO };
        self.contents().cross_certificates.insert_mut(fingerprint(certificate), Arc::new(cross));
    }

    fn disclose(&mut self, certificate: &Certificate, issuer: &Certificate, is_revoked: bool) {
        self.sub_cas += 1;
        let sub_ca = SubCa {
            fingerprint: fingerprint(certificate),
            certificate: certificate.der().into(),
            issuer: fingerprint(issuer),
            root: fingerprint(issuer),
            operator: "alpha-pki".parse().unwrap(),
            disclosed: self.sub_cas,
            revoked: is_revoked.then_some((9, WithdrawalReason::Superseded)),
        };
        self.state.sub_cas.insert_mut(sub_ca.fingerprint, Arc::new(sub_ca));
    }

    fn discover(&self) -> Discovered {
        discover(&self.state, NOW, &plan())
    }
}

fn listed(operator: &str, certificate: &Certificate, status: AnchorStatus) -> Listed {
    Listed {
        fingerprint: fingerprint(certificate),
        spki: Digest::from_bytes(certificate.spki_sha256()),
        certificate: certificate.der().into(),
        not_after: ctl_core::Timestamp::from_unix(certificate.not_after()),
        expired: None,
        operator: operator.parse().unwrap(),
        name: "A certificate".parse().unwrap(),
        admitted_size: 1,
        history: [StatusChange { status, at: ctl_core::Timestamp::EPOCH, cause: 1 }].into_iter().collect(),
        first_published: None,
    }
}

fn fingerprint(certificate: &Certificate) -> Digest {
    Digest::from_bytes(certificate.sha256())
}

fn any_port() -> Vec<ctl_fetch::Ports> {
    vec!["1-65535".parse().unwrap()]
}

fn plan() -> Plan {
    let period = Duration::from_secs(30);
    Plan { period, targets: Vec::new(), canaries: Vec::new(), bounds: Bounds::default(), ports: any_port() }
}

/// A sub-CA under [`root`] that says where to ask about it.
fn sub_ca(number: u8) -> Certificate {
    let shape = Shape::new(&format!("Sub {number}"), "Root", &[0x20, number]).ca().key_usage(0x06);
    shape.access(&[OCSP], &[ISSUERS]).crls(&[CRL]).signed(&key(number), &key(1))
}

fn urls(discovered: &Discovered) -> Vec<(Kind, &str)> {
    discovered.targets.iter().map(|target| (target.kind, target.url.as_str())).collect()
}

fn ocsp<'a>(discovered: &'a Discovered, url: &str) -> &'a [OcspSubject] {
    let found = discovered.targets.iter().find(|target| target.url == url && target.kind == Kind::Ocsp);
    let Subject::Ocsp(subjects) = &found.unwrap().subject else { panic!() };
    subjects
}

fn crl<'a>(discovered: &'a Discovered, url: &str) -> &'a CrlSubject {
    let found = discovered.targets.iter().find(|target| target.url == url && target.kind == Kind::Crl);
    let Subject::Crl(subject) = &found.unwrap().subject else { panic!() };
    subject
}

fn words(discovered: &Discovered) -> Vec<String> {
    discovered.left_out.iter().map(ToString::to_string).collect()
}

#[test]
fn who_has_the_name_of_the_service_itself_does_not_enter_its_record() {
    let mut story = Story::begin(Services::default());
    // No rules let anyone register under it; the watch does not rely on that.
    story.list("trust-list-manager", &root().certificate, Services::default(), AnchorStatus::Usable);
    story.disclose(&sub_ca(3), &root().certificate, false);
    let mut plan = plan();
    plan.targets = vec![Configured {
        operator: "trust-list-manager".parse().unwrap(),
        kind: Kind::Https,
        url: "https://portal.example/".into(),
    }];
    let found = discover(&story.state, NOW, &plan);
    assert!(found.targets.is_empty(), "{:?}", urls(&found));
    let words = words(&found);
    assert_eq!(words.len(), 4, "{words:#?}");
    assert!(words.iter().all(|one| one.contains("the name of the service itself")), "{words:#?}");
}

#[test]
fn several_certificates_that_name_one_address_make_one_target() {
    let mut story = Story::begin(Services::default());
    for number in [3, 4] {
        story.disclose(&sub_ca(number), &root().certificate, false);
    }
    let found = story.discover();
    assert_eq!(urls(&found), [(Kind::Ocsp, OCSP), (Kind::Crl, CRL), (Kind::CaIssuers, ISSUERS)]);
    assert!(found.left_out.is_empty());
    let [asked] = ocsp(&found, OCSP) else { panic!() };
    assert_eq!(*asked.issuer, root().certificate);
    assert_eq!((asked.good.len(), asked.revoked.len()), (2, 0));
    assert_eq!(crl(&found, CRL).covered.len(), 2);
    assert_eq!(crl(&found, CRL).points, [CRL]);
    let target = &found.targets[0];
    assert_eq!(
        (target.lists.as_slice(), target.origins.as_slice()),
        ([na()].as_slice(), [Origin::SubCa].as_slice())
    );
    assert_eq!(target.operator.as_str(), "alpha-pki");
    // The root and both sub-CAs are watched for their end.
    let roots: Vec<_> = found.certificates.iter().map(|watched| watched.is_root).collect();
    assert_eq!((roots.len(), roots.iter().filter(|is_root| **is_root).count()), (3, 1));
}

#[test]
fn what_an_anchor_declares_is_asked_about_what_it_issued() {
    let url = "http://status.alpha.example/";
    let services = Services {
        ocsp: vec![url.parse().unwrap()],
        est: vec!["https://est.alpha.example/cacerts".parse().unwrap()],
        root_pool: vec!["https://pool.example/v1/root/rootCerts".parse().unwrap()],
        ..Services::default()
    };
    let mut story = Story::begin(services);
    story.disclose(&sub_ca(3), &root().certificate, false);
    let cross = Shape::new("Beta", "Root", &[0x30]).ca().key_usage(0x06).signed(&key(8), &key(1));
    story.cross(&cross);
    let found = story.discover();
    let [asked] = ocsp(&found, url) else { panic!() };
    assert_eq!(asked.good.len(), 2, "the sub-CA and the cross-certificate");
    assert_eq!(ocsp(&found, OCSP)[0].good.len(), 1, "the address in the sub-CA serves those that name it");
    let rooted: Vec<_> = found
        .targets
        .iter()
        .filter_map(|target| match &target.subject {
            Subject::Est(roots) | Subject::RootPool(roots) => Some((roots.due.len(), roots.known.len())),
            _ => None,
        })
        .collect();
    assert_eq!(rooted, [(1, 1), (1, 1)]);
}

#[test]
fn a_revoked_sub_ca_becomes_a_canary_and_what_is_below_it_is_let_go() {
    let mut story = Story::begin(Services::default());
    let (good, revoked) = (sub_ca(3), sub_ca(4));
    story.disclose(&good, &root().certificate, false);
    story.disclose(&revoked, &root().certificate, true);
    let below = Shape::new("Below", "Sub 4", &[0x40]).ca().access(&["http://below.example/"], &[]);
    story.disclose(&below.signed(&key(5), &key(4)), &revoked, false);
    let found = story.discover();
    let [asked] = ocsp(&found, OCSP) else { panic!() };
    assert_eq!(asked.good, [Arc::new(good)]);
    assert_eq!(asked.revoked, [Box::from(revoked.serial())]);
    assert_eq!(crl(&found, CRL).covered.len(), 2, "its CRL covers it all the same");
    assert!(urls(&found).iter().all(|(_, url)| !url.contains("below")));
    assert_eq!(found.certificates.len(), 2);
}

#[test]
fn suspended_anchors_are_watched_and_withdrawn_ones_are_not() {
    for (status, targets) in [(AnchorStatus::Suspended, 3), (AnchorStatus::Withdrawn, 0)] {
        let mut story = Story::begin(Services::default());
        story.list("alpha-pki", &root().certificate, Services::default(), status);
        story.disclose(&sub_ca(3), &root().certificate, false);
        assert_eq!(story.discover().targets.len(), targets, "{status}");
    }
}

#[test]
fn what_has_expired_is_no_canary_and_covered_by_nothing() {
    let mut story = Story::begin(Services::default());
    let mut shape = Shape::new("Old", "Root", &[0x21]).ca().access(&[OCSP], &[]).crls(&[CRL]);
    shape.not_after = "290101000000Z";
    story.disclose(&shape.signed(&key(5), &key(1)), &root().certificate, false);
    assert_eq!(story.discover().targets.len(), 0);
}

/// Adds an application of beta for [`root`] to certify a certificate that names these addresses.
fn apply(story: &mut Story, index: u64, certificate: &Certificate) {
    let application = ctl_governance::application::Application {
        index,
        applicant: "beta-pki".parse().unwrap(),
        list: na(),
        name: "An application".parse().unwrap(),
        candidate: ctl_governance::statement::body::Candidate::CrossCertificate {
            issuer: fingerprint(&root().certificate),
            subject: Digest::ZERO,
        },
        certificate: certificate.der().into(),
        fingerprint: fingerprint(certificate),
        spki: Digest::from_bytes(certificate.spki_sha256()),
        not_after: ctl_core::Timestamp::from_unix(certificate.not_after()),
        possession: ctl_governance::possession::Possession::NotAsked,
        submitted_at: ctl_core::Timestamp::EPOCH,
        first_screened_at: None,
        screening: None,
        evidence: Default::default(),
        comments: Default::default(),
        discussed_since: None,
        proposal: None,
        ended: None,
    };
    story.state.applications.insert_mut(index, Arc::new(application));
}

#[test]
fn an_applicant_cannot_make_the_services_of_another_look_bad() {
    let mut story = Story::begin(Services::default());
    story.disclose(&sub_ca(3), &root().certificate, false);
    let forged = Shape::new("Beta", "Root", &[0x50]).ca().access(&[OCSP], &[]);
    let forged = forged.crls(&["http://beta.example/elsewhere.crl", CRL]).signed(&key(8), &key(9));
    apply(&mut story, 7, &forged);
    let found = story.discover();
    // Alpha's responder is asked what it was asked before, and its CRL has one point.
    let of = |operator: &str| found.targets.iter().filter(|one| one.operator.as_str() == operator).count();
    assert_eq!((of("alpha-pki"), of("beta-pki")), (3, 3));
    assert_eq!(ocsp(&found, OCSP)[0].good, [Arc::new(sub_ca(3))]);
    assert_eq!((crl(&found, CRL).points.len(), crl(&found, CRL).covered.len()), (1, 1));
    assert!(found.targets[..3].iter().all(|target| target.operator.as_str() == "alpha-pki"));
}

#[test]
fn a_flood_of_addresses_displaces_nobody_and_is_said() {
    let mut story = Story::begin(Services::default());
    story.disclose(&sub_ca(3), &root().certificate, false);
    for index in 0..20 {
        let urls: Vec<_> = (0..10).map(|page| format!("http://beta.example/{index}/{page}")).collect();
        let urls: Vec<_> = urls.iter().map(String::as_str).collect();
        let flood = Shape::new("Beta", "Root", &[0x50, index]).ca().crls(&urls).signed(&key(8), &key(9));
        apply(&mut story, u64::from(index) + 7, &flood);
    }
    let bounded = |bounds| discover(&story.state, NOW, &Plan { bounds, ..plan() });
    let found = bounded(Bounds { per_operator: 50, per_applicant: 50, total: 1_000 });
    assert_eq!((found.targets.len(), found.left_out.len()), (53, 150));
    let found = bounded(Bounds { per_operator: 50, per_applicant: 100, total: 1_000 });
    assert_eq!((found.targets.len(), found.left_out.len()), (53, 150));
    assert!(words(&found)[0].ends_with("the operator has more than 50 targets"));
    let found = bounded(Bounds::default());
    assert_eq!((found.targets.len(), found.left_out.len()), (23, 180));
    assert!(words(&found)[0].contains("undecided applications name more than 20 targets"));
    let found = bounded(Bounds { total: 4, ..Bounds::default() });
    assert_eq!((found.targets.len(), found.left_out.len()), (4, 199));
    assert_eq!(urls(&found)[0], (Kind::Ocsp, OCSP), "what applicants name comes last");
}

#[test]
fn addresses_that_cannot_be_called_are_said_and_the_others_are_watched() {
    let mut story = Story::begin(Services::default());
    let bad = [
        "ldap://directory.alpha.example/cn=Root?certificateRevocationList",
        "http://",
        "http://user@10.0.0.1/",
        "http://crl.alpha.example/with space",
        "relative.crl",
        "",
    ];
    let shape = Shape::new("Sub", "Root", &[0x22]).ca().crls(&[&bad[..], &[CRL]].concat());
    story.disclose(&shape.signed(&key(5), &key(1)), &root().certificate, false);
    let broken = Shape::new("Broken", "Root", &[0x23]).ca().with(&[0x55, 0x1d, 31], false, vec![0x30, 1, 0]);
    story.disclose(&broken.signed(&key(6), &key(1)), &root().certificate, false);
    let found = story.discover();
    assert_eq!(urls(&found), [(Kind::Crl, CRL)]);
    assert_eq!(found.left_out.len(), bad.len() + 1, "{:#?}", words(&found));
    assert!(words(&found).iter().any(|said| said.contains("only http and https")));
    assert!(words(&found).iter().any(|said| said.contains("cRLDistributionPoints")));
}

#[test]
fn the_configuration_adds_targets_and_canaries() {
    let mut story = Story::begin(Services::default());
    let sub = sub_ca(3);
    story.disclose(&sub, &root().certificate, false);
    let leaf_ocsp = "http://leaves.alpha.example/";
    let leaf = Shape::new("leaf", "Sub 3", &[0x77]).access(&[leaf_ocsp], &[]).signed(&key(5), &key(3));
    let stranger = leaf_shape().access(&["http://stranger.example/"], &[]).signed(&key(5), &key(9));
    let configured =
        |kind, url: &str| Configured { operator: "alpha-pki".parse().unwrap(), kind, url: url.to_owned() };
    let canaries = |issuer: &Certificate, good: &Certificate| Canaries {
        issuer: fingerprint(issuer),
        good: vec![Arc::new(good.clone())],
        revoked: vec![Box::from([0x66].as_slice())],
    };
    let plan = Plan {
        targets: vec![
            configured(Kind::Https, "https://portal.alpha.example/"),
            configured(Kind::Est, "https://alpha.example/cacerts"),
            configured(Kind::Crl, "http://mirror.alpha.example/root.crl"),
            configured(Kind::Ocsp, OCSP),
            configured(Kind::Service, "http://us.example/"),
        ],
        canaries: vec![
            canaries(&sub, &leaf),
            canaries(&root().certificate, &stranger),
            canaries(&stranger, &leaf),
        ],
        ..plan()
    };
    let found = discover(&story.state, NOW, &plan);
    let [asked] = ocsp(&found, leaf_ocsp) else { panic!() };
    assert_eq!((&*asked.issuer, asked.good.as_slice()), (&sub, [Arc::new(leaf)].as_slice()));
    assert_eq!(asked.revoked, [Box::from([0x66].as_slice())]);
    assert!(crl(&found, "http://mirror.alpha.example/root.crl").covered.is_empty());
    let responder = found.targets.iter().find(|target| target.url == OCSP).unwrap();
    assert_eq!(responder.origins, [Origin::SubCa, Origin::Configuration]);
    assert_eq!(ocsp(&found, OCSP)[0].good.len(), 1);
    let kinds: Vec<_> = urls(&found).iter().map(|(kind, _)| *kind).collect();
    assert!(kinds.contains(&Kind::Https) && kinds.contains(&Kind::Est) && !kinds.contains(&Kind::Service));
    let said = words(&found).join("\n");
    assert!(said.contains("the canary was not issued by") && said.contains("their issuer is no anchor"));
    assert!(said.contains("the service itself is always watched"));
    assert_eq!(found.left_out.len(), 3, "{said}");
}

#[test]
fn a_crl_that_nobody_names_needs_one_root_to_be_judged_by() {
    let mut story = Story::begin(Services::default());
    let second = crate::testing::bytes::root_named("Second", 12).certificate;
    story.list("alpha-pki", &second, Services::default(), AnchorStatus::Usable);
    let mirror = |operator: &str| Configured {
        operator: operator.parse().unwrap(),
        kind: Kind::Crl,
        url: "http://mirror.example/a.crl".to_owned(),
    };
    let plan = Plan { targets: vec![mirror("alpha-pki"), mirror("nobody")], ..plan() };
    let found = discover(&story.state, NOW, &plan);
    assert!(found.targets.is_empty());
    let why: Vec<_> = found.left_out.into_iter().map(|left_out| left_out.why).collect();
    assert_eq!(why, [Why::UnclearIssuer, Why::NoIssuer]);
}

#[test]
fn a_service_at_a_port_that_is_not_called_is_left_out_and_said() {
    let configured = |url: &str| Configured {
        operator: "alpha-pki".parse().unwrap(),
        kind: Kind::Https,
        url: url.to_owned(),
    };
    let targets =
        ["http://a.example/", "https://b.example/", "https://c.example:8443/", "http://d.example:443/"];
    let plan =
        Plan { targets: targets.map(configured).to_vec(), ports: vec![80.into(), 443.into()], ..plan() };
    let story = Story::begin(Services::default());
    let found = discover(&story.state, NOW, &plan);
    let watched: Vec<&str> = found.targets.iter().map(|target| target.url.as_str()).collect();
    assert!(
        ["http://a.example/", "https://b.example/", "http://d.example:443/"]
            .iter()
            .all(|url| watched.contains(url))
    );
    let said: Vec<_> = found.left_out.iter().map(|one| (one.what.as_str(), one.why.clone())).collect();
    assert!(said.contains(&("https://c.example:8443/", Why::Port(8443))), "{said:?}");
}
