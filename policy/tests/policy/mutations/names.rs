//! Cases of issuer and subject.

use ctl_policy::profile::{Attribute, Identifier, Presence, Requirement, StringType, emaid_check_digit};
use ctl_sandbox::mutation::{Edit, Node};

use super::Bench;

const CN: &str = "2.5.4.3";
const O: &str = "2.5.4.10";
const C: &str = "2.5.4.6";
const DC: &str = "0.9.2342.19200300.100.1.25";
const PRINTABLE: u8 = 0x13;
const UTF8: u8 = 0x0c;
const IA5: u8 = 0x16;

type Name = Vec<(Node, Node)>;

/// Makes the cases if the requirement is of this kind.
pub(crate) fn cases(bench: &mut Bench<'_>, requirement: &Requirement) -> bool {
    use Requirement as R;
    match requirement {
        R::Issuer(wanted) => attribute(bench, wanted, true),
        R::Subject(wanted) => attribute(bench, wanted, false),
        R::IssuerDomainComponent(values) => domain_component(bench, values, true),
        R::DomainComponent(values) => domain_component(bench, values, false),
        R::SubjectAttributes(_) => {
            let locality = |mut name: Name| {
                name.push((Node::oid("2.5.4.7"), Node::new(PRINTABLE, b"Utrecht")));
                name
            };
            bench.breaks("a locality", subject(bench, locality));
            let unit = |mut name: Name| {
                name.insert(0, (Node::oid("2.5.4.11"), Node::new(PRINTABLE, b"PKI")));
                name
            };
            bench.keeps("a unit, and another order", subject(bench, unit));
        }
        R::StringTypes(types) => {
            assert!(types.contains_key("other"));
            bench.breaks("O as TeletexString", value(bench, O, StringType::Teletex.number(), b"Aurora"));
            bench.breaks("O as BMPString", value(bench, O, StringType::Bmp.number(), &[0, 65]));
            bench.breaks("C as UTF8String", country(bench, UTF8, b"NL"));
            bench.breaks("O as OCTET STRING", value(bench, O, 0x04, b"Aurora"));
            bench.keeps("O as PrintableString", value(bench, O, PRINTABLE, b"Aurora"));
            bench.keeps("O as UTF8String", value(bench, O, UTF8, "Söhne".as_bytes()));
        }
        R::StringCharacters => {
            bench.breaks("@ in PrintableString", value(bench, O, PRINTABLE, b"Aurora @ home"));
            bench.breaks("half a character of UTF-8", value(bench, O, UTF8, &[b'A', 0xc3]));
            bench.keeps("every mark of PrintableString", value(bench, O, PRINTABLE, b"A '()+,-./:=?"));
        }
        R::NameLengths(limits) => {
            let limit = limits["O"];
            bench.breaks("a character more", value(bench, O, PRINTABLE, &vec![b'A'; limit + 1]));
            bench.breaks("no character", value(bench, O, PRINTABLE, b""));
            bench.keeps("as many characters", value(bench, O, UTF8, "ö".repeat(limit).as_bytes()));
        }
        R::CountryCodes => {
            for wrong in ["nl", "NLD", "N1", "UK", "QQ"] {
                bench.breaks(wrong, country(bench, PRINTABLE, wrong.as_bytes()));
            }
            bench.keeps("US", country(bench, PRINTABLE, b"US"));
        }
        R::CommonName(identifier) => {
            let (wrong, right): (&[&str], &[&str]) = match identifier {
                Identifier::Emaid => (
                    &["NLAURC1234567", "NL--AUR12345678", "N1AURC12345678", "NL AURC12345678"],
                    &["NLAURC12345678", "DE8AA0012345670", "nlaurc12345678", "NLAUR-C12345678"],
                ),
                Identifier::Pcid => (
                    &["AUR0000000000001", "AUR000000000000001X", "AUR-0000000000001"],
                    &["AUR00000000000001", "AUR00000000000001X", "aur00000000000001"],
                ),
                Identifier::SeccId => (
                    &["charger-17", "NLAURX0001", "NLAURS", "N1AURS0001"],
                    &["NLAURS1", "NL-AUR-S-0001-2", "NL*AUR*E45B*78C"],
                ),
            };
            for text in wrong {
                bench.breaks(*text, value(bench, CN, UTF8, text.as_bytes()));
            }
            for text in right {
                // An asterisk is no character of PrintableString.
                bench.keeps(*text, value(bench, CN, UTF8, text.as_bytes()));
            }
        }
        R::CommonNameLength(limit) => {
            bench.breaks("separators", value(bench, CN, UTF8, b"NL-AUR-C12345678"));
            let longest = format!("NLAURC12345678{}", emaid_check_digit("NLAURC12345678").unwrap());
            assert_eq!(longest.len(), *limit);
            bench.keeps("as many characters", value(bench, CN, UTF8, longest.as_bytes()));
        }
        R::UnusualDomainComponent(unusual) => {
            for value in unusual {
                domain_component_is(bench, value, true);
            }
            bench.specimen_keeps();
        }
        R::EmaidCheckDigit => {
            let first = "NLAURC12345678";
            let right = emaid_check_digit(first).unwrap();
            for digit in ('0'..='9').chain('A'..='Z') {
                let edit = value(bench, CN, UTF8, format!("{first}{digit}").as_bytes());
                if digit == right {
                    bench.keeps("the check digit", edit);
                } else {
                    bench.breaks(format!("{digit} for {right}"), edit);
                }
            }
        }
        R::SelfIssued => {
            let issuer = with(bench.edit().issuer(), O, UTF8, b"Another");
            bench.breaks("another issuer", bench.edit().names(Some(issuer), None));
            bench.specimen_keeps();
        }
        R::NotSelfIssued => {
            let name = bench.edit().subject();
            bench.breaks("its own issuer", bench.edit().names(Some(name), None));
            bench.specimen_keeps();
        }
        _ => return false,
    }
    true
}

