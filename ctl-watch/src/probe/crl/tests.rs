//! CRLs as honest, careless and dishonest issuers serve them, from memory.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_fetch::Answer;
use ctl_pki::Certificate;
use proptest::prelude::*;

use super::*;
use crate::target::CrlSubject;
use crate::testing::bytes::*;
use crate::testing::{Rounds, Says as _, Service, answer, codes};

pub(super) const TYPE: &str = "application/pkix-crl";
pub(super) const POINT: &str = "http://crl.example.com/root.crl";
const OTHER_POINT: &str = "http://crl.example.com/other.crl";

/// The n-th sub-CA of [`root`], which names these points.
fn sub(number: u8, points: &[&str]) -> Arc<Certificate> {
    let shape = Shape::new("Sub", "Root", &[0x20, number]).ca().key_usage(0x06).crls(points);
    Arc::new(shape.signed(&key(2), &key(1)))
}

pub(super) fn watch_of(covered: Vec<Arc<Certificate>>, points: &[&str]) -> Rounds<CrlProbe> {
    let issuer = Arc::new(root().certificate);
    let points = points.iter().map(|point| (*point).to_owned()).collect();
    Rounds::of(CrlProbe, POINT, Subject::Crl(CrlSubject { issuer, covered, points }))
}

/// The point of a root with one sub-CA.
pub(super) fn watch() -> Rounds<CrlProbe> {
    watch_of(vec![sub(1, &[POINT])], &[POINT])
}

pub(super) fn crl(shape: &CrlShape) -> Answer {
    answer(TYPE, shape.der(&key(1)))
}

pub(super) fn numbered(number: u8) -> CrlShape {
    crl_shape().with(&ce(20), false, tlv(2, &[number]))
}

/// `[0]` of an issuing distribution point.
fn named(url: &str) -> Vec<u8> {
    point_name(&[uri(url)])
}

#[tokio::test]
async fn a_crl_in_order_gives_no_finding_and_its_facts() {
    let shape = crl_shape().revoking(&[0x20, 1], &[reason(4)]).revoking(&[0x55], &[]);
    let probed = watch().probe(Service(vec![Ok(crl(&shape)), Ok(crl(&shape))])).await;
    assert_eq!(codes(&probed.findings), []);
    let facts = probed.facts;
    assert_eq!((facts.this_update, facts.next_update), (Some(NOW - DAY), Some(NOW + DAY)));
    assert_eq!((facts.crl_number, facts.crl_entries), (Some(7), Some(2)));
    assert_eq!(facts.crl.map(|crl| (crl.scope, crl.since)), Some((None, NOW)));
    let [status] = facts.statuses.as_slice() else { panic!() };
    assert_eq!(
        (&*status.serial, status.revoked, status.since),
        ([0x20, 1].as_slice(), true, Some(MAY_SECONDS))
    );
    assert!(probed.timings.is_some() && probed.evidence.is_empty());
}

