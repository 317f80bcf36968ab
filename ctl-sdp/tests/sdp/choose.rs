//! Which contract a car presents: the decision table, and what holds whatever anybody tells.

use ctl_client::contract::{CertificateStatus, Code, Member, Reason, Root, Standing, Verdict};
use ctl_core::parts::Standard;
use ctl_core::{Digest, Timestamp};
use ctl_sdp::choose::answer::{Refusal, TlsFailure, consequence, fallbacks};
use ctl_sdp::choose::{Contract, Offer, Plan, Preferences, Present, Told, decide};
use proptest::prelude::*;

/// What may be wrong with a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct State {
    expired: bool,
    revoked: bool,
    unknown_root: bool,
    /// The charger says inside TLS that it does not support its operator.
    unsupported: bool,
}

fn states() -> impl Iterator<Item = State> {
    (0..16_u8).map(|bits| State {
        expired: bits & 1 > 0,
        revoked: bits & 2 > 0,
        unknown_root: bits & 4 > 0,
        unsupported: bits & 8 > 0,
    })
}

fn contract(emaid: &str, refusals: &[Code], rules: &'static str, years: u64) -> Contract {
    let reason = |code: &Code| Reason {
        code: *code,
        refuses: true,
        certificate: None,
        what: "pretended".into(),
        advice: "pretend otherwise",
    };
    let status = refusals.first().map_or(CertificateStatus::Accepted, |code| code.status());
    let verdict = Verdict {
        certificate_status: status,
        time: Timestamp::EPOCH,
        emaid: Some(emaid.into()),
        mo_id: Some(emaid[..5].into()),
        mo: None,
        rules,
        root: Some(Root { sha256: Digest::of(b"root"), subject: "CN=root".into(), lists: vec!["na".into()] }),
        chain: vec![Member {
            subject: format!("CN={emaid}"),
            sha256: Digest::of(emaid.as_bytes()),
            not_after: Timestamp::EPOCH.plus_seconds(years * 31_536_000),
            revocation: Standing::NotAsked,
        }],
        reasons: refusals.iter().map(reason).collect(),
        ocsp_requests: vec![],
    };
    Contract { name: emaid.to_ascii_lowercase(), verdict }
}

fn good(emaid: &str) -> Contract {
    contract(emaid, &[], "iso15118-2", 60)
}

fn ids(texts: &[&str]) -> Offer {
    Offer::of(texts.iter().map(|text| text.parse().unwrap()))
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.contracts().collect()
}

fn ends_in_eim(plan: &Plan) -> bool {
    let eims = plan.steps.iter().filter(|step| step.present == Present::Eim).count();
    eims == 1 && plan.steps.last().is_some_and(|step| step.present == Present::Eim)
}

#[test]
fn every_combination_of_what_may_be_wrong_is_in_the_table() {
    for state in states() {
        let mut refusals = Vec::new();
        for (is, code) in [
            (state.unknown_root, Code::UnknownRoot),
            (state.revoked, Code::Revoked),
            (state.expired, Code::Expired),
        ] {
            if is {
                refusals.push(code);
            }
        }
        let contracts = [contract("DE8AAC00000001", &refusals, "iso15118-2", 60), good("USEVGC00000002")];
        let vas = if state.unsupported { ids(&["USEVG"]) } else { ids(&["DE8AA", "USEVG"]) };
        let wanted =
            Preferences { prefer: vec!["DE8AA".to_owned().try_into().unwrap()], ..Preferences::default() };
        let plan = decide(&contracts, &Told { vas: Some(vas), ..Told::default() }, &wanted);
        assert!(ends_in_eim(&plan));
        match refusals.is_empty() && !state.unsupported {
            true => assert_eq!(names(&plan), ["de8aac00000001", "usevgc00000002"], "{state:?}"),
            false => {
                assert_eq!(names(&plan), ["usevgc00000002"], "{state:?}");
                assert_eq!(plan.left_out.len(), 1);
                // Each thing that the lists say against it is told.
                let told = plan.left_out[0].reasons.join("\n");
                assert!(refusals.iter().all(|code| told.contains(code.name())), "{state:?}: {told}");
                assert!(!refusals.is_empty() || told.contains("service 64"), "{told}");
            }
        }
        // With nothing else to present, and with nothing at all.
        for alone in [&contracts[..1], &[]] {
            let plan = decide(alone, &Told { vas: Some(ids(&["USEVG"])), ..Told::default() }, &wanted);
            assert!(ends_in_eim(&plan) && plan.first().is_none());
        }
    }
}