/// The specimen with another subject; a root's issuer follows.
fn subject(bench: &Bench<'_>, change: impl Fn(Name) -> Name) -> Edit {
    let edit = bench.edit();
    let name = change(edit.subject());
    let issuer = bench.is_root().then(|| name.clone());
    edit.names(issuer, Some(name))
}

/// The name with this value for one attribute.
fn with(name: Name, oid: &str, tag: u8, value: &[u8]) -> Name {
    let wanted = Node::oid(oid);
    let replace = |(kind, old): (Node, Node)| {
        let new = if kind == wanted { Node::new(tag, value) } else { old };
        (kind, new)
    };
    name.into_iter().map(replace).collect()
}

fn value(bench: &Bench<'_>, oid: &str, tag: u8, value: &[u8]) -> Edit {
    subject(bench, |name| with(name, oid, tag, value))
}

/// Another country: the issuer's, because some subjects must have none.
fn country(bench: &Bench<'_>, tag: u8, text: &[u8]) -> Edit {
    if bench.is_root() {
        return value(bench, C, tag, text);
    }
    let edit = bench.edit();
    let issuer = with(edit.issuer(), C, tag, text);
    edit.names(Some(issuer), None)
}

fn attribute(bench: &mut Bench<'_>, wanted: &Attribute, of_issuer: bool) {
    let oid = match wanted.attribute.as_str() {
        "C" => C,
        "O" => O,
        "CN" => CN,
        "DC" => DC,
        other => panic!("{other}"),
    };
    let change = |bench: &Bench<'_>, change: &dyn Fn(Name) -> Name| {
        if of_issuer {
            let edit = bench.edit();
            let name = change(edit.issuer());
            edit.names(Some(name), None)
        } else {
            subject(bench, change)
        }
    };
    let is_it = |pair: &(Node, Node)| pair.0 == Node::oid(oid);
    match wanted.presence {
        Presence::Required => {
            let without = |name: Name| name.into_iter().filter(|pair| !is_it(pair)).collect();
            bench.breaks("without it", change(bench, &without));
            let twice = |mut name: Name| {
                let own = name.iter().find(|pair| is_it(pair)).unwrap().clone();
                name.push(own);
                name
            };
            bench.breaks("twice", change(bench, &twice));
        }
        Presence::Forbidden => {
            let added = |mut name: Name| {
                name.push((Node::oid(oid), Node::new(PRINTABLE, b"NL")));
                name
            };
            bench.breaks("with it", change(bench, &added));
        }
        Presence::Optional => panic!("an optional attribute cannot be broken"),
    }
    let reversed = |name: Name| name.into_iter().rev().collect();
    bench.keeps("in another order", change(bench, &reversed));
}

/// The name with this one domain component.
fn with_component(name: Name, text: &str) -> Name {
    let mut name: Name = name.into_iter().filter(|(kind, _)| *kind != Node::oid(DC)).collect();
    name.push((Node::oid(DC), Node::new(IA5, text.as_bytes())));
    name
}

fn domain_component_is(bench: &mut Bench<'_>, text: &str, breaks: bool) {
    let edit = subject(bench, |name| with_component(name, text));
    let what = format!("DC={text}");
    if breaks { bench.breaks(what, edit) } else { bench.keeps(what, edit) }
}

fn domain_component(bench: &mut Bench<'_>, values: &[String], of_issuer: bool) {
    let change = |bench: &Bench<'_>, text: &str| {
        if of_issuer {
            let edit = bench.edit();
            let name = with_component(edit.issuer(), text);
            edit.names(Some(name), None)
        } else {
            subject(bench, |name| with_component(name, text))
        }
    };
    for wrong in ["CAR", "v2g", ""] {
        bench.breaks(format!("DC={wrong}"), change(bench, wrong));
    }
    for value in values {
        // What another rule calls unusual is that rule's case.
        if !bench
            .asks(|other| matches!(other, Requirement::UnusualDomainComponent(all) if all.contains(value)))
        {
            bench.keeps(value.as_str(), change(bench, value));
        }
    }
}