#[tokio::test]
async fn one_fault_gives_one_code() {
    use Code::*;
    let stranger = |shape: CrlShape| answer(TYPE, shape.der(&key(9)));
    let rsa = algorithm(RSA_SHA256);
    let null = seq(&[oid(ECDSA_SHA256), tlv(5, &[])]);
    let der = crl_shape().der(&key(1));
    let pem = b"-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n".to_vec();
    let future = |text| CrlShape { this_update: text, next_update: Some("20300105000000Z"), ..crl_shape() };
    let cases = [
        (DerInvalid, answer(TYPE, seq(&[tlv(4, b"no CRL")]))),
        (PemInsteadOfDer, answer(TYPE, pem)),
        (HtmlInsteadOfDer, answer("text/html", format!("<html>{}</html>", "Please log in. ".repeat(30)))),
        (Base64InsteadOfDer, answer("text/plain", STANDARD.encode(&der))),
        (DerInvalid, answer(TYPE, "This CRL has moved elsewhere. ".repeat(30))),
        (TimeEncoding, crl(&CrlShape { is_generalized: true, ..crl_shape() })),
        (ExtensionCriticality, crl(&crl_shape().with(&ce(20), true, tlv(2, &[7])))),
        (
            AlgorithmParameters,
            crl(&CrlShape { inner_algorithm: null.clone(), outer_algorithm: null.clone(), ..crl_shape() }),
        ),
        (AlgorithmMismatch, crl(&CrlShape { outer_algorithm: null, ..crl_shape() })),
        (CrlNumberInvalid, crl(&crl_shape().with(&ce(20), false, tlv(2, &[1; 21])))),
        (CrlNumberInvalid, crl(&crl_shape().with(&ce(20), false, tlv(2, &[0xff])))),
        (IdpInvalid, crl(&crl_shape().scoped(&[]))),
        (IdpInvalid, crl(&crl_shape().scoped(&[tlv(0x81, &[0xff]), tlv(0x82, &[0xff])]))),
        (TrailingBytes, answer(TYPE, [der.clone(), vec![5, 0]].concat())),
        (BodyEmpty, answer(TYPE, Vec::new())),
        (HttpStatus, Answer { status: 503, ..answer(TYPE, der.clone()) }),
        (ContentType, answer("text/plain", der.clone())),
        (
            CacheControlMissing,
            Answer { headers: vec![("content-type".into(), TYPE.into())], ..crl(&crl_shape()) },
        ),
        (VersionNotV2, crl(&CrlShape { version: None, extensions: vec![], ..crl_shape() })),
        (VersionNotV2, crl(&CrlShape { version: None, ..crl_shape() })),
        (IssuerMismatch, crl(&CrlShape { issuer: name("Another CA"), ..crl_shape() })),
        (IssuerMismatch, crl(&CrlShape { issuer: name_as(0x13, "Root"), ..crl_shape() })),
        (SignatureInvalid, stranger(crl_shape())),
        // Neither the age nor the form of what is forged is of interest.
        (SignatureInvalid, stranger(CrlShape { next_update: None, extensions: vec![], ..crl_shape() })),
        (AlgorithmMismatch, crl(&CrlShape { inner_algorithm: algorithm(ECDSA_SHA384), ..crl_shape() })),
        (
            AlgorithmNotAllowed,
            crl(&CrlShape { inner_algorithm: rsa.clone(), outer_algorithm: rsa, ..crl_shape() }),
        ),
        (AkiMismatch, crl(&crl_shape().with(&ce(35), false, seq(&[tlv(0x80, &key_id(&key(9)))])))),
        (AkiMissing, crl(&crl_shape().with(&ce(35), false, seq(&[])))),
        (UnknownCriticalExtension, crl(&crl_shape().with(UNHEARD_OF, true, vec![5, 0]))),
        (ThisUpdateFuture, crl(&future("20300101001000Z"))),
        (NextUpdateMissing, crl(&CrlShape { next_update: None, ..crl_shape() })),
        (NextUpdatePast, crl(&CrlShape { next_update: Some("20291231120000Z"), ..crl_shape() })),
        (NextUpdatePast, crl(&CrlShape { next_update: Some("20291230000000Z"), ..crl_shape() })),
        (IntervalTooLong, crl(&CrlShape { next_update: Some("20311231000000Z"), ..crl_shape() })),
        (
            CrlNumberMissing,
            crl(&CrlShape { extensions: vec![crl_shape().extensions[0].clone()], ..crl_shape() }),
        ),
        (IdpUrlMismatch, crl(&crl_shape().scoped(&[named("http://elsewhere.example/")]))),
        (IdpScope, crl(&crl_shape().scoped(&[named(POINT), tlv(0x81, &[0xff])]))),
        (IdpScope, crl(&crl_shape().scoped(&[tlv(0x85, &[0xff])]))),
        (IdpScope, crl(&crl_shape().scoped(&[tlv(0x83, &[5, 0x60])]))),
        (IndirectCrl, crl(&crl_shape().scoped(&[named("http://elsewhere.example/"), tlv(0x84, &[0xff])]))),
        (DeltaWithoutBase, crl(&crl_shape().with(&ce(27), true, tlv(2, &[1])))),
        (DuplicateSerial, crl(&crl_shape().revoking(OTHER_SERIAL, &[]).revoking(OTHER_SERIAL, &[]))),
        (ReasonIllegal, crl(&crl_shape().revoking(OTHER_SERIAL, &[reason(7)]))),
        (ReasonIllegal, crl(&crl_shape().revoking(&[0x20, 1], &[reason(8)]))),
        (EmptyRevokedSequence, crl(&CrlShape { entries: Some(vec![]), ..crl_shape() })),
        (RevocationReasonMissing, crl(&crl_shape().revoking(&[0x20, 1], &[]))),
        (
            RevocationDateFuture,
            crl(&CrlShape { entries: Some(vec![entry(OTHER_SERIAL, TOMORROW, &[])]), ..crl_shape() }),
        ),
    ];
    for (code, answer) in cases {
        let service = Service(vec![Ok(answer.clone()), Ok(answer)]);
        let probed = watch().probe(service).await;
        assert_eq!(codes(&probed.findings), [code]);
        assert!(probed.findings.iter().all(|finding| !finding.detail.is_empty()));
        let is_error = code.weight() == Weight::Error;
        assert_eq!(!probed.evidence.is_empty(), is_error, "{code}: errors are proven by what was received");
    }
}