#[test]
fn udp_puts_in_order_and_only_tls_excludes() {
    let contracts = [good("DE8AAC00000001"), good("USEVGC00000002"), good("NLCPIC00000003")];
    let plan = |told: &Told, wanted: &Preferences| {
        let plan = decide(&contracts, told, wanted);
        assert!(ends_in_eim(&plan));
        names(&plan).iter().map(|name| name[..5].to_owned()).collect::<Vec<_>>()
    };
    let wanted: Preferences = Preferences::read(b"prefer = [\"NL-CPI\", \"de8aa-c00000001\"]").unwrap();
    assert_eq!(plan(&Told::default(), &wanted), ["nlcpi", "de8aa", "usevg"]);
    let udp = |texts| Told { udp: Some(ids(texts)), ..Told::default() };
    assert_eq!(plan(&udp(&["USEVG"]), &wanted), ["usevg", "nlcpi", "de8aa"]);
    // Whoever forges the answer takes nothing away: not by a stranger's name, and not by saying that nothing works.
    assert_eq!(plan(&udp(&["XXXXX"]), &wanted), ["nlcpi", "de8aa", "usevg"]);
    assert_eq!(plan(&udp(&[]), &wanted), ["nlcpi", "de8aa", "usevg"]);
    let first = Preferences { owner_first: true, ..wanted.clone() };
    assert_eq!(plan(&udp(&["USEVG"]), &first), ["nlcpi", "de8aa", "usevg"]);
    let never = Preferences::read(b"never = [\"USEVG\"]").unwrap();
    assert_eq!(plan(&udp(&["USEVG"]), &never), ["de8aa", "nlcpi"]);

    let vas =
        |texts: &[&str]| Told { vas: Some(Offer::of_service(texts.iter().copied())), ..Told::default() };
    assert_eq!(plan(&vas(&["USEVG,DE-8AA"]), &wanted), ["de8aa", "usevg"]);
    assert!(plan(&vas(&[""]), &wanted).is_empty(), "an empty service supports nobody");
    let providers = |texts: &[&str]| Told {
        providers: Some(Offer::of_providers(texts.iter().copied())),
        ..Told::default()
    };
    assert_eq!(plan(&providers(&["USEVG"]), &wanted), ["usevg"]);
    // A list that cannot be read as identifiers, or that may have been cut, excludes nobody.
    assert_eq!(plan(&providers(&["EVG", "Some Mobility Ltd"]), &wanted).len(), 3);
    let many: Vec<String> = (0..255).map(|number| format!("XX{number:03}")).collect();
    let cut = |count: usize| many.iter().take(count).map(String::as_str).collect::<Vec<_>>();
    assert_eq!(plan(&vas(&cut(254)), &wanted).len(), 0);
    assert_eq!(plan(&vas(&cut(255)), &wanted).len(), 3);
    assert_eq!(plan(&vas(&[&cut(255).join(",")]), &wanted).len(), 3);
    assert_eq!(plan(&providers(&cut(127)), &wanted).len(), 0);
    assert_eq!(plan(&providers(&cut(128)), &wanted).len(), 3);
}

#[test]
fn a_session_takes_contracts_of_its_standard_and_none_without_tls() {
    let contracts = [good("DE8AAC00000001"), contract("DE8AAC00000002", &[], "iso15118-20", 60)];
    let of = |standard| Told { standard: Some(standard), ..Told::default() };
    let wanted = Preferences::default();
    assert_eq!(names(&decide(&contracts, &of(Standard::Iso15118_2), &wanted)), ["de8aac00000001"]);
    assert_eq!(names(&decide(&contracts, &of(Standard::Iso15118_20), &wanted)), ["de8aac00000002"]);
    let plain = decide(&contracts, &Told { is_plain: true, ..Told::default() }, &wanted);
    assert!(plain.first().is_none() && plain.left_out[0].reasons[0].contains("no TLS"));
    // The one that is valid for longer comes first where nothing else tells them apart.
    let contracts = [good("DE8AAC00000001"), contract("DE8AAC00000009", &[], "iso15118-2", 61)];
    assert_eq!(names(&decide(&contracts, &Told::default(), &wanted)), ["de8aac00000009", "de8aac00000001"]);
}

