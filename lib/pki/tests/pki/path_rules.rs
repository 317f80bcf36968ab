//! The rule sets of ISO 15118: a sound chain passes, and each change breaks the one rule that it is about while
//! RFC 5280 has nothing to say.

use std::collections::BTreeSet;

use ctl_pki::Certificate;
use ctl_pki::path::{
    AnchorConstraints, Judge, Limits, Outcome, Purpose, Question, RuleSet, Rules, Search, search,
};
use ctl_sandbox::shape::{Key, Shape};
use ctl_sandbox::{Pki, PkiKind, PkiSpec, Role, cross_certify};

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;
const YEAR: i64 = 365 * 24 * 3600;

/// How a chain of root, sub-CAs and leaf is made. The default is sound.
struct Chain {
    set: RuleSet,
    key: fn(&str) -> Key,
    root: &'static str,
    subs: usize,
    leaf: &'static str,
    usage: &'static [u8],
    purpose: Option<Purpose>,
    change_root: fn(Shape) -> Shape,
    change_sub: fn(Shape) -> Shape,
    change_leaf: fn(Shape) -> Shape,
}

fn p256(label: &str) -> Key {
    Key::p256(label).unwrap()
}

fn p521(label: &str) -> Key {
    Key::p521(label).unwrap()
}

fn unchanged(shape: Shape) -> Shape {
    shape
}

fn two() -> Chain {
    Chain {
        set: RuleSet::Iso15118_2,
        key: p256,
        root: "CN=Root,DC=V2G",
        subs: 2,
        leaf: "CN=Charger,DC=CPO",
        usage: &[0, 4],
        purpose: Some(Purpose::V2g),
        change_root: unchanged,
        change_sub: unchanged,
        change_leaf: unchanged,
    }
}

fn twenty() -> Chain {
    Chain { set: RuleSet::Iso15118_20, key: p521, leaf: "CN=Charger,DC=CSO", ..two() }
}

impl Chain {
    /// The rules that failed and those that warned; RFC 5280 must be content.
    fn judged(&self) -> (BTreeSet<&'static str>, BTreeSet<&'static str>) {
        let root_key = (self.key)("root");
        let root = (self.change_root)(Shape::ca(self.root, &root_key, None).unwrap()).self_signed().unwrap();
        let (mut issuer, mut issuer_key) = (self.root.to_owned(), root_key);
        let mut pool = Vec::new();
        for level in 0..self.subs {
            let (name, key) = (format!("CN=Sub{level}"), (self.key)(&format!("sub {level}")));
            let shape = (self.change_sub)(Shape::ca(&name, &key, None).unwrap());
            pool.push(shape.signed_by(&issuer, &issuer_key).unwrap());
            (issuer, issuer_key) = (name, key);
        }
        let shape = Shape::new(self.leaf, &(self.key)("leaf")).unwrap().key_usage(self.usage);
        let leaf = (self.change_leaf)(shape).signed_by(&issuer, &issuer_key).unwrap();
        let anchors = [root];
        let rules = Rules { set: self.set, purpose: self.purpose, time: NOW };
        let found = search(&leaf, &pool, &anchors, &Question { judges: vec![&rules], ..Question::at(NOW) });
        assert_eq!(found.candidates.len(), 1);
        assert!(found.candidates[0].validation.is_valid(), "{:?}", found.candidates[0].validation.failure);
        let findings = &found.candidates[0].verdicts[0].findings;
        assert!(findings.iter().all(|finding| !finding.words.is_empty() && !finding.source.is_empty()));
        let with =
            |outcome| findings.iter().filter(|one| one.outcome == outcome).map(|one| one.rule).collect();
        (with(Outcome::Failed), with(Outcome::Warning))
    }

