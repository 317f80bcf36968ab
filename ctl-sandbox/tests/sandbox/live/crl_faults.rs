//! Each fault of a CRL is what its name says, and nothing else; switched off, it is gone.

use std::collections::BTreeSet;

use ctl_pki::Certificate;
use ctl_pki::crl::{self, Crl, MAX_CRL_SIZE};
use ctl_pki::revocation::Outcome;
use ctl_sandbox::live::{Code, Kind, switches};
use ctl_sandbox::{CrlPoints, Oddity, PkiKind, PkiSpec, Role};

use super::client::{DAY, Sandbox, spec};
use super::ocsp_faults::of_transport;

/// Codes for which `ctl-pki` has another rule, or none: it takes more than one CRL, or knowing more.
const OF_SEVERAL: &[Code] = &[
    Code::OcspCrlDisagree,
    Code::IdpMissingWhenSharded,
    Code::IdpScope,
    Code::DistributionPointsDisagree,
    Code::EmptyRevokedSequence,
    Code::CacheControlMissing,
    Code::ExpiresAfterNextUpdate,
];
/// Codes that are found by comparing two CRLs.
const OF_HISTORY: &[Code] = &[
    Code::CrlNumberNotIncreasing,
    Code::SameNumberDifferentBytes,
    Code::ThisUpdateRegressed,
    Code::EntryVanished,
    Code::SizeJump,
];

/// A CA's CRL and everything that is asked of it.
struct Watched {
    sandbox: Sandbox,
    url: String,
    issuer: Certificate,
    covered: Certificate,
}

impl Watched {
    async fn new(points: CrlPoints) -> Self {
        let sandbox = Sandbox::aurora_with(points).await;
        let pki = sandbox.live.pki("aurora").unwrap();
        let covered = pki.get(Role::Contract).unwrap().certificate().clone();
        let issuer = pki.get(Role::MoSub2).unwrap().certificate().clone();
        let url = covered.crl_urls()[0].to_owned();
        Self { sandbox, url, issuer, covered }
    }

    fn set(&self, code: Code, on: bool) {
        self.sandbox.live.set_fault("aurora", "crl", code.as_str(), on).unwrap();
    }

    async fn crl(&self) -> Result<Crl, String> {
        let reply = self.sandbox.get(&self.url).await;
        Crl::from_der(&reply.body, MAX_CRL_SIZE).map_err(|error| error.rule().to_owned())
    }

    /// Every rule that a CRL breaks.
    fn broken(&self, crl: &Crl) -> BTreeSet<String> {
        let limits = crl::Limits { skew: 300, max_age: None, near: Some(DAY), max_interval: Some(10 * DAY) };
        let signers = [&self.issuer];
        let now = self.sandbox.now();
        let judged = crl::judge(&self.covered, &signers, &[crl], now, &limits);
        let considered = &judged.crls[0];
        let problems = considered.problems.iter().map(crl::Reason::rule);
        problems.chain(considered.notes.iter().map(crl::Note::rule)).map(str::to_owned).collect()
    }

    async fn broken_now(&self) -> BTreeSet<String> {
        match self.crl().await {
            Ok(crl) => self.broken(&crl),
            Err(rule) => BTreeSet::from([rule]),
        }
    }
}

fn changes(earlier: &Crl, later: &Crl) -> Vec<&'static str> {
    crl::compare(earlier, later, 10).iter().map(crl::Change::rule).collect()
}

#[tokio::test]
async fn each_fault_breaks_the_rule_of_its_name_and_no_other() {
    for points in [CrlPoints::One, CrlPoints::Mirrored, CrlPoints::Sharded] {
        let watched = Watched::new(points).await;
        let mut before = watched.crl().await.unwrap();
        let mut tried = 0;
        for switch in switches().filter(|switch| switch.kind == Kind::Crl) {
            let code = switch.code;
            if OF_SEVERAL.contains(&code) || OF_HISTORY.contains(&code) || of_transport(code) {
                continue;
            }
            watched.set(code, true);
            let expected = BTreeSet::from([code.as_str().replace('_', "-")]);
            assert_eq!(watched.broken_now().await, expected, "{points:?}");
            watched.set(code, false);
            let after = watched.crl().await.unwrap();
            assert_eq!(watched.broken(&after), BTreeSet::new(), "{points:?}: {code} leaves something");
            assert_eq!(changes(&before, &after), Vec::<&str>::new(), "{points:?}: {code}");
            before = after;
            tried += 1;
        }
        assert_eq!(tried, 30);
    }
}

#[tokio::test]
async fn each_fault_of_history_shows_at_every_request_and_is_over_when_it_is_off() {
    let watched = Watched::new(CrlPoints::One).await;
    for code in OF_HISTORY {
        let healthy = watched.crl().await.unwrap();
        let mut before = healthy.clone();
        watched.set(*code, true);
        for request in 0..4 {
            watched.sandbox.advance(30);
            let after = watched.crl().await.unwrap();
            assert_eq!(watched.broken(&after), BTreeSet::new(), "{code}");
            let name = [code.as_str().replace('_', "-")];
            // By the one before, and by the last that was in order.
            assert_eq!(changes(&before, &after), name, "request {request}");
            assert_eq!(changes(&healthy, &after), name, "request {request}");
            before = after;
        }
        watched.set(*code, false);
        let settled = watched.crl().await.unwrap();
        assert_eq!(changes(&healthy, &settled), Vec::<&str>::new(), "{code}");
        watched.sandbox.advance(DAY);
        assert_eq!(changes(&settled, &watched.crl().await.unwrap()), Vec::<&str>::new(), "{code}");
        assert_eq!(watched.broken_now().await, BTreeSet::new());
    }
}

