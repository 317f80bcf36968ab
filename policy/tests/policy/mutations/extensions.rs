//! Cases of extensions.

use ctl_policy::profile::{
    Bit, Critical, ExtensionUse, KeyUsage, PathLength, Presence, Purpose, Requirement, Service,
};
use ctl_sandbox::mutation::Node;

use super::Bench;
use super::form::{AIA, AKI, KEY_USAGE, SKI};

const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const CRL_POINTS: &str = "2.5.29.31";
const POLICIES: &str = "2.5.29.32";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
/// An extension that nobody knows.
const UNKNOWN: &str = "1.2.3.4";

/// Makes the cases if the requirement is of this kind.
pub(crate) fn cases(bench: &mut Bench<'_>, requirement: &Requirement) -> bool {
    use Requirement as R;
    match requirement {
        R::UniqueExtensions => {
            let own = bench.edit().value_of(SKI).unwrap();
            bench.breaks("the same twice", bench.edit().add_extension(SKI, None, &own));
            bench.specimen_keeps();
        }
        R::WellFormedExtensions => {
            bench.breaks("a key identifier that is a number", bench.edit().extension(SKI, false, &[2, 1, 5]));
            bench.breaks(
                "a key identifier with more behind",
                bench.edit().extension(SKI, false, &[4, 1, 5, 0]),
            );
            bench.breaks("no DER", bench.edit().extension(SKI, false, &[0xff]));
            bench.keeps("a key identifier of one byte", bench.edit().extension(SKI, false, &[4, 1, 5]));
        }
        R::KnownCriticalExtensions => {
            bench.breaks("an unknown one", bench.edit().extension(UNKNOWN, true, &[5, 0]));
            bench.specimen_keeps();
        }
        R::ListedExtensions => {
            bench.breaks("an unknown one", bench.edit().extension(UNKNOWN, false, &[5, 0]));
            let alternative = Node::of(0x30, vec![Node::new(0x82, b"aurora.example")]).encode();
            bench.breaks("subjectAltName", bench.edit().extension("2.5.29.17", false, &alternative));
            bench.specimen_keeps();
        }
        R::Extension(wanted) => presence(bench, wanted),
        R::KeyUsage(wanted) => key_usage(bench, wanted),
        R::ExtendedKeyUsage(purposes) => {
            let own: Vec<_> = purposes.iter().map(|purpose| purpose.number()).collect();
            let more = [&own[..], &[Purpose::ServerAuth.number()]].concat();
            bench.breaks("one more", bench.edit().extension(EXTENDED_KEY_USAGE, false, &oids(&more)));
            let is_client = purposes.contains(&Purpose::ClientAuth);
            let other = if is_client { Purpose::OcspSigning } else { Purpose::ClientAuth };
            let other = oids(&[other.number()]);
            bench.breaks("another", bench.edit().extension(EXTENDED_KEY_USAGE, false, &other));
            bench.keeps("exactly", bench.edit().extension(EXTENDED_KEY_USAGE, false, &oids(&own)));
        }
        R::Readable => {
            // Nothing else looks into the qualifiers of policies.
            let policy = |qualifier: Vec<Node>| {
                let information = vec![Node::oid("1.2.3.4"), Node::of(0x30, vec![Node::of(0x30, qualifier)])];
                Node::of(0x30, vec![Node::of(0x30, information)]).encode()
            };
            let unknown = policy(vec![Node::oid("1.2.3.5"), Node::new(0x05, &[])]);
            bench.breaks("an unknown qualifier", bench.edit().extension(POLICIES, false, &unknown));
            let pointer =
                policy(vec![Node::oid("1.3.6.1.5.5.7.2.1"), Node::new(0x16, b"http://cps.example")]);
            bench.keeps("a CPS pointer", bench.edit().extension(POLICIES, false, &pointer));
        }
        R::Ca(wanted) => {
            let own = bench.specimen.certificate.path_len();
            bench.breaks("the other way", constraints(bench, !wanted, own));
            bench.keeps("as it is", constraints(bench, *wanted, own));
        }
        R::PathLength(wanted) => path_length(bench, *wanted),
        R::Address(service) => addresses(bench, *service),
        R::AuthorityKeyId => {
            let id = Node::of(0x30, vec![]).encode();
            bench.breaks("empty", bench.edit().extension(AKI, false, &id));
            let id = own_key_id(bench);
            bench.keeps("a key identifier", bench.edit().extension(AKI, false, &id));
        }
        R::OwnAuthorityKeyId => {
            let other = Node::of(0x30, vec![Node::new(0x80, &[1, 2, 3])]).encode();
            bench.breaks("another's", bench.edit().extension(AKI, false, &other));
            let own = own_key_id(bench);
            bench.keeps("its own", bench.edit().extension(AKI, false, &own));
        }
        _ => return false,
    }
    true
}

