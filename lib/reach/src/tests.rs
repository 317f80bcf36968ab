//! Stories of who can charge where, attacks on the answer, and what always holds of it.

mod properties;
mod shown;

use std::collections::BTreeMap;
use std::sync::Arc;

use ctl_core::Digest;
use ctl_core::list::findings_of_constraints;
use ctl_core::parts::{AnchorStatus, Constraints};
use ctl_pki::Certificate;
use ctl_pki::path::Outcome;
use ctl_sandbox::shape::{Key, Shape};

use super::network::{Cross, Network, Root};
use super::*;

const NOW: Timestamp = Timestamp::from_unix(1_800_000_000);
const YEAR: i64 = 31_557_600;
const V2G_2: Use = Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g };
const V2G_20: Use = Use { standard: Standard::Iso15118_20, purpose: Purpose::V2g };

fn subject(name: &str) -> String {
    format!("CN={name} Root CA,DC=V2G,O=Sandbox")
}

/// A root for ISO 15118-2 with one CPO sub-CA disclosed: chains that have room for a cross-certificate.
pub(super) fn root(name: &str) -> Root {
    let key = Key::p256(name).unwrap();
    let certificate = Shape::ca(&subject(name), &key, None).unwrap().self_signed().unwrap();
    let root = listed(name, certificate);
    with_sub_cas(root, &key, &[1])
}

fn listed(name: &str, certificate: Certificate) -> Root {
    Root {
        fingerprint: Digest::of(certificate.der()),
        name: name.parse().unwrap(),
        status: AnchorStatus::Usable,
        uses: vec![V2G_2],
        constraints: Constraints::default(),
        certificate: Arc::new(certificate),
        sub_cas: SubCas::default(),
    }
}

/// Disclosed CPO sub-CAs: for each number a chain of so many.
fn with_sub_cas(mut root: Root, key: &Key, lengths: &[u8]) -> Root {
    let mut children: BTreeMap<Digest, Vec<Digest>> = BTreeMap::new();
    let mut read = BTreeMap::new();
    for length in lengths {
        let (mut issuer, mut by) = (root.fingerprint, key.clone());
        let mut name = root.certificate.subject().to_owned();
        for depth in 1..=*length {
            let own = Key::p256(&format!("{} {length} {depth}", root.name)).unwrap();
            let subject = format!("CN=CPO {length} Sub{depth} CA,DC=V2G");
            let shape = Shape::ca(&subject, &own, Some(length - depth)).unwrap();
            let certificate = shape.signed_by(&name, &by).unwrap();
            let fingerprint = Digest::of(certificate.der());
            children.entry(issuer).or_default().push(fingerprint);
            read.insert(fingerprint, Arc::new(certificate));
            (issuer, by, name) = (fingerprint, own, subject);
        }
    }
    root.sub_cas = SubCas::below(&root.fingerprint, &children, |fingerprint| read.get(fingerprint).cloned());
    root
}

/// `issuer` vouches for `subject`; `change` changes the certificate before it is signed.
pub(super) fn cross_with(issuer: &Root, subject_root: &Root, change: impl FnOnce(Shape) -> Shape) -> Cross {
    let key = Key::p256(subject_root.name.as_str()).unwrap();
    let shape = Shape::ca(&subject(subject_root.name.as_str()), &key, Some(1)).unwrap();
    let by = Key::p256(issuer.name.as_str()).unwrap();
    let certificate = change(shape).signed_by(&subject(issuer.name.as_str()), &by).unwrap();
    let name = format!("{} by {}", subject_root.name, issuer.name).parse().unwrap();
    let mut cross =
        Cross::proposed(certificate.der(), name, issuer.fingerprint, subject_root.fingerprint).unwrap();
    cross.status = AnchorStatus::Usable;
    cross
}

pub(super) fn cross(issuer: &Root, subject: &Root) -> Cross {
    cross_with(issuer, subject, |shape| shape)
}

pub(super) fn network(roots: &[&Root], crosses: &[Cross]) -> Network {
    let network = roots.iter().fold(Network::default(), |network, root| network.with_root((*root).clone()));
    crosses.iter().cloned().fold(network, Network::with_cross_certificate)
}