    #[track_caller]
    fn fails(&self, expected: &[&'static str]) {
        assert_eq!(self.judged().0, expected.iter().copied().collect());
    }
}

#[test]
fn sound_chains_pass_without_a_word() {
    for chain in [two(), twenty()] {
        assert_eq!(chain.judged(), (BTreeSet::new(), BTreeSet::new()), "{}", chain.set);
    }
    let contract = Chain {
        leaf: "CN=USEVGC12345678",
        usage: &[0, 1, 2, 4],
        purpose: Some(Purpose::Mo),
        root: "CN=Root,DC=MO",
        ..two()
    };
    contract.fails(&[]);
    Chain { leaf: "CN=PCID,DC=OEM", purpose: Some(Purpose::Oem), root: "CN=Root,DC=OEM", ..two() }.fails(&[]);
    Chain { leaf: "CN=Service,DC=CPS", usage: &[0], purpose: Some(Purpose::Cps), ..two() }.fails(&[]);
    Chain { leaf: "CN=Car", purpose: Some(Purpose::Vehicle), root: "CN=Root,DC=OEM", ..twenty() }.fails(&[]);
}

#[test]
fn three_certificates_below_the_root_and_no_more() {
    Chain { subs: 3, ..two() }.fails(&["depth"]);
    Chain { subs: 3, ..twenty() }.fails(&["depth"]);
    Chain { subs: 1, ..two() }.fails(&[]);
    let direct = Chain { subs: 0, ..two() };
    assert_eq!(direct.judged(), (BTreeSet::new(), BTreeSet::from(["root-issues-leaf"])));
}

#[test]
fn a_root_that_is_over_carries_no_car() {
    let over: fn(Shape) -> Shape = |shape| shape.valid(NOW - 2 * YEAR, NOW - 1);
    Chain { change_root: over, ..two() }.fails(&["anchor-validity"]);
    // In -20 what it issued also outlives it.
    Chain { change_root: over, ..twenty() }.fails(&["anchor-validity", "validity-nesting"]);
}

#[test]
fn each_edition_has_its_own_algorithms() {
    Chain { key: p521, ..two() }.fails(&["suite"]);
    Chain { key: p256, ..twenty() }.fails(&["suite"]);
}

#[test]
fn certificates_have_a_size() {
    let large: fn(Shape) -> Shape =
        |shape| shape.extension("1.3.6.1.4.1.99999.1", false, &[4, 0x82, 1, 0xf4]);
    fn padded<const N: usize>(shape: Shape) -> Shape {
        shape.extension("1.3.6.1.4.1.99999.1", false, &[0; N])
    }
    Chain { change_leaf: large, ..two() }.fails(&[]);
    Chain { change_leaf: padded::<600>, ..two() }.fails(&["size"]);
    Chain { change_leaf: padded::<600>, ..twenty() }.fails(&[]);
    Chain { change_sub: padded::<1500>, ..twenty() }.fails(&["size"]);
}

#[test]
fn what_vehicles_do_not_read_is_refused_in_2() {
    // NameConstraints: permitted directory name, the empty one, in which every name lies.
    let constrained: fn(Shape) -> Shape =
        |shape| shape.extension("2.5.29.30", true, &[0x30, 8, 0xa0, 6, 0x30, 4, 0xa4, 2, 0x30, 0]);
    Chain { change_sub: constrained, ..two() }.fails(&["name-constraints"]);
    Chain { change_sub: constrained, ..twenty() }.fails(&[]);
    let mapped: fn(Shape) -> Shape =
        |shape| shape.extension("2.5.29.33", false, &[0x30, 10, 0x30, 8, 6, 2, 0x2a, 3, 6, 2, 0x2a, 4]);
    Chain { change_sub: mapped, ..two() }.fails(&["policy-mapping"]);
}

#[test]
fn in_20_validity_is_nested_and_key_identifiers_join() {
    let short: fn(Shape) -> Shape = |shape| shape.valid(NOW - YEAR, NOW + YEAR);
    Chain { change_sub: short, ..twenty() }.fails(&["validity-nesting"]);
    Chain { change_sub: short, ..two() }.fails(&[]);
    Chain { change_leaf: Shape::without_key_ids, ..twenty() }.fails(&["key-identifiers"]);
    Chain { change_leaf: Shape::without_key_ids, ..two() }.fails(&[]);
    let liar: fn(Shape) -> Shape = |shape| shape.authority_key_id(b"somebody else");
    Chain { change_leaf: liar, ..twenty() }.fails(&["key-identifiers"]);
    Chain { change_root: liar, ..twenty() }.fails(&["key-identifiers"]);
}

#[test]
fn domain_components_tell_purposes_apart() {
    Chain { leaf: "CN=Charger,DC=MO", ..two() }.fails(&["leaf-domain-component"]);
    Chain { leaf: "CN=Charger", ..two() }.fails(&["leaf-domain-component"]);
    // The operator is called CSO in -20 only.
    Chain { leaf: "CN=Charger,DC=CSO", ..two() }.fails(&["leaf-domain-component"]);
    Chain { root: "CN=Root,DC=OEM", ..two() }.fails(&["root-domain-component"]);
    let silent = Chain { root: "CN=Root", ..two() };
    assert_eq!(silent.judged(), (BTreeSet::new(), BTreeSet::from(["root-domain-component"])));
}

#[test]
fn a_leaf_must_be_allowed_what_it_is_for() {
    Chain { usage: &[0], ..two() }.fails(&["leaf-key-usage"]);
    Chain { usage: &[4], ..twenty() }.fails(&["leaf-key-usage"]);
    Chain { usage: &[0, 4, 5], ..two() }.fails(&["leaf-key-usage"]);
    Chain { purpose: Some(Purpose::Mo), leaf: "CN=USEVGC1", ..two() }.fails(&["leaf-key-usage"]);
    // A vehicle authenticates itself in -20 only.
    Chain { purpose: Some(Purpose::Vehicle), root: "CN=Root,DC=OEM", ..two() }.fails(&["purpose"]);
}

/// A charger's leaf without a domain component, or with another's, was refused for one bit of key usage and passed
/// without any rule for leaves where nobody named its purpose.
#[test]
fn a_leaf_whose_purpose_nobody_can_tell_is_refused() {
    for chain in [two(), twenty()] {
        Chain { purpose: None, ..chain }.fails(&["purpose"]);
    }
    let named =
        |leaf: &str| Shape::new(leaf, &p256("leaf")).unwrap().key_usage(&[0, 4]).self_signed().unwrap();
    let guess = |leaf: &str| {
        let issuer = Shape::ca("CN=CPO Sub2,DC=V2G", &p256("issuer"), Some(0)).unwrap();
        let issuer = issuer.signed_by("CN=CPO Sub1", &p256("above")).unwrap();
        let key = p256("leaf");
        let shape = Shape::new(leaf, &key).unwrap().key_usage(&[0, 4]);
        Purpose::guess(&shape.signed_by("CN=CPO Sub2,DC=V2G", &p256("issuer")).unwrap(), Some(&issuer))
    };
    assert_eq!(Purpose::guess(&named("CN=DEABCE12345"), None), None, "it issued itself");
    // Told by its name, and refused for its domain component.
    for leaf in ["CN=DEABCE12345,C=DE", "CN=DEABCE12345,DC=V2G,C=DE"] {
        assert_eq!(guess(leaf), Some(Purpose::V2g), "{leaf}");
        Chain { leaf, purpose: guess(leaf), ..two() }.fails(&["leaf-domain-component"]);
    }
    // Written as an eMAID, issued for chargers: whose rules would hold?
    assert_eq!(guess("CN=DE8AAC12345678"), None);
}

#[test]
fn what_the_anchor_says_of_itself_holds_for_the_paths_below_it() {
    type Change = fn(Shape) -> Shape;
    let broken: [(&str, Change); 7] = [
        ("anchor-ca", |shape| shape.extension("2.5.29.19", true, &[0x30, 0])),
        ("anchor-key-usage", |shape| shape.key_usage(&[0, 6])),
        // Room for one CA, where two stand below.
        ("anchor-path-length", |shape| shape.extension("2.5.29.19", true, &[0x30, 6, 1, 1, 0xff, 2, 1, 1])),
        ("anchor-critical-extensions", |shape| shape.extension("1.3.6.1.4.1.32473.7", true, &[5, 0])),
        // Excluded: the empty directory name, in which every name lies.
        ("anchor-name-constraints", |shape| {
            shape.extension("2.5.29.30", true, &[0x30, 8, 0xa1, 6, 0x30, 4, 0xa4, 2, 0x30, 0])
        }),
        ("anchor-readable", |shape| shape.extension("2.5.29.37", false, &[0x30, 0])),
        ("anchor-readable", |shape| shape.extension("2.5.29.46", false, &[0x30, 0])),
    ];
    for (rule, change_root) in broken {
        for chain in [two(), twenty()] {
            Chain { change_root, ..chain }.fails(&[rule]);
        }
    }
    let roomy: Change = |shape| shape.extension("2.5.29.19", true, &[0x30, 6, 1, 1, 0xff, 2, 1, 2]);
    Chain { change_root: roomy, ..two() }.fails(&[]);
    let silent: Change = |shape| shape.without_extension("2.5.29.15");
    Chain { change_root: silent, ..two() }.fails(&[]);
}

#[test]
fn rfc_5280_takes_an_anchor_as_it_is_unless_asked_otherwise() {
    let root =
        Shape::ca("CN=Root,DC=V2G", &p256("root"), None).unwrap().key_usage(&[6]).self_signed().unwrap();
    let leaf =
        Shape::new("CN=Leaf", &p256("leaf")).unwrap().signed_by("CN=Root,DC=V2G", &p256("root")).unwrap();
    let anchors = [root];
    assert!(search(&leaf, &[], &anchors, &Question::at(NOW)).best().is_some());
    let strict = Question { judges: vec![&AnchorConstraints], ..Question::at(NOW) };
    let found = search(&leaf, &[], &anchors, &strict);
    let failure = found.candidates[0].verdicts[0].failure().unwrap();
    assert_eq!((failure.rule, found.best().is_none()), ("anchor-key-usage", true));
}

#[test]
fn a_domain_component_that_real_roots_have_is_a_warning() {
    let found = Chain { root: "CN=P-256 TEST Root CA,DC=EVCPKI", ..two() }.judged();
    assert_eq!(found, (BTreeSet::new(), BTreeSet::from(["root-domain-component"])));
}

#[test]
fn a_crl_distribution_point_that_cannot_be_read_breaks_the_path() {
    let root = Shape::ca("CN=Root,DC=V2G", &p256("root"), None).unwrap().self_signed().unwrap();
    // Reasons without a name; a name without its choice.
    for value in
        [&[0x30, 6, 0x30, 4, 0x81, 2, 1, 6][..], &[0x30, 9, 0x30, 7, 0xa0, 5, 0x86, 3, b'a', b'/', b'b']]
    {
        let shape = Shape::new("CN=Leaf", &p256("leaf")).unwrap().extension("2.5.29.31", false, value);
        let leaf = shape.signed_by("CN=Root,DC=V2G", &p256("root")).unwrap();
        let found = search(&leaf, &[], std::slice::from_ref(&root), &Question::at(NOW));
        let failure = found.candidates[0].validation.failure.as_ref().unwrap();
        assert_eq!(failure.rejection.rule(), "malformed-extension");
    }
}

#[test]
fn a_road_that_depth_cuts_off_is_told_though_no_anchor_is_in_sight() {
    let mut issuer = ("CN=Far".to_owned(), p256("far"));
    let mut pool = Vec::new();
    for level in 0..6 {
        let (name, key) = (format!("CN=Sub{level}"), p256(&format!("far {level}")));
        pool.push(Shape::ca(&name, &key, None).unwrap().signed_by(&issuer.0, &issuer.1).unwrap());
        issuer = (name, key);
    }
    let leaf = Shape::new("CN=Leaf", &p256("leaf")).unwrap().signed_by(&issuer.0, &issuer.1).unwrap();
    let other = [Shape::ca("CN=Other", &p256("other"), None).unwrap().self_signed().unwrap()];
    let limits = Limits { depth: 3, ..Limits::default() };
    let found = search(&leaf, &pool, &other, &Question { limits, ..Question::at(NOW) });
    let rules: Vec<_> = found.dead_ends.iter().map(|end| end.reason.rule()).collect();
    assert_eq!(rules, ["too-deep"]);
}

fn pki(name: &str) -> Pki {
    Pki::generate(&PkiSpec::new(PkiKind::V2g, name, "NL", "Operator", "path rules", NOW - 10)).unwrap()
}

fn by_two<'a>(leaf: &'a Certificate, pool: &'a [Certificate], anchor: &'a [Certificate]) -> Search<'a> {
    let rules = Rules { set: RuleSet::Iso15118_2, purpose: Purpose::guess(leaf, None), time: NOW };
    search(leaf, pool, anchor, &Question { judges: vec![&rules], ..Question::at(NOW) })
}

