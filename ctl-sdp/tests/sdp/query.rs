//! What a car makes of answers that anybody on the link can send.

use std::net::SocketAddr;

use ctl_core::names::MoId;
use ctl_sdp::codec::{Endpoint, Identifiers, Message, Security, Transport};
use ctl_sdp::query::judge;

fn ids(list: &[&str]) -> Identifiers {
    Identifiers::new(list.iter().map(|id| id.parse::<MoId>().unwrap())).unwrap()
}

fn at(address: &str) -> SocketAddr {
    format!("[{address}]:15118").parse().unwrap()
}

#[test]
fn only_an_answer_of_the_link_counts_and_of_it_what_was_asked() {
    let address = "fe80::1".parse().unwrap();
    let endpoint = Endpoint { address, port: 64109, security: Security::Tls, transport: Transport::Tcp };
    let answer = |list: &[&str]| Message::SupportedResponse { endpoint, supported: ids(list) }.to_bytes();
    let asked = ids(&["USEVG", "DE8AA", "FRABC"]);

    let read = judge(at("fe80::1"), &answer(&["FRABC", "ITXXX", "USEVG"]), &asked).unwrap();
    let supported: Vec<&str> = read.supported.iter().map(MoId::as_str).collect();
    assert_eq!(supported, ["USEVG", "FRABC"], "in the order of the question");
    assert_eq!((read.from, read.endpoint), (address, endpoint));

    for from in ["2001:db8::1", "ff02::1", "::1"] {
        assert_eq!(judge(at(from), &answer(&["USEVG"]), &asked), None, "{from}");
    }
    assert_eq!(judge("192.0.2.1:15118".parse().unwrap(), &answer(&["USEVG"]), &asked), None);
    for other in
        [Message::Response(endpoint).to_bytes(), Message::SupportedRequest(ids(&["USEVG"])).to_bytes()]
    {
        assert_eq!(judge(at("fe80::1"), &other, &asked), None);
    }
    assert_eq!(judge(at("fe80::1"), b"\x01\xfe\x90\x05", &asked), None);
}