#[test]
fn after_a_refusal_the_next_one_is_presented_in_a_new_session_or_in_the_same() {
    let contracts = [good("DE8AAC00000001"), good("USEVGC00000002")];
    let refused = vec![("de8aac00000001".to_owned(), "FAILED_CertificateRevoked".to_owned())];
    let plan = decide(&contracts, &Told { refused, ..Told::default() }, &Preferences::default());
    assert_eq!(names(&plan), ["usevgc00000002"]);
    assert!(plan.left_out[0].reasons[0].contains("FAILED_CertificateRevoked"));
    use Standard::{Iso15118_2 as Two, Iso15118_20 as Twenty};
    for (standard, code, refusal, ends) in [
        (Two, "FAILED_CertificateExpired", Refusal::Expired, true),
        (Two, "FAILED_CertificateRevoked", Refusal::Revoked, true),
        (Two, "FAILED_CertChainError", Refusal::Unknown, true),
        (Two, "FAILED_ContractCanceled", Refusal::Unknown, true),
        (Two, "FAILED", Refusal::Other, true),
        (Two, "OK", Refusal::None, false),
        (Twenty, "WARNING_CertificateExpired", Refusal::Expired, false),
        (Twenty, "WARNING_CertificateRevoked", Refusal::Revoked, false),
        (Twenty, "WARNING_eMSPUnknown", Refusal::Unknown, false),
        (Twenty, "FAILED_SequenceError", Refusal::Other, true),
        // -2 has no such word; whoever says it there is not believed to go on.
        (Two, "WARNING_CertificateExpired", Refusal::Expired, true),
    ] {
        let found = consequence(standard, code);
        assert_eq!((found.refusal, found.session_ends), (refusal, ends), "{code}");
        assert_eq!(found.next.contains("new TLS connection"), ends, "{code}");
        assert_eq!(found.nowhere, refusal == Refusal::Revoked, "{code}");
    }
}

#[test]
fn when_tls_fails_plug_and_charge_is_over_or_tls_is_tried_again() {
    for failure in TlsFailure::ALL {
        for standard in Standard::ALL {
            for eim_without_tls in [false, true] {
                let wanted = Preferences { eim_without_tls, ..Preferences::default() };
                let all = fallbacks(failure, standard, &wanted);
                assert!(
                    all.iter().all(|fallback| fallback.has_tls || !fallback.plug_and_charge),
                    "{failure}"
                );
                assert!(all.last().is_some_and(|last| last.what.contains("IEC 61851")), "{failure}");
                let plain =
                    all.iter().any(|fallback| fallback.what.contains("without TLS, as the owner allows"));
                assert_eq!(plain, eim_without_tls, "{failure}");
            }
        }
    }
    assert!(Preferences::read(b"eim_without_tls = true").unwrap().eim_without_tls);
    for bad in ["pnc_without_tls = true", "prefer = [\"nobody\"]", "prefer = 1", "\u{0}"] {
        assert!(Preferences::read(bad.as_bytes()).is_err(), "{bad}");
    }
}

fn any_contract() -> impl Strategy<Value = Contract> {
    let codes = prop::sample::subsequence(
        vec![Code::Expired, Code::Revoked, Code::UnknownRoot, Code::Distrusted, Code::MoWithdrawn],
        0..3,
    );
    let rules = prop::sample::select(vec!["iso15118-2", "iso15118-20"]);
    ("(DE8AA|USEVG|NLCPI)C[0-9]{8}", codes, rules, 0..90_u64)
        .prop_map(|(emaid, codes, rules, years)| contract(&emaid, &codes, rules, years))
}

fn any_offer() -> impl Strategy<Value = Option<Offer>> {
    let texts = prop::collection::vec("(DE8AA|USEVG|NLCPI|us-evg|.{0,12})", 0..6);
    prop::option::of(texts.prop_map(|texts| Offer::of_service(texts.iter().map(String::as_str))))
}

proptest! {
    #[test]
    fn no_plan_holds_what_the_lists_do_not_trust_and_each_ends_in_eim(
        contracts in prop::collection::vec(any_contract(), 0..8),
        (udp, vas, providers) in (any_offer(), any_offer(), any_offer()),
        is_plain in any::<bool>(),
        owner_first in any::<bool>(),
        standard in prop::option::of(prop::sample::select(Standard::ALL.to_vec())),
    ) {
        let mut contracts = contracts;
        contracts.iter_mut().enumerate().for_each(|(at, contract)| contract.name = at.to_string());
        let wanted = Preferences { owner_first, ..Preferences::default() };
        let told = Told { standard, is_plain, udp, vas, providers, refused: vec![] };
        let plan = decide(&contracts, &told, &wanted);
        prop_assert!(ends_in_eim(&plan));
        prop_assert_eq!(plan.steps.len() - 1 + plan.left_out.len(), contracts.len());
        for name in plan.contracts() {
            let chosen = contracts.iter().find(|one| one.name == name).unwrap();
            prop_assert!(chosen.verdict.is_accepted() && !is_plain, "{}", name);
        }
        // What came over UDP changes the order and nothing else.
        let without = decide(&contracts, &Told { udp: None, ..told }, &wanted);
        let sorted = |plan: &Plan| {
            let mut names: Vec<String> = plan.contracts().map(str::to_owned).collect();
            names.sort();
            names
        };
        prop_assert_eq!(sorted(&plan), sorted(&without));
    }
}