#[tokio::test]
async fn an_empty_list_is_nothing_but_that() {
    let watched = Watched::new(CrlPoints::One).await;
    watched.set(Code::EmptyRevokedSequence, true);
    assert_eq!(watched.broken_now().await, BTreeSet::from(["empty-revoked-sequence".to_owned()]));
    assert!(watched.crl().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_scope_leaves_out_what_the_ca_issues() {
    let mut watched = Watched::new(CrlPoints::One).await;
    watched.set(Code::IdpScope, true);
    assert_eq!(watched.broken_now().await, BTreeSet::from(["idp-only-ca-certificates".to_owned()]));
    let pki = watched.sandbox.live.pki("aurora").unwrap();
    watched.covered = pki.get(Role::MoSub2).unwrap().certificate().clone();
    watched.issuer = pki.get(Role::MoSub1).unwrap().certificate().clone();
    watched.url = watched.covered.crl_urls()[0].to_owned();
    assert_eq!(watched.broken_now().await, BTreeSet::from(["idp-only-user-certificates".to_owned()]));
}

#[tokio::test]
async fn shards_forget_who_they_are_and_mirrors_differ_only_when_told_to() {
    let mut watched = Watched::new(CrlPoints::Sharded).await;
    assert!(watched.crl().await.unwrap().issuing_distribution_point().is_some());
    watched.set(Code::IdpMissingWhenSharded, true);
    assert!(watched.crl().await.unwrap().issuing_distribution_point().is_none());
    assert_eq!(watched.broken_now().await, BTreeSet::new());
    assert!(watched.sandbox.live.set_fault("aurora", "crl", "distribution_points_disagree", true).is_err());

    watched = Watched::new(CrlPoints::Mirrored).await;
    let mirror = watched.covered.crl_urls()[1].to_owned();
    let both = async || (watched.crl().await.unwrap(), watched.sandbox.get(&mirror).await.body);
    let (first, second) = both().await;
    assert_eq!(first.der(), second);
    watched.set(Code::DistributionPointsDisagree, true);
    let (first, second) = both().await;
    let second = Crl::from_der(&second, MAX_CRL_SIZE).unwrap();
    assert_ne!(first.number(), second.number());
    assert_eq!((watched.broken(&first), watched.broken(&second)), (BTreeSet::new(), BTreeSet::new()));
    watched.set(Code::DistributionPointsDisagree, false);
    let (last, again) = both().await;
    assert_eq!((last.der(), changes(&second, &last)), (again.as_slice(), vec![]));
}

#[tokio::test]
async fn caches_are_told_how_long_unless_told_otherwise() {
    let watched = Watched::new(CrlPoints::One).await;
    let get = async || watched.sandbox.get(&watched.url).await;
    let next_update = watched.crl().await.unwrap().next_update().unwrap();
    assert!((1..=next_update - watched.sandbox.now()).contains(&get().await.max_age()));
    watched.set(Code::ExpiresAfterNextUpdate, true);
    let reply = get().await;
    assert!(watched.sandbox.now() + reply.max_age() > next_update + DAY / 2);
    watched.set(Code::ExpiresAfterNextUpdate, false);
    watched.set(Code::CacheControlMissing, true);
    let reply = get().await;
    assert_eq!((reply.header("cache-control"), reply.header("expires")), (None, None));
}

#[tokio::test]
async fn a_crl_contradicts_ocsp_about_a_certificate_in_order() {
    let watched = Watched::new(CrlPoints::One).await;
    let before = watched.crl().await.unwrap();
    watched.set(Code::OcspCrlDisagree, true);
    let crl = watched.crl().await.unwrap();
    assert_eq!(watched.broken(&crl), BTreeSet::new());
    let limits = crl::Limits::default();
    let judged = crl::judge(&watched.covered, &[&watched.issuer], &[&crl], watched.sandbox.now(), &limits);
    assert!(matches!(judged.outcome, Outcome::Revoked { .. }), "{:?}", judged.outcome);
    assert_eq!(changes(&before, &crl), Vec::<&str>::new());
}

#[tokio::test]
async fn a_ca_that_must_not_sign_crls_does_so_all_the_same() {
    let odd = PkiSpec { oddity: Some(Oddity::NoCrlSign), ..spec(PkiKind::Mo, "Odd") };
    let sandbox = Sandbox::start(vec![odd], Default::default()).await;
    let pki = sandbox.live.pki("odd").unwrap();
    let issuer = pki.get(Role::MoSub2).unwrap().certificate().clone();
    let covered = pki.get(Role::Contract).unwrap().certificate().clone();
    let url = covered.crl_urls()[0].to_owned();
    let watched = Watched { sandbox, url, issuer, covered };
    assert_eq!(watched.broken_now().await, BTreeSet::from(["crl-sign-missing".to_owned()]));
}
