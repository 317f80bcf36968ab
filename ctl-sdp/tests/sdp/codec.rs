//! What stands on the wire, byte by byte; what is refused; and that everything written is read again.

use ctl_core::names::MoId;
use ctl_sdp::codec::{
    CodecError, Endpoint, Identifiers, MAX_IDENTIFIERS, Message, Request, Security, Transport,
};
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(pair).collect()
}

fn ids(list: &[&str]) -> Identifiers {
    Identifiers::new(list.iter().map(|id| id.parse().unwrap())).unwrap()
}

fn endpoint(security: Security) -> Endpoint {
    Endpoint { address: "fe80::1:2".parse().unwrap(), port: 64109, security, transport: Transport::Tcp }
}

#[test]
fn the_messages_stand_on_the_wire_as_the_documents_draw_them() {
    let wire = [
        ("01fe 9000 00000002 00 00", Message::Request(Request::TLS)),
        (
            "01fe 9001 00000014 fe80000000000000 0000000000010002 fa6d 00 00",
            Message::Response(endpoint(Security::Tls)),
        ),
        (
            "01fe 9002 00000004 10 00 0102",
            Message::WirelessRequest {
                request: Request { security: Security::None, transport: Transport::Tcp },
                rest: vec![1, 2],
            },
        ),
        (
            "01fe 9003 00000015 fe80000000000000 0000000000010002 fa6d 10 00 07",
            Message::WirelessResponse { endpoint: endpoint(Security::None), rest: vec![7] },
        ),
        // "USEVG,DE8AA"
        ("01fe 9004 0000000b 5553455647 2c 4445384141", Message::SupportedRequest(ids(&["USEVG", "DE8AA"]))),
        (
            "01fe 9005 00000019 fe80000000000000 0000000000010002 fa6d 00 00 4445384141",
            Message::SupportedResponse { endpoint: endpoint(Security::Tls), supported: ids(&["DE8AA"]) },
        ),
        // None that both support.
        (
            "01fe 9005 00000014 fe80000000000000 0000000000010002 fa6d 00 00",
            Message::SupportedResponse { endpoint: endpoint(Security::Tls), supported: ids(&[]) },
        ),
    ];
    for (hex, message) in wire {
        assert_eq!(message.to_bytes(), bytes(hex), "{message:?}");
        assert_eq!(Message::read(&bytes(hex)), Ok(message), "{hex}");
    }
}

fn request(payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [b"\x01\xfe\x90\x04".as_slice(), &length, payload].concat()
}

#[test]
fn every_spelling_of_a_contract_is_its_operator_and_each_operator_counts_once() {
    let read = Message::read(&request(b"de-8aa-c12345678-9,USEVG,DE*8AA,usevgC12345678"));
    assert_eq!(read, Ok(Message::SupportedRequest(ids(&["DE8AA", "USEVG"]))));
    assert_eq!(Message::read(&request(b"")), Ok(Message::SupportedRequest(ids(&[]))));
}

#[test]
fn what_is_no_message_is_refused_by_what_is_wrong_with_it() {
    for (hex, word) in [
        ("", "header"),
        ("01fe 9004 000000", "header"),
        ("01ff 9004 00000000", "header"),
        ("02fd 9004 00000000", "header"),
        ("01fe 8001 00000000", "type"),
        ("01fe 9006 00000000", "type"),
        ("01fe 9004 00000006 5553455647", "length"),
        ("01fe 9004 00000004 5553455647", "length"),
        ("01fe 9004 ffffffff 5553455647", "length"),
        ("01fe 9000 00000001 00", "length"),
        ("01fe 9000 00000003 000000", "length"),
        ("01fe 9001 00000013 fe80000000000000 0000000000010002 fa6d 00", "length"),
        ("01fe 9001 00000015 fe80000000000000 0000000000010002 fa6d 00 00 00", "length"),
        ("01fe 9005 00000013 fe80000000000000 0000000000010002 fa6d 00", "length"),
        ("01fe 9000 00000002 01 00", "security"),
        ("01fe 9000 00000002 00 01", "security"),
        ("01fe 9004 00000005 55534556ff", "identifier"),
        ("01fe 9004 00000006 5553455647 2c", "identifier"),
        ("01fe 9004 00000006 5553455647 00", "identifier"),
    ] {
        assert_eq!(Message::read(&bytes(hex)).map_err(|error| error.word()), Err(word), "{hex}");
    }
    let third = Message::read(&request(b"USEVG,DE8AA,nonsense!")).unwrap_err();
    assert!(third.to_string().starts_with("identifier 3: \"nonsense!\""), "{third}");
}

#[test]
fn the_number_of_identifiers_is_bounded_before_any_work_is_done() {
    let most = vec!["USEVG"; MAX_IDENTIFIERS].join(",");
    assert!(Message::read(&request(most.as_bytes())).is_ok());
    assert_eq!(Message::read(&request(format!("{most},USEVG").as_bytes())), Err(CodecError::TooMany));
    let commas = vec![b','; 60_000];
    assert_eq!(Message::read(&request(&commas)).map_err(|error| error.word()), Err("length"));
}

fn any_endpoint() -> impl Strategy<Value = Endpoint> {
    (any::<u128>(), any::<u16>(), any::<(bool, bool)>()).prop_map(|(address, port, (tls, tcp))| Endpoint {
        address: address.into(),
        port,
        security: if tls { Security::Tls } else { Security::None },
        transport: if tcp { Transport::Tcp } else { Transport::Udp },
    })
}

fn any_identifiers() -> impl Strategy<Value = Identifiers> {
    let id = "[A-Z]{2}[A-Z0-9]{3}".prop_map(|id| id.parse::<MoId>().unwrap());
    proptest::collection::vec(id, 0..MAX_IDENTIFIERS).prop_map(|ids| Identifiers::new(ids).unwrap())
}

fn any_message() -> impl Strategy<Value = Message> {
    let rest = || proptest::collection::vec(any::<u8>(), 0..=100);
    let request =
        || any_endpoint().prop_map(|Endpoint { security, transport, .. }| Request { security, transport });
    prop_oneof![
        request().prop_map(Message::Request),
        any_endpoint().prop_map(Message::Response),
        (request(), rest()).prop_map(|(request, rest)| Message::WirelessRequest { request, rest }),
        (any_endpoint(), rest()).prop_map(|(endpoint, rest)| Message::WirelessResponse { endpoint, rest }),
        any_identifiers().prop_map(Message::SupportedRequest),
        (any_endpoint(), any_identifiers())
            .prop_map(|(endpoint, supported)| Message::SupportedResponse { endpoint, supported }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_written_is_read_again(message in any_message()) {
        let written = message.to_bytes();
        prop_assert_eq!(Message::read(&written), Ok(message));
        for cut in [written.len() - 1, written.len() / 2, 7] {
            prop_assert!(Message::read(written.get(..cut).unwrap()).is_err());
        }
    }

    #[test]
    fn whatever_comes_is_read_or_refused(kind in 0x8fff_u16..0x9007, payload in any::<Vec<u8>>()) {
        let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
        let datagram = [b"\x01\xfe".as_slice(), &kind.to_be_bytes(), &length, &payload].concat();
        if let Ok(message) = Message::read(&datagram) {
            prop_assert_eq!(Message::read(&message.to_bytes()), Ok(message));
        }
    }
}