pub(super) fn matrix(network: Network) -> Matrix {
    Facts::matrix(&Arc::new(Facts::new(network, NOW)), V2G_2)
}

fn place(matrix: &Matrix, root: &Root) -> usize {
    matrix.network().roots().iter().position(|known| known.fingerprint == root.fingerprint).unwrap()
}

fn cell<'a>(matrix: &'a Matrix, vehicle: &Root, charger: &Root) -> &'a Cell {
    matrix.cell(place(matrix, vehicle), place(matrix, charger)).unwrap()
}

/// The reasons against a pair, in words.
fn why(matrix: &Matrix, vehicle: &Root, charger: &Root) -> String {
    let cell = cell(matrix, vehicle, charger);
    assert!(!cell.works(), "it works: {cell:?}");
    let words: Vec<String> =
        cell.reasons.iter().map(|reason| reason.text(matrix.network(), matrix.asked())).collect();
    words.join("; ")
}

#[test]
fn two_roots_that_do_not_know_each_other_serve_their_own_cars_only() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let matrix = matrix(network(&[&a, &b], &[]));
    assert_eq!(cell(&matrix, &a, &a).answer, Answer::Direct);
    assert_eq!(cell(&matrix, &b, &b).answer, Answer::Direct);
    assert_eq!(why(&matrix, &a, &b), "no cross-certificate leads there");
    assert_eq!(why(&matrix, &b, &a), "no cross-certificate leads there");
}

#[test]
fn a_cross_certificate_works_in_its_direction() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let matrix = matrix(network(&[&a, &b], &[cross(&a, &b)]));
    let through = cell(&matrix, &a, &b);
    assert_eq!(
        (through.answer, &through.path),
        (Answer::Cross, &Some(Path { crosses: vec![0], sub_cas: 1 }))
    );
    assert_eq!(why(&matrix, &b, &a), "cross-certificate \"Borealis by Aurora\" points the other way");
}

#[test]
fn a_usual_chain_has_no_room_for_a_cross_certificate() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let key = Key::p256("Borealis").unwrap();
    let two = with_sub_cas(b.clone(), &key, &[2]);
    let both = with_sub_cas(b.clone(), &key, &[1, 2]);
    let unknown = Root { sub_cas: SubCas::default(), ..b.clone() };

    let matrix_of = |b: &Root| matrix(network(&[&a, b], &[cross(&a, b)]));
    let deep = "the chain is too deep: 4 certificates below the vehicle's root, 1 of them cross-certificates; at \
                most 3 are allowed";
    let disclosed = matrix_of(&two);
    assert_eq!(why(&disclosed, &a, &two), deep);
    assert_eq!(cell(&disclosed, &a, &two).path.as_ref().unwrap().sub_cas, 1, "one sub-CA would do");
    let assumed = why(&matrix_of(&unknown), &a, &unknown);
    assert_eq!(assumed, format!("{deep} (the charger's chain is assumed, not disclosed)"));
    let partly = matrix_of(&both);
    assert_eq!(cell(&partly, &a, &both).answer, Answer::Partly);
    assert_eq!(why(&partly, &a, &both), deep);
    assert_eq!(cell(&partly, &both, &both).answer, Answer::Direct);
}

#[test]
fn a_bridge_of_two_cross_certificates_is_too_deep_for_a_chain_with_a_sub_ca() {
    let (a, bridge, b) = (root("Aurora"), root("Bridge"), root("Borealis"));
    let matrix = matrix(network(&[&a, &bridge, &b], &[cross(&a, &bridge), cross(&bridge, &b)]));
    assert_eq!(cell(&matrix, &a, &bridge).answer, Answer::Cross);
    assert_eq!(cell(&matrix, &bridge, &b).answer, Answer::Cross);
    assert!(why(&matrix, &a, &b).contains("4 certificates below the vehicle's root, 2 of them"));
    let path = cell(&matrix, &a, &b).path.clone().unwrap();
    assert_eq!((path.crosses.len(), path.sub_cas), (2, 0), "a leaf that the root issued itself");

    let far = root("Far");
    let crosses = [cross(&a, &bridge), cross(&bridge, &b), cross(&b, &far)];
    let matrix = super::tests::matrix(network(&[&a, &bridge, &b, &far], &crosses));
    assert!(why(&matrix, &a, &far).contains("4 certificates below the vehicle's root, 3 of them"));
    assert!(cell(&matrix, &a, &far).path.is_none());
}