/// An authority key identifier that names the specimen's own key.
fn own_key_id(bench: &Bench<'_>) -> Vec<u8> {
    let own = bench.edit().value_of(SKI).unwrap();
    Node::of(0x30, vec![Node::new(0x80, &own[2..])]).encode()
}

fn oids(oids: &[&str]) -> Vec<u8> {
    Node::of(0x30, oids.iter().map(|oid| Node::oid(oid)).collect()).encode()
}

fn address(oid: &str, address: &str) -> Vec<u8> {
    let uri = Node::new(0x86, address.as_bytes());
    let inside = if oid == AIA {
        vec![Node::oid("1.3.6.1.5.5.7.48.1"), uri]
    } else {
        vec![Node::of(0xa0, vec![Node::of(0xa0, vec![uri])])]
    };
    Node::of(0x30, vec![Node::of(0x30, inside)]).encode()
}

/// A value that an extension may have, for profiles whose specimen has none.
fn sample(bench: &Bench<'_>, name: &str) -> (&'static str, Vec<u8>) {
    match name {
        "subjectKeyIdentifier" => (SKI, bench.edit().value_of(SKI).unwrap()),
        "authorityKeyIdentifier" => (AKI, bench.edit().value_of(AKI).unwrap_or_else(|| own_key_id(bench))),
        "keyUsage" => (KEY_USAGE, bench.edit().value_of(KEY_USAGE).unwrap()),
        "basicConstraints" => (BASIC_CONSTRAINTS, bench.edit().value_of(BASIC_CONSTRAINTS).unwrap()),
        "extKeyUsage" => {
            let own = bench.edit().value_of(EXTENDED_KEY_USAGE);
            (EXTENDED_KEY_USAGE, own.unwrap_or_else(|| oids(&[Purpose::ServerAuth.number()])))
        }
        "cRLDistributionPoints" => (CRL_POINTS, address(CRL_POINTS, "http://crl.example")),
        "authorityInfoAccess" => (AIA, address(AIA, "https://ocsp.example")),
        "certificatePolicies" => {
            ("2.5.29.32", Node::of(0x30, vec![Node::of(0x30, vec![Node::oid("1.2.3")])]).encode())
        }
        "nameConstraints" => {
            let subtree = Node::of(0x30, vec![Node::new(0x82, b"aurora.example")]);
            ("2.5.29.30", Node::of(0x30, vec![Node::of(0xa0, vec![subtree])]).encode())
        }
        "policyMappings" => {
            let pair = Node::of(0x30, vec![Node::oid("1.2.3"), Node::oid("1.2.4")]);
            ("2.5.29.33", Node::of(0x30, vec![pair]).encode())
        }
        "ocspNoCheck" => ("1.3.6.1.5.5.7.48.1.5", vec![5, 0]),
        other => panic!("{other}"),
    }
}

