//! The charger's decisions without sockets and clock: who is answered with what, and when the charging stack is asked.

use std::net::{Ipv6Addr, SocketAddrV6};
use std::time::{Duration, Instant};

use ctl_core::names::MoId;
use ctl_sdp::codec::{Endpoint, Identifiers, Message, Request, Security, Transport};
use ctl_sdp::responder::{Action, MAX_HELD, MAX_WAITING, Responder, Secc, Times};
use ctl_sdp::supported::{Agreements, MoRoot, Supported};

const CHARGER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xc0de);
const OTHER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xbad);
const SECC: SocketAddrV6 = SocketAddrV6::new(CHARGER, 15118, 0, 7);

fn supported(ids: &[&str]) -> Supported {
    let with = ids.iter().map(|id| id.parse().unwrap()).collect();
    let roots = [MoRoot { name: "any".into(), only: None }];
    Supported::new(&Agreements::With(with), None, &roots).unwrap()
}

fn ids(ids: &[&str]) -> Identifiers {
    Identifiers::new(ids.iter().map(|id| id.parse::<MoId>().unwrap())).unwrap()
}

fn endpoint(port: u16, security: Security) -> Endpoint {
    Endpoint { address: CHARGER, port, security, transport: Transport::Tcp }
}

fn car(number: u16) -> SocketAddrV6 {
    SocketAddrV6::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, number), 50_000, 0, 7)
}

/// A charger with an agreement with USEVG and DE8AA, and a clock that stands until somebody turns it.
struct Charger {
    responder: Responder,
    supported: Option<Supported>,
    now: Instant,
}

impl Charger {
    fn new(secc: Secc) -> Self {
        let supported = Some(supported(&["USEVG", "DE8AA"]));
        Self { responder: Responder::new(secc), supported, now: Instant::now() }
    }

    fn relaying() -> Self {
        Self::new(Secc::Relay(Times::default()))
    }

    fn hears(&mut self, from: SocketAddrV6, datagram: &[u8]) -> Vec<Action> {
        self.responder.request(self.now, from, datagram, &[CHARGER], self.supported.as_ref())
    }

    fn asked(&mut self, from: SocketAddrV6, list: &[&str]) -> Vec<Action> {
        self.hears(from, &Message::SupportedRequest(ids(list)).to_bytes())
    }

    fn car_discovers(&mut self) -> Vec<Action> {
        self.hears(car(99), &Message::Request(Request::TLS).to_bytes())
    }

    fn told(&mut self, from: SocketAddrV6, endpoint: Endpoint) -> Vec<Action> {
        self.responder.told(self.now, from, &Message::Response(endpoint).to_bytes(), &[CHARGER])
    }

    fn after(&mut self, time: Duration) -> Vec<Action> {
        self.now += time;
        self.responder.tick(self.now)
    }

    fn dropped(&self, why: &str) -> u64 {
        self.responder.counts().dropped.get(why).copied().unwrap_or(0)
    }
}

fn question() -> Vec<Action> {
    vec![Action::Ask { datagram: Message::Request(Request::TLS).to_bytes() }]
}

fn answer(to: SocketAddrV6, endpoint: Endpoint, list: &[&str]) -> Action {
    let supported = ids(list);
    Action::Answer { to, datagram: Message::SupportedResponse { endpoint, supported }.to_bytes() }
}

#[test]
fn a_configured_charger_answers_at_once_with_what_both_support() {
    let endpoint = endpoint(64109, Security::Tls);
    let mut charger = Charger::new(Secc::Fixed(endpoint));
    assert_eq!(
        charger.asked(car(1), &["FRABC", "DE8AA", "USEVG"]),
        [answer(car(1), endpoint, &["DE8AA", "USEVG"])]
    );
    assert_eq!(charger.asked(car(1), &["FRABC"]), [answer(car(1), endpoint, &[])]);
    assert_eq!(charger.asked(car(1), &[]), [answer(car(1), endpoint, &[])]);
    assert_eq!(charger.responder.due(), None);
}

