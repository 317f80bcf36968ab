//! Searching for paths in graphs of roots, sub-CAs and cross-certificates: the shapes that PKIs really have.

use ctl_pki::Certificate;
use ctl_pki::path::{DeadEndReason, Inputs, Limit, Limits, Question, Search, search};
use ctl_sandbox::shape::{Key, Shape};

/// 2026-11-22.
const NOW: i64 = 1_795_305_600;

fn key(label: &str) -> Key {
    Key::p256(label).unwrap()
}

/// A root named and keyed by its label.
fn root(label: &str) -> Certificate {
    Shape::ca(&format!("CN={label}"), &key(label), None).unwrap().self_signed().unwrap()
}

/// A CA under another one, both named and keyed by their labels.
fn ca(label: &str, issuer: &str) -> Certificate {
    Shape::ca(&format!("CN={label}"), &key(label), None)
        .unwrap()
        .signed_by(&format!("CN={issuer}"), &key(issuer))
        .unwrap()
}

fn leaf(issuer: &str) -> Certificate {
    Shape::new("CN=leaf", &key("leaf")).unwrap().signed_by(&format!("CN={issuer}"), &key(issuer)).unwrap()
}

fn look<'a>(leaf: &'a Certificate, pool: &'a [Certificate], anchors: &'a [Certificate]) -> Search<'a> {
    search(leaf, pool, anchors, &Question::at(NOW))
}

/// The accepted paths and the others, each from the anchor to the leaf, as common names.
fn told(search: &Search<'_>) -> (Vec<String>, Vec<String>) {
    let name = |certificate: &&Certificate| certificate.common_name().unwrap().to_owned();
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for candidate in &search.candidates {
        let names: Vec<_> = [&candidate.anchor].into_iter().chain(&candidate.chain).map(name).collect();
        let list = if candidate.is_accepted() { &mut accepted } else { &mut refused };
        list.push(names.join(" > "));
    }
    (accepted, refused)
}

/// Where partial paths ended, and why.
fn ends(search: &Search<'_>) -> Vec<(String, &'static str)> {
    let name = |end: &ctl_pki::path::DeadEnd<'_>| end.chain[0].common_name().unwrap().to_owned();
    search.dead_ends.iter().map(|end| (name(end), end.reason.rule())).collect()
}

#[test]
fn a_plain_chain_is_one_path() {
    let (anchors, pool, leaf) = ([root("R")], [ca("A", "R"), ca("B", "A")], leaf("B"));
    let found = look(&leaf, &pool, &anchors);
    assert_eq!(told(&found), (vec!["R > A > B > leaf".to_owned()], vec![]));
    assert!(found.reached.is_empty() && found.dead_ends.is_empty());
    assert_eq!(found.work.signatures, 3);
    assert_eq!(found.best().unwrap().chain.len(), 3);
}

#[test]
fn a_car_that_trusts_only_the_other_root_comes_through_the_cross_certificate() {
    let pool = [ca("A", "V2G-1"), ca("V2G-1", "V2G-2")];
    let charger = leaf("A");
    let other = [root("V2G-2")];
    let found = look(&charger, &pool, &other);
    assert_eq!(told(&found).0, ["V2G-2 > V2G-1 > A > leaf"]);
    // Who trusts both roots sees both ways, the direct one first, and the cross-certificate hides no anchor.
    let both = [root("V2G-1"), root("V2G-2")];
    let found = look(&charger, &pool, &both);
    assert_eq!(told(&found).0, ["V2G-1 > A > leaf", "V2G-2 > V2G-1 > A > leaf"]);
    assert!(found.dead_ends.is_empty());
}

#[test]
fn roots_that_certify_each_other_lead_in_no_circle() {
    let pool = [ca("A", "X"), ca("X", "Y"), ca("Y", "X"), ca("X", "Z"), ca("Z", "Y")];
    let leaf = leaf("A");
    let anchors = [root("Y")];
    let found = look(&leaf, &pool, &anchors);
    assert_eq!(told(&found).0, ["Y > X > A > leaf", "Y > Z > X > A > leaf"]);
    let strangers = [root("S")];
    let nothing = look(&leaf, &pool, &strangers);
    assert!(nothing.candidates.is_empty() && nothing.reached.is_empty());
    assert_eq!(ends(&nothing), [("Y".to_owned(), "loop")]);
}

