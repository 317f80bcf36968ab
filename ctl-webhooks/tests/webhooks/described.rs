//! What docs/webhooks.md shows is so.

use ctl_webhooks::signature;
use serde_json::Value;

#[test]
fn the_example_of_the_documentation_verifies() {
    let text = include_str!("../../../docs/webhooks.md");
    let after = |start: &str| text.split_once(start).unwrap().1.split_once("\n```").unwrap().0;
    let (body, secret) = (after("```json\n"), after("With the secret\n\n```\n"));
    let event: Value = serde_json::from_str(body).unwrap();
    assert_eq!(event["eventType"], "root.cert.revoked");
    let headers = signature::headers(secret, body.as_bytes()).unwrap();
    assert_eq!(headers.len(), 3);
    for header in &headers {
        let shown = text.lines().filter_map(|line| line.split_once(": "));
        let shown = shown.into_iter().find(|(shown, _)| shown.eq_ignore_ascii_case(header.name)).unwrap();
        assert_eq!(shown.1, header.value, "{}", header.name);
    }
    let digits = signature::hex_hmac(secret, body.as_bytes()).unwrap();
    assert!(text.contains(&format!("HMAC-SHA2-256(event.json)= {digits}")));
}