#[tokio::test]
async fn a_signer_that_may_not_sign_crls_is_named() {
    let without = Shape::new("Root", "Root", &[1]).ca().key_usage(0x04).subject_key_id(&key(1));
    let mut watch = watch();
    let Subject::Crl(subject) = &mut watch.target.subject else { panic!() };
    subject.issuer = Arc::new(without.signed(&key(1), &key(1)));
    assert_eq!(watch.codes(crl(&crl_shape())).await, [Code::CrlSignMissing]);
}

#[tokio::test]
async fn what_forgers_serve_is_not_believed() {
    let probed = watch().probe(Service(vec![Ok(answer(TYPE, crl_shape().der(&key(9))))])).await;
    let facts = probed.facts;
    assert_eq!((facts.this_update, facts.crl, facts.statuses.len()), (None, None, 0));
    // What is stale says how stale it is, and nothing of certificates.
    let stale = crl(&CrlShape { next_update: Some("20291231120000Z"), ..crl_shape() });
    let facts = watch().probe(Service(vec![Ok(stale)])).await.facts;
    assert!(facts.next_update.is_some() && facts.statuses.is_empty());
}

#[tokio::test]
async fn copies_need_no_name_and_shards_do() {
    let urls = [POINT, OTHER_POINT];
    let mut copies = watch_of(vec![sub(1, &urls)], &urls);
    assert_eq!(copies.codes(crl(&crl_shape())).await, []);
    let mut shards = watch_of(vec![sub(1, &[POINT])], &urls);
    assert_eq!(shards.codes(crl(&crl_shape())).await, [Code::IdpMissingWhenSharded]);
    assert_eq!(shards.codes(crl(&crl_shape().scoped(&[named(POINT)]))).await, []);
    // The CRL of the other shard, put here: nothing on it is about those who ask here.
    assert_eq!(shards.codes(crl(&crl_shape().scoped(&[named(OTHER_POINT)]))).await, [Code::IdpUrlMismatch]);
    // The same where no certificate is known that asks here.
    let mut unnamed = watch_of(vec![], &[POINT]);
    assert_eq!(unnamed.codes(crl(&crl_shape().scoped(&[named(OTHER_POINT)]))).await, [Code::IdpUrlMismatch]);
    assert_eq!(unnamed.codes(crl(&crl_shape().scoped(&[named(POINT)]))).await, []);
}