#[test]
fn a_bridge_joins_pkis_that_do_not_know_each_other() {
    let bridge: Vec<_> = ["P1", "P2", "P3"]
        .iter()
        .flat_map(|pki| [ca(pki, "Bridge"), ca("Bridge", pki)])
        .chain([ca("Sub", "P1")])
        .collect();
    let leaf = leaf("Sub");
    let anchors = [root("P2"), root("P3")];
    let found = look(&leaf, &bridge, &anchors);
    assert_eq!(told(&found).0, ["P2 > Bridge > P1 > Sub > leaf", "P3 > Bridge > P1 > Sub > leaf"]);
}

#[test]
fn an_expired_twin_is_shown_with_its_reason_and_spoils_nothing() {
    let old = Shape::ca("CN=A", &key("A"), None).unwrap().serial(7).valid(0, NOW - 1);
    let old = old.signed_by("CN=R", &key("R")).unwrap();
    let (anchors, pool, leaf) = ([root("R")], [old, ca("A", "R")], leaf("A"));
    let found = look(&leaf, &pool, &anchors);
    assert_eq!(told(&found), (vec!["R > A > leaf".to_owned()], vec!["R > A > leaf".to_owned()]));
    let refused = &found.candidates[1].validation;
    assert_eq!(refused.failure.as_ref().unwrap().rejection.rule(), "expired");
    assert_eq!(refused.failure.as_ref().unwrap().position, 0);
}

#[test]
fn a_name_with_several_keys_is_joined_by_signature_and_not_by_hint() {
    // The CA changed its key and kept its name; the certificate of the old key claims the new one's identifier.
    let new = key("A-new");
    let liar = Shape::ca("CN=A", &key("A-old"), None).unwrap().subject_key_id(&new.id());
    let liar = liar.signed_by("CN=R", &key("R")).unwrap();
    let honest = Shape::ca("CN=A", &new, None).unwrap().subject_key_id(b"nothing like it");
    let honest = honest.signed_by("CN=R", &key("R")).unwrap();
    let leaf = Shape::new("CN=leaf", &key("leaf")).unwrap().signed_by("CN=A", &new).unwrap();
    let (anchors, pool) = ([root("R")], [liar, honest]);
    let found = look(&leaf, &pool, &anchors);
    assert_eq!(told(&found), (vec!["R > A > leaf".to_owned()], vec![]));
    assert_eq!(found.candidates[0].chain[0], &pool[1]);
    // The one that only seemed to be the issuer is told.
    assert!(matches!(&found.dead_ends[..], [end]
        if matches!(&end.reason, DeadEndReason::NotTheSigner { issuer, .. } if *issuer == &pool[0])));
}

#[test]
fn a_wrong_authority_key_identifier_hides_no_issuer() {
    let leaf = Shape::new("CN=leaf", &key("leaf")).unwrap().authority_key_id(b"wrong");
    let leaf = leaf.signed_by("CN=A", &key("A")).unwrap();
    let (anchors, pool) = ([root("R")], [ca("A", "R")]);
    assert_eq!(told(&look(&leaf, &pool, &anchors)).0, ["R > A > leaf"]);
}

#[test]
fn the_certificate_asked_about_may_be_an_anchor_itself() {
    let anchors = [root("R"), ca("A", "R")];
    let found = look(&anchors[0], &[], &anchors);
    assert_eq!(told(&found), (vec!["R".to_owned()], vec![]));
    // One that another anchor signed is trusted for itself and by the other.
    let found = look(&anchors[1], &[], &anchors);
    assert_eq!(told(&found).0, ["A", "R > A"]);
    let question = Question { inputs: Inputs::at(3_000_000_000), ..Question::at(NOW) };
    let late = search(&anchors[0], [], &anchors, &question);
    assert_eq!(late.candidates[0].validation.failure.as_ref().unwrap().rejection.rule(), "expired");
}