#[test]
fn many_cars_cost_one_question_and_its_answer_holds_for_a_moment() {
    let mut charger = Charger::relaying();
    let here = endpoint(50_123, Security::Tls);
    assert_eq!(charger.asked(car(0), &["USEVG"]), question());
    for number in 1..1000 {
        assert_eq!(charger.asked(car(number), &["USEVG", "FRABC"]), []);
    }
    let answers = charger.told(SECC, here);
    assert_eq!(answers.len(), 1000);
    assert!((0..1000).all(|number| answers.contains(&answer(car(number), here, &["USEVG"]))));
    charger.now += Duration::from_millis(2900);
    assert_eq!(charger.asked(car(5000), &["DE8AA"]), [answer(car(5000), here, &["DE8AA"])]);
    charger.now += Duration::from_millis(200);
    assert_eq!(charger.asked(car(5001), &["DE8AA"]), question(), "it holds no longer");
    assert_eq!(charger.responder.counts().asked, 2);
}

#[test]
fn nobody_asks_the_stack_shortly_after_a_car_did_and_what_it_told_before_is_over() {
    let mut charger = Charger::relaying();
    charger.asked(car(1), &["USEVG"]);
    charger.told(SECC, endpoint(50_000, Security::Tls));
    assert_eq!(charger.car_discovers(), []);
    assert_eq!(charger.asked(car(2), &["USEVG"]), [], "the port may be another one now");
    assert_eq!(charger.after(Duration::from_millis(1900)), []);
    assert_eq!(charger.asked(car(3), &["USEVG"]), []);
    // The first has waited long enough; the second is asked for as soon as the car has had its time.
    assert_eq!(charger.after(Duration::from_millis(1500)), []);
    assert_eq!(charger.dropped("secc-silent"), 1);
    charger.asked(car(4), &["DE8AA"]);
    assert_eq!(charger.after(Duration::from_millis(1600)), question());
    let moved = endpoint(60_000, Security::Tls);
    assert_eq!(charger.told(SECC, moved), [answer(car(4), moved, &["DE8AA"])]);
}

#[test]
fn our_own_question_is_not_a_cars() {
    let mut charger = Charger::relaying();
    assert_eq!(charger.asked(car(1), &["USEVG"]), question());
    let own = SocketAddrV6::new(CHARGER, 40_000, 0, 7);
    assert_eq!(charger.hears(own, &Message::Request(Request::TLS).to_bytes()), []);
    assert_eq!(charger.responder.counts().own, 0);
    assert_eq!(charger.told(SECC, endpoint(1, Security::Tls)).len(), 1);
}

#[test]
fn a_silent_stack_makes_us_silent_and_is_not_pestered() {
    let mut charger = Charger::relaying();
    let mut questions = 0;
    for _ in 0..40 {
        questions += charger.asked(car(1), &["USEVG"]).len();
        questions += charger.after(Duration::from_millis(250)).len();
    }
    assert!((3..=6).contains(&questions), "{questions} in ten seconds");
    assert_eq!(charger.responder.counts().answers, 0);
    assert_eq!(charger.asked(car(1), &["USEVG"]), question());
    assert_eq!(charger.told(SECC, endpoint(1, Security::Tls)).len(), 1, "as soon as it speaks");
    assert_eq!(charger.told(SECC, endpoint(1, Security::Tls)), [], "an answer to nothing counts for nothing");
    assert_eq!(charger.dropped("answer-late"), 1);
}

#[test]
fn without_tls_no_contract_works() {
    let plain = endpoint(61341, Security::None);
    let mut charger = Charger::relaying();
    charger.asked(car(1), &["USEVG"]);
    assert_eq!(charger.told(SECC, plain), [answer(car(1), plain, &[])]);
    let mut charger = Charger::new(Secc::Fixed(plain));
    assert_eq!(charger.asked(car(1), &["USEVG"]), [answer(car(1), plain, &[])]);
    assert_eq!(charger.responder.counts().empty, 1);
}

#[test]
fn another_charger_on_the_link_cannot_answer_for_this_one() {
    let mut charger = Charger::relaying();
    charger.asked(car(1), &["USEVG"]);
    let good = endpoint(50_000, Security::Tls);
    let neighbour = SocketAddrV6::new(OTHER, 15118, 0, 7);
    for (from, told) in [
        (neighbour, good),
        (neighbour, Endpoint { address: OTHER, ..good }),
        (SECC, Endpoint { address: OTHER, ..good }),
        (SECC, Endpoint { port: 0, ..good }),
        (SECC, Endpoint { transport: Transport::Udp, ..good }),
    ] {
        assert_eq!(charger.told(from, told), [], "{from} {told:?}");
    }
    assert_eq!(charger.dropped("answer-foreign"), 5);
    assert_eq!(charger.responder.told(charger.now, SECC, b"\x01\xfe", &[CHARGER]), []);
    assert_eq!(charger.told(SECC, good).len(), 1, "and the right one still counts");
}