#[test]
fn path_length_constraints_are_named_with_their_owner() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let key = Key::p256("Borealis").unwrap();
    let name = subject("Borealis");
    let narrow = cross_with(&a, &b, |_| Shape::ca(&name, &key, Some(0)).unwrap());
    let matrix = matrix(network(&[&a, &b], &[narrow]));
    assert_eq!(
        why(&matrix, &a, &b),
        "the path length constraint of cross-certificate \"Borealis by Aurora\" allows 0 CAs below it, the \
         chain has 1"
    );
    let own = Key::p256("Aurora").unwrap();
    let narrow =
        listed("Aurora", Shape::ca(&subject("Aurora"), &own, Some(1)).unwrap().self_signed().unwrap());
    let matrix = super::tests::matrix(network(&[&narrow, &b], &[cross(&narrow, &b)]));
    assert_eq!(
        why(&matrix, &narrow, &b),
        "the path length constraint of Aurora allows 1 CAs below it, the chain has 2"
    );
    // It names two sub-CAs by default, of which its own constraint forbids the second.
    assert!(why(&matrix, &narrow, &narrow).contains("allows 1 CAs below it, the chain has 2"));
}

/// RFC 5280 does not look at them in an anchor; OpenSSL in the vehicle does.
#[test]
fn what_a_root_says_of_itself_holds_for_the_chains_below_it() {
    let own = Key::p256("Aurora").unwrap();
    let with = |change: fn(Shape) -> Shape| {
        let shape = change(Shape::ca(&subject("Aurora"), &own, None).unwrap());
        with_sub_cas(listed("Aurora", shape.self_signed().unwrap()), &own, &[1])
    };
    let sound = with(|shape| shape);
    assert_eq!(cell(&matrix(network(&[&sound], &[])), &sound, &sound).answer, Answer::Direct);
    // Excluded: every name that begins with DC=V2G.
    let exclusive = with(|shape| {
        let mut value =
            vec![0x30, 0x1d, 0xa1, 0x1b, 0x30, 0x19, 0xa4, 0x17, 0x30, 0x15, 0x31, 0x13, 0x30, 0x11];
        value.extend([0x06, 0x0a, 0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19]);
        value.extend([0x16, 0x03, b'V', b'2', b'G']);
        shape.extension("2.5.29.30", true, &value)
    });
    let words = why(&matrix(network(&[&exclusive], &[])), &exclusive, &exclusive);
    assert!(words.contains("which is excluded by"), "{words}");
    let idle = with(|shape| shape.key_usage(&[6]));
    let words = why(&matrix(network(&[&idle], &[])), &idle, &idle);
    assert!(words.contains("not for signing certificates"), "{words}");
}

#[test]
fn a_cross_certificate_that_is_over_or_suspended_or_distrusted_says_so() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let past = cross_with(&a, &b, |shape| shape.valid(NOW.unix() - YEAR, NOW.unix() - 1));
    let why_with = |cross: Cross| why(&matrix(network(&[&a, &b], &[cross])), &a, &b);
    assert_eq!(why_with(past), "cross-certificate \"Borealis by Aurora\" expired at 2027-01-15T07:59:59Z");
    let future = cross_with(&a, &b, |shape| shape.valid(NOW.unix() + 1, NOW.unix() + YEAR));
    assert!(why_with(future).contains("is not valid before 2027-01-15T08:00:01Z"));
    let last_second = cross_with(&a, &b, |shape| shape.valid(NOW.unix(), NOW.unix()));
    assert_eq!(cell(&matrix(network(&[&a, &b], &[last_second])), &a, &b).answer, Answer::Cross);
    let suspended = Cross { status: AnchorStatus::Suspended, ..cross(&a, &b) };
    assert_eq!(why_with(suspended), "cross-certificate \"Borealis by Aurora\" is suspended");
    let forged = cross_with(&a, &b, |shape| shape);
    let forged_by = Key::p256("Mallory").unwrap();
    let certificate = Shape::ca(&subject("Borealis"), &Key::p256("Borealis").unwrap(), Some(1)).unwrap();
    let certificate = certificate.signed_by(&subject("Aurora"), &forged_by).unwrap();
    assert!(why_with(Cross { certificate: Arc::new(certificate), ..forged }).contains("is refused"));
    let renamed = Shape::ca("CN=Somebody Else", &Key::p256("Borealis").unwrap(), Some(1)).unwrap();
    assert!(why_with(cross_with(&a, &b, |_| renamed)).contains("names another subject"));
}

