//! What is shown: the picture is well-formed, names from outside stay text, and the document answers for
//! every pair.

use super::*;
use crate::{document, svg};

/// The text of a picture, and that it is well-formed: every element closed in turn, text and attributes
/// without markup.
fn picture(network: Network) -> String {
    let list = document::Subject { list: "na".parse().unwrap(), sequence: 7, sha256: Digest::of(b"list") };
    let matrices = both_standards(network, Purpose::V2g, NOW);
    let svg = String::from_utf8(svg::svg(&list, &matrices)).unwrap();
    assert_eq!(svg.as_bytes(), svg::svg(&list, &matrices), "equal networks give equal bytes");
    let mut open: Vec<&str> = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, text) = part.split_once('>').expect("a tag is closed");
        assert!(!text.contains('>'), "{text}");
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if tag.ends_with('/') => {}
            None => open.push(tag.split_whitespace().next().unwrap()),
        }
    }
    assert!(open.is_empty(), "{open:?}");
    svg
}

#[test]
fn a_picture_shows_every_root_and_arrow_with_a_title() {
    let (a, b, c) = (root("Aurora"), root("Borealis"), root("Cumulus"));
    let crosses = [
        cross(&a, &b),
        cross_with(&b, &c, |shape| shape.valid(NOW.unix() - YEAR, NOW.unix() - 1)),
        cross(&b, &a),
    ];
    let svg = picture(network(&[&a, &b, &c], &crosses));
    for name in ["Aurora", "Borealis", "Cumulus"] {
        assert!(svg.contains(&format!(">{name}</text>")), "{name}");
    }
    assert_eq!(svg.matches("<path class=\"cross\" d=\"M").count(), 2 + 1, "two that work, and the legend");
    assert!(svg.contains(
        "<title>Cumulus by Borealis: usable. cross-certificate &quot;Cumulus by Borealis&quot; expired"
    ));
    assert!(svg.contains("<title>Borealis by Aurora: usable. In use"));
    picture(Network::default());
    picture(network(&[&a], &[]));
}

#[test]
fn names_from_outside_cannot_become_markup_in_picture_or_document() {
    let (mut a, b) = (root("Aurora"), root("Borealis"));
    let mut attack = cross(&a, &b);
    a.name = "</text><script>alert(1)</script>&'\"]]>".parse().unwrap();
    attack.name = "<!--\"><svg onload=x>".parse().unwrap();
    let network = network(&[&a, &b], &[attack]);
    let svg = picture(network.clone());
    assert!(!svg.contains("<script") && !svg.contains("<!--") && !svg.contains("<svg onload"), "{svg}");
    assert!(svg.contains("&lt;/text&gt;&lt;script&gt;"));
    let list = document::Subject { list: "na".parse().unwrap(), sequence: 7, sha256: Digest::of(b"list") };
    let bytes = document::document(&list, &both_standards(network, Purpose::V2g, NOW));
    let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let names: Vec<&str> =
        read["roots"].as_array().unwrap().iter().filter_map(|r| r["name"].as_str()).collect();
    assert!(names.contains(&a.name.as_str()));
}

#[test]
fn the_document_answers_for_every_pair() {
    let (a, b) = (root("Aurora"), root("Borealis"));
    let matrices = both_standards(network(&[&a, &b], &[cross(&a, &b)]), Purpose::V2g, NOW);
    let list = document::Subject { list: "na".parse().unwrap(), sequence: 7, sha256: Digest::of(b"list") };
    let bytes = document::document(&list, &matrices);
    assert_eq!(
        ctl_core::json::parse(&bytes, bytes.len()).map(|value| ctl_core::json::canonical(&value)),
        Ok(bytes.clone())
    );
    let read: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(
        (read["type"].as_str(), read["as_of"].as_str()),
        (Some(document::TYPE), Some("2027-01-15T08:00:00Z"))
    );
    let pairs = read["answers"][0]["pairs"].as_array().unwrap();
    assert_eq!(pairs.len(), 4);
    let find = |vehicle: &Root, charger: &Root| {
        let wanted = |pair: &&serde_json::Value| {
            pair["vehicle"] == vehicle.fingerprint.to_string()
                && pair["charger"] == charger.fingerprint.to_string()
        };
        pairs.iter().find(wanted).unwrap()
    };
    assert_eq!(find(&a, &b)["result"], "cross");
    assert_eq!(find(&a, &b)["through"][0], cross(&a, &b).fingerprint.to_string());
    assert_eq!(find(&b, &a)["reasons"][0]["code"], "cross-other-direction");
    assert_eq!(read["answers"][1]["pairs"].as_array().unwrap().len(), 0, "nobody is listed for -20");
}
