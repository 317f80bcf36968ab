//! One spelling of all that the field writes.

use ctl_sdp::identifier::mo_id;

#[test]
fn an_identifier_and_every_spelling_of_its_contracts_are_one_operator() {
    for text in [
        "DE8AA",
        "de-8aa",
        " DE8AA ",
        "DE*8AA",
        "DE8AAC12345678",
        "DE-8AA-C12345678-9",
        "DE*8AA*123456*7",
        "de8aa123456",
    ] {
        assert_eq!(mo_id(text).map(|id| id.to_string()), Ok("DE8AA".into()), "{text}");
    }
}

#[test]
fn what_is_neither_is_refused_and_told_in_part() {
    let long = "A".repeat(15_000);
    for text in ["", "DE8A", "DE8AAC", "D18AA", "DE8AÄ", "DE 8AA", "DE8AA\0", &long, "DE8AAC1234567890"] {
        let error = mo_id(text).unwrap_err();
        assert!(error.found.chars().count() <= 24 && error.to_string().contains("USEVG"), "{error}");
    }
}