/// Mozilla bug 1772633: within the Baseline Requirements and beyond what the PKI itself promised.
#[tokio::test]
async fn limits_are_those_of_the_pki() {
    let month = crl(&CrlShape { next_update: Some("20300131000000Z"), ..crl_shape() });
    assert_eq!(watch().codes(month.clone()).await, [], "a CA's CRL may hold for a year");
    let mut strict = watch();
    strict.limits.crl_ca_max_interval = 7 * DAY;
    assert_eq!(strict.codes(month.clone()).await, [Code::IntervalTooLong]);
    // One that covers end entities may not.
    let leaf = Shape::new("leaf", "Root", LEAF_SERIAL).crls(&[POINT]).signed(&key(2), &key(1));
    let mut leaves = watch_of(vec![Arc::new(leaf)], &[POINT]);
    assert_eq!(leaves.codes(month).await, [Code::IntervalTooLong]);
}

/// Mozilla bug 1773556: after a migration the address in the certificates answered with 404.
#[tokio::test]
async fn a_point_that_was_left_behind_is_found_and_forgiven_when_it_is_back() {
    let mut watch = watch();
    assert_eq!(watch.codes(crl(&crl_shape())).await, []);
    let gone = Answer { status: 404, ..answer("text/html", "<h1>Not Found</h1>") };
    for _ in 0..3 {
        assert_eq!(watch.codes(gone.clone()).await, [Code::HttpStatus]);
    }
    assert_eq!(watch.codes(crl(&numbered(8))).await, []);
}

#[tokio::test]
async fn addresses_may_differ_while_a_new_crl_spreads_and_no_longer() {
    let mut watch = watch();
    let newer = CrlShape { this_update: "20291231060000Z", ..numbered(9) };
    let both = || Service(vec![Ok(crl(&newer)), Ok(crl(&numbered(7)))]);
    watch.limits.crl_propagation = 60;
    for due in [vec![], vec![], vec![Code::AddressDisagreement]] {
        let probed = watch.probe(both()).await;
        assert_eq!(codes(&probed.findings), due);
        assert_eq!(probed.facts.crl_number, Some(9), "the newest speaks");
    }
    // One that nobody may use is no other opinion.
    let forged = answer(TYPE, numbered(9).der(&key(9)));
    let probed = watch.probe(Service(vec![Ok(crl(&newer)), Ok(forged)])).await;
    assert_eq!(codes(&probed.findings), [Code::SignatureInvalid]);
    assert!(probed.findings.iter().all(|finding| finding.address == Some(([192, 0, 2, 2], 80).into())));
    let down = Service(vec![Err(ctl_fetch::Reason::TcpRefused), Ok(crl(&newer))]);
    assert_eq!(codes(&watch.probe(down).await.findings), [Code::TcpRefused]);
}

#[tokio::test]
async fn a_large_crl_is_read_within_its_limit() {
    let entries: Vec<_> = (0..12_000_u32)
        .map(|serial| entry(&[&[0x41], &serial.to_be_bytes()[..]].concat(), MAY, &[]))
        .collect();
    let large = crl(&CrlShape { entries: Some(entries), ..crl_shape() });
    assert!(large.body.len() > LARGE);
    let mut watch = watch();
    let probed = watch.probe(Service(vec![Ok(large.clone())])).await;
    assert_eq!((codes(&probed.findings), probed.facts.crl_entries), (vec![], Some(12_000)));
    watch.limits.max_body = LARGE;
    assert_eq!(watch.codes(large).await, [Code::BodyTooLarge]);
}