#[test]
fn what_the_list_says_of_a_root_counts_wherever_it_stands() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let with = |change: &dyn Fn(&mut Root)| {
        let mut changed = b.clone();
        change(&mut changed);
        let crosses = [cross(&a, &b), cross(&b, &a)];
        let matrix = matrix(network(&[&a, &changed], &crosses));
        assert_eq!(why(&matrix, &a, &b), why(&matrix, &b, &a), "in column as in row");
        why(&matrix, &a, &b)
    };
    let constrain = |root: &mut Root, name: &str, time| root.constraints.set_time(name, time, true);
    assert_eq!(with(&|b| b.status = AnchorStatus::Suspended), "Borealis is suspended");
    assert_eq!(with(&|b| b.uses.clear()), "Borealis is not listed for v2g(-2)");
    let yesterday = NOW.minus_seconds(86_400);
    let refused = with(&|b| constrain(b, Constraints::NOT_TRUSTED_AFTER, yesterday));
    assert_eq!(refused, "Borealis is not trusted after 2027-01-14T08:00:00Z");
    assert!(with(&|b| constrain(b, "only_on_sundays", yesterday)).contains("only_on_sundays"));
    // At the very moment as a device judges it.
    for end in [NOW.minus_seconds(1), NOW, NOW.plus_seconds(1)] {
        let mut changed = b.clone();
        constrain(&mut changed, Constraints::NOT_TRUSTED_AFTER, end);
        let judged = findings_of_constraints(&changed.constraints, &[], None, NOW);
        let refused = judged.iter().any(|finding| finding.outcome == Outcome::Failed);
        let matrix = matrix(network(&[&changed], &[]));
        assert_eq!(cell(&matrix, &changed, &changed).answer == Answer::No, refused, "{end}");
    }
}

#[test]
fn each_standard_has_its_own_keys() {
    let key = Key::p521("Twenty").unwrap();
    let certificate = Shape::ca(&subject("Twenty"), &key, None).unwrap().self_signed().unwrap();
    let twenty = Root { uses: vec![V2G_2, V2G_20], ..listed("Twenty", certificate) };
    let a = Root { uses: vec![V2G_2, V2G_20], ..root("Aurora") };
    let [two, new] = both_standards(network(&[&a, &twenty], &[]), Purpose::V2g, NOW);
    assert!(why(&two, &twenty, &twenty).starts_with("Twenty is nothing for ISO 15118-2: its key is"));
    assert_eq!(cell(&new, &twenty, &twenty).answer, Answer::Direct);
    assert!(why(&new, &a, &twenty).starts_with("Aurora is nothing for ISO 15118-20: its key is"));
    assert_eq!(new.listed().count(), 2);
}

#[test]
fn a_root_that_may_not_issue_any_more_does_not_vouch_for_others_later() {
    let (mut a, b) = (root("Aurora"), root("Borealis"));
    let late = cross_with(&a, &b, |shape| shape.valid(NOW.unix() - 1000, NOW.unix() + YEAR));
    a.constraints.set_time(Constraints::NOT_ISSUED_AFTER, NOW.minus_seconds(2000), true);
    let refused = matrix(network(&[&a, &b], std::slice::from_ref(&late)));
    assert!(
        why(&refused, &a, &b).contains("was issued after 2027-01-15T07:26:40Z, until when Aurora may issue")
    );
    a.constraints.set_time(Constraints::NOT_ISSUED_AFTER, NOW.minus_seconds(1000), true);
    let allowed = matrix(network(&[&a, &b], &[late]));
    assert_eq!(cell(&allowed, &a, &b).answer, Answer::Cross);
    assert_eq!(cell(&allowed, &a, &b).issued_until, Some(NOW.minus_seconds(1000)));
    assert_eq!(cell(&allowed, &b, &b).issued_until, None);
}

