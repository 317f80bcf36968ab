//! Root pools: `GET …/rootCerts` as OPCP 1.0 has it, `GET …/rootcertificates` as OPNC has it. The operator's roots
//! must be there as the lists have them; those of others are not ours to judge. An item that cannot be decoded is
//! named, for there are clients that refuse the whole pool for it, and the others are read all the same.

use std::future::Future;
use std::pin::Pin;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_pki::Certificate;
use serde_json::Value;

use super::bundle::{self, Wrong};
use super::http::quoted;
use super::{Memory, Probe, Probed, Round};
use crate::monitor::code::Code;
use crate::monitor::target::{Kind, Roots, Subject, Target};

/// A pool has so many roots at most.
const MAX_ITEMS: usize = 10_000;

/// The probe of root pools.
#[derive(Clone, Copy, Debug)]
pub struct RootPoolProbe;

impl Probe for RootPoolProbe {
    fn kind(&self) -> Kind {
        Kind::RootPool
    }

    fn probe<'a>(
        &'a self,
        target: &'a Target,
        round: Round<'a>,
        memory: &'a Memory,
    ) -> Pin<Box<dyn Future<Output = Probed> + Send + 'a>> {
        Box::pin(async move {
            let Subject::RootPool(roots) = &target.subject else { return Probed::unjudged(target, memory) };
            bundle::roots(target, &round, "application/json", roots, judge).await
        })
    }
}

fn judge(body: &[u8], roots: &Roots) -> Vec<Wrong> {
    let pool = match serde_json::from_slice::<Value>(body) {
        Ok(pool) => pool,
        Err(error) => return vec![(Code::RootPoolMismatch, format!("the pool is no JSON: {error}"))],
    };
    let Some(items) = items(&pool) else {
        let words = "the JSON holds neither RootCertificateCollection.rootCertificates (OPCP) nor \
                     rootCertificateCollection (OPNC)";
        return vec![(Code::RootPoolMismatch, words.to_owned())];
    };
    let mut served = Vec::new();
    let mut broken = None;
    for (position, item) in (1..).zip(items.iter().take(MAX_ITEMS)) {
        match certificate(item) {
            Ok(certificate) => served.push(certificate),
            Err(why) => {
                broken.get_or_insert_with(|| format!("item {position}: {why}"));
            }
        }
    }
    let mut wrong = Vec::new();
    if let Some(missing) = roots.due.iter().find(|due| !served.contains(due)) {
        let fingerprint = hex::encode(missing.sha256());
        let mut words = format!("{} ({fingerprint}) is on the list and not in the pool", missing.subject());
        if let Some(broken) = &broken {
            words.push_str(&format!("; {broken}"));
        }
        wrong.push((Code::RootPoolMismatch, words));
    } else if let Some(broken) = broken {
        wrong.push((Code::DerInvalid, broken));
    }
    wrong
}

/// The items of a pool in either form.
fn items(pool: &Value) -> Option<&[Value]> {
    let opcp = pool.pointer("/RootCertificateCollection/rootCertificates");
    opcp.or_else(|| pool.pointer("/rootCertificateCollection"))?.as_array().map(Vec::as_slice)
}

fn certificate(item: &Value) -> Result<Certificate, String> {
    let text = item.get("caCertificate").and_then(Value::as_str).ok_or("it has no caCertificate")?;
    let text: String = text.chars().filter(|letter| !letter.is_ascii_whitespace()).collect();
    let der =
        STANDARD.decode(&text).map_err(|_| format!("caCertificate is not base64: {}", quoted(&text)))?;
    Certificate::from_der(&der).map_err(|error| format!("caCertificate: {error}"))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::monitor::testing::bytes::{root, root_named};
    use crate::monitor::testing::{Watch, answer};

    fn roots() -> Roots {
        let root = Arc::new(root().certificate);
        Roots { due: vec![root.clone()], known: vec![root] }
    }

    fn item(certificate: &Certificate) -> Value {
        json!({ "rootType": "V2G", "caCertificate": STANDARD.encode(certificate.der()) })
    }

    fn opcp(items: &[Value]) -> Value {
        json!({ "RootCertificateCollection": { "rootCertificates": items } })
    }

    async fn served(pool: Value) -> Vec<Code> {
        let url = "https://pool.example/v1/root/rootCerts";
        let mut watch = Watch::of(RootPoolProbe, url, Subject::RootPool(roots()));
        watch.codes(answer("application/json", pool.to_string())).await
    }

    #[tokio::test]
    async fn both_forms_are_read_and_the_roots_of_others_pass() {
        let items = [item(&root_named("Other", 9).certificate), item(&root().certificate)];
        assert_eq!(served(opcp(&items)).await, []);
        assert_eq!(served(json!({ "rootCertificateCollection": items })).await, []);
    }

    #[tokio::test]
    async fn a_root_that_is_missing_or_another_is_named() {
        let imposter = root_named("Root", 9).certificate;
        for pool in [opcp(&[]), opcp(&[item(&imposter)]), json!({}), json!([]), json!(null)] {
            assert_eq!(served(pool).await, [Code::RootPoolMismatch]);
        }
    }

    #[tokio::test]
    async fn one_item_that_cannot_be_decoded_does_not_hide_the_others() {
        for broken in
            [json!({}), json!({ "caCertificate": "%" }), json!({ "caCertificate": "MAA=" }), json!(7)]
        {
            assert_eq!(served(opcp(&[broken, item(&root().certificate)])).await, [Code::DerInvalid]);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_none_are_a_pool(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!judge(&bytes, &roots()).is_empty());
        }
    }
}