#[test]
fn a_rule_with_the_name_of_a_code_has_that_code() {
    use ctl_pki::crl::{Change, Note, Reason};
    let check = |rule: &str, code: Option<Code>| {
        // One rule says more exactly what the code says.
        let label = match rule {
            "issuer-not-byte-exact" => "issuer_mismatch".to_owned(),
            rule => rule.replace('-', "_"),
        };
        assert_eq!(code.map(Code::as_str), Some(label.as_str()), "{rule}");
    };
    let reasons = [
        Reason::IssuerMismatch { crl: String::new(), expected: String::new() },
        Reason::CrlSignMissing { signer: String::new() },
        Reason::SignatureInvalid(ctl_pki::SignatureError::Invalid),
        Reason::ThisUpdateFuture { this_update: 0, time: 0 },
        Reason::NextUpdateMissing,
        Reason::NextUpdatePast { next_update: 0, time: 0 },
        Reason::UnknownCriticalExtension(String::new()),
        Reason::IndirectCrl,
        Reason::DeltaCrl,
        Reason::DistributionPointInvalid(""),
        Reason::CrlNumberNegative,
        Reason::DistributionPointMismatch,
    ];
    for reason in reasons {
        check(reason.rule(), mapping::of_reason(&reason));
    }
    let (serial, count) = (String::new(), 1);
    let notes = [
        Note::VersionNotV2,
        Note::AkiMismatch,
        Note::AkiMissing,
        Note::IssuerNotByteExact,
        Note::TimeEncoding { place: "", count: 1 },
        Note::ExtensionCriticality { extension: "", must_be_critical: true },
        Note::CrlNumberTooLong { bytes: 21 },
        Note::AlgorithmParameters,
        Note::AccessInvalid { problem: "" },
        Note::CrlNumberMissing,
        Note::IntervalTooLong { interval: 0, limit: 0 },
        Note::EmptyRevokedSequence,
        Note::DuplicateSerial { serial: serial.clone(), count },
        Note::ReasonIllegal { serial: serial.clone(), code: 0, count },
        Note::RevocationDateFuture { serial, count },
        Note::RevocationReasonMissing,
    ];
    for note in notes {
        check(note.rule(), mapping::of_note(&note));
    }
    let changes = [
        Change::NumberNotIncreasing,
        Change::SameNumberDifferentBytes,
        Change::ThisUpdateRegressed { from: 0, to: 0 },
        Change::EntriesVanished { serials: vec![], count: 0 },
        Change::SizeJump { from: 0, to: 0 },
    ];
    for change in changes {
        check(change.rule(), Some(mapping::of_change(&change)));
    }
    let errors = [
        RevocationError::PemInsteadOfDer("CRL"),
        RevocationError::HtmlInsteadOfDer("CRL"),
        RevocationError::Base64InsteadOfDer("CRL"),
        RevocationError::TrailingBytes { what: "CRL", count: 1 },
        RevocationError::Empty("CRL"),
        RevocationError::TooLarge { what: "CRL", size: 1, limit: 0 },
        RevocationError::Malformed { what: "CRL", problem: "" },
    ];
    for error in errors {
        check(error.rule(), Some(mapping::of_error(&error)));
    }
}

fn now(future: impl Future<Output = Probed>) -> Probed {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

proptest! {
    #[test]
    fn no_bytes_panic_and_none_are_good(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let probed = now(async { watch().probe(Service(vec![Ok(answer(TYPE, bytes))])).await });
        prop_assert!(probed.findings.iter().any(|finding| finding.code.weight() == Weight::Error));
        let _ = CrlProbe.restore(b"\x01");
    }

    #[test]
    fn no_damage_is_good(at in any::<prop::sample::Index>(), flip in 1_u8..) {
        let mut bytes = numbered(7).revoking(&[0x20, 1], &[reason(4)]).der(&key(1));
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let probed = now(async { watch().probe(Service(vec![Ok(answer(TYPE, bytes))])).await });
        prop_assert!(probed.findings.iter().any(|finding| finding.code.weight() == Weight::Error));
        prop_assert!(probed.facts.statuses.is_empty());
    }
}