#[test]
fn a_root_that_changed_its_certificate_but_not_its_name_and_key_is_one() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let key = Key::p256("Borealis").unwrap();
    let again = Shape::ca(&subject("Borealis"), &key, None).unwrap().serial(2).self_signed().unwrap();
    let again = with_sub_cas(listed("Borealis again", again), &key, &[1]);
    let matrix = matrix(network(&[&a, &b, &again], &[cross(&a, &b)]));
    assert_eq!(cell(&matrix, &b, &again).answer, Answer::Direct);
    assert_eq!(cell(&matrix, &a, &again).answer, Answer::Cross);
}

#[test]
fn a_proposal_is_told_in_sentences() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let before = matrix(network(&[&a, &b], &[]));
    let after = matrix(network(&[&a, &b], &[]).with_cross_certificate(cross(&a, &b)));
    let change = difference(&before, &after);
    let texts: Vec<&str> = change.gained.iter().map(|effect| effect.text.as_str()).collect();
    assert_eq!(
        texts,
        [
            "EVs that trust only Aurora will accept EVSEs under Borealis, through \"Borealis by Aurora\" (ISO 15118-2)"
        ]
    );
    assert!(change.lost.is_empty());
    let undone = difference(&after, &before);
    assert_eq!((undone.gained.len(), undone.lost.len()), (0, 1));
    assert!(undone.lost[0].text.starts_with("EVs that trust only Aurora will no longer accept"));
    assert!(difference(&after, &after).is_empty());

    let unknown = Root { sub_cas: SubCas::default(), ..b };
    let before = matrix(network(&[&a, &unknown], &[]));
    let after = matrix(network(&[&a, &unknown], &[cross(&a, &unknown)]));
    let text = &difference(&before, &after).gained[0].text;
    assert!(text.contains("EVSEs under Borealis whose chain has at most one sub-CA, through"), "{text}");
}

#[test]
fn a_thousand_cross_certificates_among_few_roots_take_bounded_work() {
    let roots: Vec<Root> = (0..4).map(|number| root(&format!("Root {number}"))).collect();
    let mut crosses = Vec::new();
    for number in 0..1000_usize {
        let (from, to) = (number % 4, (number + 1 + number / 4 % 3) % 4);
        crosses.push(cross_with(&roots[from], &roots[to], |shape| shape.serial(number as u64 + 2)));
    }
    let roots: Vec<&Root> = roots.iter().collect();
    let matrix = matrix(network(&roots, &crosses));
    let work = matrix.work();
    // Each cross-certificate once, and the four sub-CAs.
    assert_eq!(work.signatures, 1000 + 4);
    // Vehicles × depth × cross-certificates × paths kept.
    assert!(work.cross_paths <= 4 * 2 * 1000 * 4, "{work:?}");
    assert!(work.paths <= 4 * 4 * 2 * 4, "{work:?}");
    assert!(matrix.pairs().all(|(_, _, cell)| cell.works()));
}

#[test]
fn names_that_a_cross_certificate_does_not_permit_are_refused_below_it() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    // Only names below C=DE, in DER: permittedSubtrees with one directoryName.
    let name = [0x30, 0x0d, 0x31, 0x0b, 0x30, 0x09, 0x06, 0x03, 0x55, 0x04, 0x06, 0x13, 0x02, b'D', b'E'];
    let tlv = |tag: u8, content: &[u8]| [&[tag, content.len() as u8], content].concat();
    let constraints = tlv(0x30, &tlv(0xa0, &tlv(0x30, &tlv(0xa4, &name))));
    let narrow = cross_with(&a, &b, |shape| shape.extension("2.5.29.30", true, &constraints));
    let why = why(&matrix(network(&[&a, &b], &[narrow])), &a, &b);
    assert!(why.contains("Borealis"), "{why}");
}
