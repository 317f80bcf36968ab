//! Attacks by compression: bodies that inflate, differences to something else, codings that lie, and boxes on the way
//! that drop headers. Afterwards the device has the right version, or still the one it had.

use std::io;
use std::time::Duration;

use brotli::enc::{BrotliCompressCustomIoCustomDict, BrotliEncoderParams, StandardAlloc};
use brotli::{IoReaderWrapper, IoWriterWrapper};
use ctl_core::Digest;

use crate::common::device::{Options, set};
use crate::common::power::Unflushed;
use crate::common::server::{Fault, Server};
use crate::common::*;

/// A device that has synced over HTTP, and a new version of the list.
struct Scene {
    server: Server,
    device: Device,
    /// Where the new version is.
    path: String,
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Scene {
    fn new() -> Self {
        let mut repository = Repository::new();
        let server = Server::start();
        server.serve(&repository);
        let options = Options { url: Some(server.url.clone()), ..Options::default() };
        let mut device = Device::with(&repository, options);
        assert!(device.sync_again().unwrap().is_success());
        let path =
            |repository: &Repository| format!("tuf/targets/{}.na.ctl.json", repository.published[&na()]);
        let old = repository.files[&path(&repository)].clone();
        repository.set_anchors(&na(), &["alpha"]);
        repository.publish(&na());
        repository.refresh();
        server.serve(&repository);
        let path = path(&repository);
        let new = repository.files[&path].clone();
        Self { server, device, path: format!("/{path}"), old, new }
    }

    /// Whoever would take it compressed is told this.
    fn says(&self, coding: &str, body: Vec<u8>) {
        self.server.fault(&self.path, Fault::SaysCoded(head(coding), body));
    }

    /// How the new version was asked for.
    fn asked(&self) -> Vec<String> {
        self.server.headers(&self.path)
    }

    fn assert_taken_up(&mut self, why: &str) {
        let report = self.device.sync_again().unwrap();
        assert!(report.is_success(), "{why}: {:?}", report.problems);
        assert_eq!(self.device.trusted(), set(&["alpha"]), "{why}");
        self.device.assert_sound();
    }
}

fn head(coding: &str) -> String {
    if coding.is_empty() { String::new() } else { format!("Content-Encoding: {coding}\r\n") }
}

fn brotli(bytes: &[u8], dictionary: &[u8], window: i32) -> Vec<u8> {
    let parameters = BrotliEncoderParams { quality: 5, lgwin: window, ..BrotliEncoderParams::default() };
    let (mut read, mut out) = (bytes, Vec::new());
    let (mut input, mut output) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    BrotliCompressCustomIoCustomDict(
        &mut IoReaderWrapper(&mut read),
        &mut IoWriterWrapper(&mut out),
        &mut input,
        &mut output,
        &parameters,
        StandardAlloc::default(),
        &mut |_, _, _, _| (),
        dictionary,
        io::Error::from(io::ErrorKind::UnexpectedEof),
    )
    .unwrap();
    out
}

fn difference(bytes: &[u8], named: &[u8], dictionary: &[u8]) -> Vec<u8> {
    [b"\xffDCB", Digest::of(named).as_bytes().as_slice(), &brotli(bytes, dictionary, 16)].concat()
}

#[test]
fn a_new_version_comes_as_the_difference_to_the_one_held() {
    let mut scene = Scene::new();
    let body = difference(&scene.new, &scene.old, &scene.old);
    assert!(body.len() * 4 < scene.new.len(), "{} of {}", body.len(), scene.new.len());
    scene.says("dcb", body);
    scene.assert_taken_up("a difference");
    let asked = scene.asked();
    assert_eq!(asked.len(), 1, "it was enough");
    assert!(asked[0].contains("accept-encoding: dcb, br\n"), "{asked:?}");
    assert!(asked[0].contains("available-dictionary: :"), "{asked:?}");
}

#[test]
fn a_box_on_the_way_that_drops_headers_costs_only_bytes() {
    // The request's, so that the server knows of no dictionary: it sends what it sends to everyone.
    for coding in ["br", ""] {
        let mut scene = Scene::new();
        let body = if coding.is_empty() { scene.new.clone() } else { brotli(&scene.new, &[], 16) };
        scene.says(coding, body);
        scene.assert_taken_up(coding);
        assert_eq!(scene.asked().len(), 1, "{coding}");
    }
    // The answer's.
    let mut scene = Scene::new();
    scene.says("", difference(&scene.new, &scene.old, &scene.old));
    scene.assert_taken_up("a difference that does not say so");
    assert_eq!(scene.asked().len(), 2);
}

type Lie = (&'static str, &'static str, fn(&Scene) -> Vec<u8>);

const LIES: [Lie; 11] = [
    ("a body that inflates without end", "br", |_| brotli(&vec![b' '; 64 << 20], &[], 16)),
    ("the same against what is held", "dcb", |scene| {
        difference(&vec![b' '; 64 << 20], &scene.old, &scene.old)
    }),
    ("a window that is too large", "br", |scene| brotli(&scene.new, &[], 24)),
    ("the wrong dictionary's hash", "dcb", |scene| difference(&scene.new, b"other", &scene.old)),
    ("a dictionary that the device never had", "dcb", |scene| {
        let other: Vec<u8> = scene.new.iter().rev().copied().collect();
        difference(&scene.new, &scene.old, &[other, scene.new.clone()].concat())
    }),
    ("a coding that was not asked for", "gzip", |scene| scene.new.clone()),
    ("a coding that it does not have", "br", |scene| scene.new.clone()),
    ("a difference without its beginning", "dcb", |scene| brotli(&scene.new, &scene.old, 16)),
    ("a truncated stream", "dcb", |scene| {
        let whole = difference(&scene.new, &scene.old, &scene.old);
        whole[..whole.len() - 10].to_vec()
    }),
    ("another document, well compressed", "dcb", |scene| difference(&scene.old, &scene.old, &scene.old)),
    ("nothing", "br", |_| vec![]),
];

#[test]
fn lies_are_found_out_and_the_version_is_fetched_as_it_is() {
    for (why, coding, body) in LIES {
        let mut scene = Scene::new();
        scene.says(coding, body(&scene));
        scene.assert_taken_up(why);
        let asked = scene.asked();
        assert_eq!(asked.len(), 2, "{why}");
        assert!(asked[1].contains("accept-encoding: identity\n"), "{why}: {asked:?}");
        assert!(asked[1].contains("cache-control: no-cache\n"), "past any cache: {asked:?}");
        assert!(!asked[1].contains("available-dictionary"), "{why}: {asked:?}");
    }
}

#[test]
fn a_lie_to_everyone_changes_nothing() {
    for (why, coding, body) in LIES {
        let mut scene = Scene::new();
        scene.server.fault(&scene.path, Fault::SaysCodedAlways(head(coding), body(&scene)));
        let report = scene.device.sync_again().unwrap();
        assert!(!report.is_success(), "{why}");
        assert_eq!(scene.device.trusted(), set(&["alpha", "beta", "gamma"]), "{why}");
        scene.server.heal();
        scene.assert_taken_up(why);
    }
}

#[test]
fn a_new_device_and_one_whose_copy_is_damaged_offer_nothing() {
    let scene = Scene::new();
    let first = scene.server.headers(&format!("/tuf/targets/{}.na.ctl.json", Digest::of(&scene.old)));
    assert!(first[0].contains("accept-encoding: br\n") && !first[0].contains("available"), "{first:?}");
    let mut scene = Scene::new();
    let object = scene.device.path("state").join("objects").join(Digest::of(&scene.old).to_string());
    std::fs::write(object, b"damaged").unwrap();
    scene.assert_taken_up("a damaged copy");
    assert!(scene.asked().iter().all(|asked| !asked.contains("available-dictionary")));
}

#[test]
fn whoever_sends_what_is_refused_cannot_make_it_be_forgotten_by_sending_nothing_more() {
    let mut scene = Scene::new();
    let path = "/tuf/metadata/timestamp.json";
    let coded = Fault::SaysCoded(String::new(), br#"{"signatures":[],"signed":{}}"#.to_vec());
    let silence = Fault::Status(503);
    scene.server.fault(path, Fault::Either(Box::new(coded), Box::new(silence)));
    let report = scene.device.sync_again().unwrap();
    let refused = report.problems.iter().any(|problem| problem.error.is_refusal());
    assert!(refused, "{:?}", report.problems);
}

#[test]
fn a_server_that_fails_or_cannot_be_reached_is_not_asked_again_at_once() {
    for fault in [Fault::Status(429), Fault::Status(503), Fault::Status(403)] {
        let mut scene = Scene::new();
        scene.server.fault("/tuf/metadata/timestamp.json", fault.clone());
        scene.server.requests();
        assert!(!scene.device.sync_again().unwrap().is_success());
        let asked = scene.server.requests().iter().filter(|path| path.ends_with("timestamp.json")).count();
        assert_eq!(asked, 1, "{fault:?}");
    }
}

#[test]
fn what_holds_back_compressed_bytes_or_does_not_understand_the_question_costs_only_time() {
    for fault in [Fault::Silent, Fault::Status(406)] {
        let mut scene = Scene::new();
        scene.device.transport.idle = Duration::from_secs(3);
        scene.device.restart(Box::new(Unflushed));
        let path = scene.path.clone();
        let plain = Fault::SaysCodedAlways(String::new(), scene.new.clone());
        scene.server.fault(&path, Fault::Either(Box::new(fault.clone()), Box::new(plain)));
        scene.assert_taken_up(&format!("{fault:?}"));
    }
}

#[test]
fn the_window_that_other_peoples_servers_are_set_to_is_read() {
    let mut scene = Scene::new();
    scene.says("br", brotli(&scene.new, &[], 22));
    scene.assert_taken_up("Brotli's own default");
    assert_eq!(scene.asked().len(), 1);
}

#[test]
fn lies_about_metadata_are_found_out_as_well() {
    for (why, coding, body) in LIES {
        for name in ["timestamp.json", ".snapshot.json", ".na.json"] {
            let mut scene = Scene::new();
            let server = scene.server.clone();
            let path = server.served_at(name);
            scene.server.fault(&path, Fault::SaysCoded(head(coding), body(&scene)));
            scene.assert_taken_up(&format!("{name}: {why}"));
        }
    }
}
