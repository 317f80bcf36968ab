//! eMAIDs as contracts, cars and registries write them.

use ctl_core::emaid::{CheckDigit, Emaid};
use proptest::prelude::*;

#[test]
fn every_spelling_of_a_contract_is_one() {
    for (text, expected, digit) in [
        ("DE8AAC12345678", "DE8AAC12345678", CheckDigit::Absent),
        ("de-8aa-c12345678", "DE8AAC12345678", CheckDigit::Absent),
        ("NN123ABCDEFGHIT", "NN123ABCDEFGHIT", CheckDigit::Right),
        ("NN-123-ABCDEFGHI-T", "NN123ABCDEFGHIT", CheckDigit::Right),
        ("NN123ABCDEFGHIU", "NN123ABCDEFGHIU", CheckDigit::Wrong('T')),
        ("DE*8AA*123456*1", "DE8AA1234561", CheckDigit::NotJudged),
        ("DE-8AA-123456", "DE8AA123456", CheckDigit::NotJudged),
    ] {
        let emaid = Emaid::read(text).unwrap_or_else(|| panic!("{text}"));
        assert_eq!((emaid.as_str(), emaid.check_digit()), (expected, digit), "{text}");
        assert_eq!(emaid.mo_id().as_str(), &expected[..5], "{text}");
    }
    for text in [
        "",
        "DE8AA",
        "D18AAC12345678",
        "DE8AAC12345678-",
        "DE--8AAC12345678",
        "DE*8AA*C12345678",
        "DE8AAC1234_678",
    ] {
        assert_eq!(Emaid::read(text), None, "{text}");
    }
    let (with, without) = (Emaid::read("NN123ABCDEFGHIT"), Emaid::read("nn-123-abcdefghi"));
    assert!(with.unwrap().is_same_contract(&without.unwrap()));
}

proptest! {
    #[test]
    fn no_text_panics_and_what_is_read_reads_again(text in "[A-Za-z0-9*_ é-]{0,20}") {
        if let Some(emaid) = Emaid::read(&text) {
            prop_assert_eq!(Emaid::read(emaid.as_str()), Some(emaid));
        }
    }
}