#[test]
fn a_renewed_root_stands_below_its_older_self() {
    let renewed = Shape::ca("CN=R", &key("R"), None).unwrap().serial(2).self_signed().unwrap();
    let anchors = [root("R")];
    assert_eq!(told(&look(&renewed, &[], &anchors)).0, ["R > R"]);
    // Above a leaf it adds nothing: the anchor's key signed that already.
    let (pool, leaf) = ([renewed], leaf("R"));
    let found = look(&leaf, &pool, &anchors);
    assert_eq!(told(&found).0, ["R > leaf"]);
    assert!(found.dead_ends.is_empty(), "{:?}", ends(&found));
}

#[test]
fn a_new_key_is_reached_through_the_old_one() {
    // Key rollover (RFC 4210 section 4.4): the new key under the old one, in one name.
    let (old, new) = (key("R"), key("R-new"));
    let new_with_old = Shape::ca("CN=R", &new, None).unwrap().signed_by("CN=R", &old).unwrap();
    let leaf = Shape::new("CN=leaf", &key("leaf")).unwrap().signed_by("CN=R", &new).unwrap();
    let (pool, anchors) = ([new_with_old], [root("R")]);
    assert_eq!(told(&look(&leaf, &pool, &anchors)).0, ["R > R > leaf"]);
}

#[test]
fn an_anchor_below_another_anchor_may_stand_within_a_path() {
    let (anchors, leaf) = ([root("R"), ca("A", "R")], leaf("A"));
    assert_eq!(told(&look(&leaf, &[], &anchors)).0, ["A > leaf", "R > A > leaf"]);
}

#[test]
fn every_road_that_ends_says_why() {
    let impostor = Shape::ca("CN=R", &key("impostor"), None).unwrap().self_signed().unwrap();
    let (pool, charger) = ([ca("A", "R"), root("U"), ca("B", "U")], leaf("A"));
    let anchors = [impostor];
    // The anchor has the right name and another key.
    assert_eq!(ends(&look(&charger, &pool, &anchors)), [("A".to_owned(), "not-the-signer")]);
    // Nobody has the issuer's name.
    let others = [root("S")];
    assert_eq!(ends(&look(&charger, &pool, &others)), [("A".to_owned(), "no-issuer")]);
    assert_eq!(ends(&look(&charger, &[], &others)), [("leaf".to_owned(), "no-issuer")]);
    // A root nobody gave as an anchor.
    let lost = leaf("B");
    let found = look(&lost, &pool, &others);
    assert_eq!(ends(&found), [("U".to_owned(), "not-an-anchor")]);
    assert_eq!(found.dead_ends[0].chain.len(), 3);
    let words = found.dead_ends[0].reason.words(found.dead_ends[0].chain[0]);
    assert!(words.contains("nobody vouches for it"), "{words}");
}

#[test]
fn a_path_that_fails_is_shown_with_its_reason() {
    let not_a_ca = Shape::new("CN=A", &key("A")).unwrap().signed_by("CN=R", &key("R")).unwrap();
    let (anchors, pool, leaf) = ([root("R")], [not_a_ca], leaf("A"));
    let found = look(&leaf, &pool, &anchors);
    assert_eq!(told(&found), (vec![], vec!["R > A > leaf".to_owned()]));
    assert!(found.best().is_none());
    assert_eq!(found.candidates[0].validation.failure.as_ref().unwrap().rejection.rule(), "ca");
}

#[test]
fn depth_is_a_limit_that_is_told() {
    let names = ["R", "1", "2", "3", "4", "5"];
    let pool: Vec<_> = names.windows(2).map(|pair| ca(pair[1], pair[0])).collect();
    let (anchors, leaf) = ([root("R")], leaf("5"));
    let with = |depth| {
        let limits = Limits { depth, ..Limits::default() };
        search(&leaf, &pool, &anchors, &Question { limits, ..Question::at(NOW) })
    };
    assert_eq!(told(&with(6)).0.len(), 1);
    let cut = with(5);
    assert!(cut.candidates.is_empty());
    assert_eq!(cut.reached.into_iter().collect::<Vec<_>>(), [Limit::Depth]);
    assert_eq!(cut.dead_ends[0].reason.rule(), "too-deep");
}