#[test]
fn every_chain_of_a_pretend_pki_passes_under_its_own_root() {
    let pki = pki("Aurora");
    let anchors = [pki.root().certificate().clone()];
    for (role, purpose) in
        [(Role::Secc, Purpose::V2g), (Role::Contract, Purpose::Mo), (Role::Provisioning, Purpose::Oem)]
    {
        let chain: Vec<_> = pki.chain(role).into_iter().cloned().collect();
        assert_eq!(Purpose::guess(&chain[0], None), Some(purpose));
        let found = by_two(&chain[0], &chain[1..3], &anchors);
        assert!(found.best().is_some(), "{role:?}: {:?}", found.candidates[0].verdicts);
    }
}

#[test]
fn a_cross_certificate_makes_the_chain_too_deep_for_a_car_that_trusts_the_other_root() {
    let (aurora, borealis) = (pki("Aurora"), pki("Borealis"));
    let cross = cross_certify(aurora.root(), borealis.root().certificate(), NOW - 5, NOW + YEAR).unwrap();
    let mut pool: Vec<_> = borealis.chain(Role::Secc).into_iter().cloned().collect();
    pool.push(cross);
    let anchors = [aurora.root().certificate().clone()];
    let found = by_two(&pool[0], &pool[1..], &anchors);
    // The PKIs are well: RFC 5280 accepts, and the verdict on the car's rules stands beside it.
    let candidate = &found.candidates[0];
    assert!(candidate.validation.is_valid() && !candidate.is_accepted());
    let failure = candidate.verdicts[0].failure().unwrap();
    assert_eq!(failure.rule, "depth");
    assert!(failure.words.starts_with("4 certificates stand below the root"), "{}", failure.words);
    // With one level of sub-CAs there is room for it.
    let sub = borealis.get(Role::CpoSub1).unwrap().certificate();
    assert!(by_two(sub, &pool[3..], &anchors).best().is_some());
}

#[test]
fn rules_and_purposes_are_known_by_name() {
    for set in RuleSet::ALL {
        assert_eq!(set.name().parse::<RuleSet>().unwrap(), set);
        assert_eq!(Rules { set, purpose: None, time: 0 }.name(), set.name());
    }
    for purpose in Purpose::ALL {
        assert_eq!(purpose.name().parse::<Purpose>().unwrap(), purpose);
    }
    assert!("iso15118".parse::<RuleSet>().unwrap_err().to_string().contains("iso15118-20"));
    assert!("car".parse::<Purpose>().is_err());
}