fn presence(bench: &mut Bench<'_>, wanted: &ExtensionUse) {
    let (oid, value) = sample(bench, &wanted.name);
    let critical = wanted.critical == Critical::Yes;
    let absent = bench.edit().without_extension(oid);
    let present = bench.edit().extension(oid, critical, &value);
    match wanted.presence {
        Presence::Required => {
            bench.breaks("absent", absent);
            bench.keeps("present", present);
        }
        Presence::Forbidden => {
            bench.breaks("present", present);
            bench.keeps("absent", absent);
        }
        Presence::Optional => {
            bench.keeps("present", present);
            // Where another rule or source asks for it, its absence is that rule's finding.
            let asked = bench.asks(|other| match other {
                Requirement::Extension(other) => {
                    other.name == wanted.name && other.presence == Presence::Required
                }
                _ => false,
            });
            if !asked {
                bench.keeps("absent", absent);
            }
        }
    }
    if wanted.presence != Presence::Forbidden && wanted.critical != Critical::Either {
        bench.breaks("the other criticality", bench.edit().extension(oid, !critical, &value));
    }
}

/// Key usage with these bits, in DER.
fn usage(bits: [bool; 9]) -> Vec<u8> {
    let mut bytes = [0_u8; 2];
    for (bit, _) in bits.iter().enumerate().filter(|(_, is_set)| **is_set) {
        bytes[bit / 8] |= 0x80 >> (bit % 8);
    }
    let used = if bytes[1] != 0 { 2 } else { usize::from(bytes[0] != 0) };
    let unused = if used == 0 { 0 } else { bytes[used - 1].trailing_zeros() as u8 };
    Node::new(0x03, &[&[unused], &bytes[..used]].concat()).encode()
}

fn key_usage(bench: &mut Bench<'_>, wanted: &KeyUsage) {
    let own = bench.edit().value_of(KEY_USAGE).unwrap();
    let own =
        std::array::from_fn(|bit| own.get(3 + bit / 8).is_some_and(|byte| byte & (0x80 >> (bit % 8)) != 0));
    bench.keeps("as it is", bench.edit().extension(KEY_USAGE, true, &usage(own)));
    for (bit, (name, wanted)) in wanted.bits().into_iter().enumerate() {
        let mut other = own;
        other[bit] = !other[bit];
        let edit = bench.edit().extension(KEY_USAGE, true, &usage(other));
        if wanted == Bit::Free {
            bench.keeps(format!("{name} the other way"), edit);
        } else {
            bench.breaks(format!("{name} the other way"), edit);
        }
    }
}

fn constraints(bench: &Bench<'_>, ca: bool, path_length: Option<u32>) -> ctl_sandbox::mutation::Edit {
    let mut nodes = Vec::new();
    nodes.extend(ca.then(|| Node::new(0x01, &[0xff])));
    nodes.extend(path_length.map(|length| Node::new(0x02, &[u8::try_from(length).unwrap()])));
    bench.edit().extension(BASIC_CONSTRAINTS, true, &Node::of(0x30, nodes).encode())
}

fn path_length(bench: &mut Bench<'_>, wanted: PathLength) {
    let ca = bench.specimen.certificate.is_ca();
    let (wrong, right): (Vec<_>, Vec<_>) = match wanted {
        PathLength::Absent => (vec![Some(0), Some(3)], vec![None]),
        PathLength::Exactly(length) => (vec![None, Some(length + 1)], vec![Some(length)]),
        PathLength::AtMost(limit) => (vec![None, Some(limit + 1)], (0..=limit).map(Some).collect()),
    };
    for length in wrong {
        bench.breaks(format!("{length:?}"), constraints(bench, ca, length));
    }
    for length in right {
        bench.keeps(format!("{length:?}"), constraints(bench, ca, length));
    }
}

fn addresses(bench: &mut Bench<'_>, service: Service) {
    let oid = match service {
        Service::Ocsp => AIA,
        Service::Crl => CRL_POINTS,
    };
    // Where the extension must not be at all, there is no address to be wrong.
    for wrong in ["ldap://directory.example", "http://", "http://a b", "ocsp.example"] {
        bench.breaks(wrong, bench.edit().extension(oid, false, &address(oid, wrong)));
    }
    for right in ["http://a", "https://ocsp.example:8080/path"] {
        bench.keeps(right, bench.edit().extension(oid, false, &address(oid, right)));
    }
}