#[test]
fn only_who_is_on_the_link_is_answered() {
    let mut charger = Charger::new(Secc::Fixed(endpoint(1, Security::Tls)));
    let datagram = Message::SupportedRequest(ids(&["USEVG"])).to_bytes();
    for from in ["2001:db8::1", "ff02::1", "::", "::1", "fd00::1", "::ffff:192.0.2.1"] {
        let from = SocketAddrV6::new(from.parse().unwrap(), 50_000, 0, 7);
        assert_eq!(charger.hears(from, &datagram), [], "{from}");
    }
    let no_port = SocketAddrV6::new(*car(1).ip(), 0, 0, 7);
    assert_eq!(charger.hears(no_port, &datagram), []);
    assert_eq!(charger.dropped("sender"), 7);
}

#[test]
fn what_is_no_question_is_counted_and_costs_nothing_more() {
    let mut charger = Charger::relaying();
    let answer = Message::Response(endpoint(1, Security::Tls)).to_bytes();
    for (datagram, why) in [
        (b"".as_slice(), "header"),
        (b"\x01\xfe\x90\x06\x00\x00\x00\x00", "type"),
        (b"\x01\xfe\x90\x04\x00\x00\x00\x09", "length"),
        (b"\x01\xfe\x90\x04\x00\x00\x00\x02??", "identifier"),
        (&answer, "type"),
    ] {
        let before = charger.dropped(why);
        assert_eq!(charger.hears(car(1), datagram), []);
        assert_eq!(charger.dropped(why), before + 1, "{why}");
    }
    assert_eq!((charger.responder.counts().requests, charger.responder.due()), (0, None));
}

#[test]
fn an_answer_is_never_much_larger_than_its_question() {
    let endpoint = endpoint(1, Security::Tls);
    let mut charger = Charger::new(Secc::Fixed(endpoint));
    for list in [&["USEVG", "DE8AA"][..], &["FRABC"], &[]] {
        let question = Message::SupportedRequest(ids(list)).to_bytes();
        for action in charger.hears(car(1), &question) {
            let Action::Answer { datagram, .. } = action else { panic!("{action:?}") };
            assert!(datagram.len() <= question.len() + 20);
        }
    }
}

#[test]
fn as_long_as_nothing_is_known_nothing_is_said() {
    let mut charger = Charger::relaying();
    let known = charger.supported.take();
    assert_eq!(charger.asked(car(1), &["USEVG"]), []);
    assert_eq!(charger.dropped("nothing-known"), 1);
    charger.supported = known;
    assert_eq!(charger.asked(car(1), &["USEVG"]), question());
}

#[test]
fn a_crowd_is_bounded_by_number_and_by_what_is_kept_for_it() {
    let mut charger = Charger::relaying();
    let most = u16::try_from(MAX_WAITING).unwrap();
    for number in 0..most + 5 {
        charger.asked(car(number), &["USEVG"]);
    }
    assert_eq!(charger.dropped("too-many"), 5);
    assert_eq!(charger.told(SECC, endpoint(1, Security::Tls)).len(), MAX_WAITING);

    let list: Vec<String> = (0..1000).map(|number| format!("US{number:03}")).collect();
    let list: Vec<&str> = list.iter().map(String::as_str).collect();
    let mut charger = Charger::relaying();
    charger.supported = Some(supported(&list));
    for number in 0..200 {
        charger.asked(car(number), &list);
        charger.asked(car(0), &list);
    }
    let kept = charger.told(SECC, endpoint(1, Security::Tls)).len();
    assert_eq!(kept, MAX_HELD / 1000);
    charger.now += Duration::from_secs(10);
    charger.asked(car(1), &list);
    assert_eq!(charger.told(SECC, endpoint(1, Security::Tls)).len(), 1, "what was kept is given back");
}
