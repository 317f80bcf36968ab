//! Root pools: `GET …/rootCerts` in OPCP 1.0, `GET …/rootcertificates` in OPNC. The operator's roots on the lists must
//! be there; other operators' roots are not judged. An item that cannot be decoded is reported, because some clients
//! refuse the whole pool for it, but the others are still read. Pages are read one by one, within bounds of time and
//! number.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use ctl_fetch::{Addresses, Exchange, Request};
use ctl_formats::{MAX_POOL_ITEMS, PoolItemError, PoolPage};
use ctl_pki::Certificate;
use ctl_sources::page_url;
use tokio::time::Instant;

use super::bundle::{self, Wrong};
use super::http::{self, Expected, quoted};
use super::{Memory, Probe, Probed, Round};
use crate::code::Code;
use crate::observation::Finding;
use crate::target::{Kind, Roots, Subject, Target};

/// How many pages of a pool are read: ten thousand roots, a hundred to a page.
const MAX_PAGES: u64 = 100;
/// The time that must be left to ask for another page.
const MIN_TIME: Duration = Duration::from_millis(250);
const MEDIA_TYPE: &str = "application/json";

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
            let request = bundle::request(target, &round, MEDIA_TYPE);
            let begin = Instant::now();
            let exchanges = round.fetch.fetch(&request).await;
            let mut further = Vec::new();
            for (turn, exchange) in (0..).zip(&exchanges) {
                further.push(follow(&request, exchange, turn, &round, begin).await);
            }
            let expected = Expected { media_types: &[MEDIA_TYPE], limits: round.limits, now: round.now };
            let mut probed = bundle::look(&request, &exchanges, &expected, |exchange, body| {
                let place = exchanges.iter().position(|other| std::ptr::eq(other, exchange));
                let none = Further::default();
                judge(body, place.and_then(|place| further.get(place)).unwrap_or(&none), roots)
            });
            for (exchange, further) in exchanges.iter().zip(further) {
                if let Some((request, failed)) = &further.failed
                    && probed.evidence.len() < http::MAX_EVIDENCE
                {
                    probed.evidence.push(http::evidence(request, failed));
                }
                let named = further
                    .findings
                    .into_iter()
                    .map(|finding| Finding { address: finding.address.or(exchange.address), ..finding });
                probed.findings.extend(named);
            }
            probed.findings.extend(bundle::ending(&roots.due, &round));
            probed
        })
    }
}

/// The pages after the first.
#[derive(Default)]
struct Further {
    served: Vec<Certificate>,
    broken: Option<String>,
    /// Why some pages were not read; then missing roots cannot be told.
    unread: Option<String>,
    findings: Vec<Finding>,
    /// A page that could not be read.
    failed: Option<(Request, Exchange)>,
}

/// Reads the further pages of a pool (OPNC: `page` from 1 and `pageSize` in the query, `totalPages` or `totalItems` in
/// the answer) from the address that served the first.
async fn follow(
    first: &Request,
    exchange: &Exchange,
    turn: u64,
    round: &Round<'_>,
    begin: Instant,
) -> Further {
    let mut further = Further::default();
    let answer = exchange.result.as_ref().ok().filter(|answer| answer.status == 200);
    let Some(paging) = answer.and_then(|answer| PoolPage::read(&answer.body).ok()?.paging) else {
        return further;
    };
    let total = paging.total_pages;
    if total > MAX_PAGES {
        further.unread = Some(format!("the pool says that it has {total} pages; {MAX_PAGES} are read"));
    }
    for page in paging.page.saturating_add(1)..=total.min(MAX_PAGES) {
        let timeout = round.timeout.saturating_sub(begin.elapsed());
        if timeout < MIN_TIME {
            further.unread = Some(format!("there was no time left for page {page} of {total}"));
            break;
        }
        let Some(url) = page_url(&first.url, &paging, page) else { break };
        let request = Request { url, timeout, addresses: Addresses::Turn(turn), ..first.clone() };
        let Some(came) = round.fetch.fetch(&request).await.into_iter().next() else { break };
        let expected = Expected { media_types: &[MEDIA_TYPE], limits: round.limits, now: round.now };
        let reading = http::read(&came, &expected);
        let mut is_lost = true;
        let items = reading.answer.map(|answer| read(&answer.body, &format!("page {page}, ")));
        match items {
            Some(Ok((served, broken))) => {
                further.served.extend(served);
                further.broken = further.broken.or(broken);
                is_lost = false;
            }
            Some(Err(why)) => {
                let words = format!("page {page} of {total}: {why}");
                further.findings.push(http::finding(Code::RootPoolMismatch, came.address, words));
            }
            None => {
                let named = |finding: Finding| Finding {
                    detail: format!("page {page} of {total}: {}", finding.detail),
                    ..finding
                };
                further.findings.extend(reading.findings.into_iter().map(named));
            }
        }
        if is_lost {
            further.failed = Some((request, came));
            break;
        }
        if further.served.len() > MAX_POOL_ITEMS {
            further.unread = Some(format!("the pool has more than {MAX_POOL_ITEMS} items"));
            break;
        }
    }
    further
}

/// The certificates of one page and the first item that cannot be decoded, or why it is no page of a pool.
fn read(body: &[u8], place: &str) -> Result<(Vec<Certificate>, Option<String>), String> {
    let page = PoolPage::read(body).map_err(|error| error.to_string())?;
    let mut served = Vec::new();
    let mut broken = None;
    for (position, item) in (1..).zip(page.items) {
        let why = match item {
            Ok(item) => {
                served.push(item.certificate);
                continue;
            }
            Err(PoolItemError::NotBase64(text)) => format!("caCertificate is not base64: {}", quoted(&text)),
            Err(error) => error.to_string(),
        };
        broken.get_or_insert_with(|| format!("{place}item {position}: {why}"));
    }
    Ok((served, broken))
}

fn judge(body: &[u8], further: &Further, roots: &Roots) -> Vec<Wrong> {
    let (served, broken) = match read(body, "") {
        Ok(read) => read,
        Err(why) => return vec![(Code::RootPoolMismatch, why)],
    };
    let broken = broken.or_else(|| further.broken.clone());
    let is_there = |due: &Certificate| served.contains(due) || further.served.contains(due);
    let missing = roots.due.iter().find(|due| !is_there(due));
    // A page that did not come is the fault; if there are just too many pages, the root counts as missing.
    let missing = missing.filter(|_| further.failed.is_none());
    let mut wrong = Vec::new();
    if let Some(missing) = missing {
        let fingerprint = hex::encode(missing.sha256());
        let mut words = format!("{} ({fingerprint}) is on the list and not in the pool", missing.subject());
        for more in broken.iter().chain(&further.unread) {
            words.push_str(&format!("; {more}"));
        }
        wrong.push((Code::RootPoolMismatch, words));
    } else if let Some(broken) = broken {
        wrong.push((Code::DerInvalid, broken));
    }
    wrong
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;
    use serde_json::{Value, json};
    use url::Url;

    use super::*;
    use crate::testing::bytes::{root, root_named};
    use crate::testing::{Rounds, answer, codes};
    use ctl_fetch::{Answer, Fetch, Timings};

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
        let mut watch = Rounds::of(RootPoolProbe, url, Subject::RootPool(roots()));
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

    /// A pool that gives out one root a page, and does what it wants on some of them.
    struct Paged(Vec<Certificate>, fn(u64) -> Option<Answer>, std::sync::Mutex<Vec<String>>);

    impl Fetch for Paged {
        fn fetch<'a>(
            &'a self,
            request: &'a Request,
        ) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
            self.2.lock().unwrap().push(request.url.clone());
            let url = Url::parse(&request.url).unwrap();
            let page = url
                .query_pairs()
                .find(|(name, _)| name == "page")
                .map_or(1, |(_, page)| page.parse().unwrap());
            let own = self.0.get(usize::try_from(page).unwrap() - 1);
            let pool = json!({
                "rootCertificateCollection": own.map(item).into_iter().collect::<Vec<_>>(),
                "page": page, "pageSize": 1, "totalItems": self.0.len(),
            });
            let answer = (self.1)(page).unwrap_or_else(|| answer("application/json", pool.to_string()));
            let address = Some(([192, 0, 2, 1], 443).into());
            let exchange = Exchange { address, timings: Timings::default(), result: Ok(answer) };
            Box::pin(std::future::ready(vec![exchange]))
        }
    }

    async fn paged(own_is_last: bool, fault: fn(u64) -> Option<Answer>) -> (Vec<Code>, Vec<String>) {
        let own = if own_is_last { root().certificate } else { root_named("Mine", 5).certificate };
        let pool = Paged(
            vec![root_named("A", 8).certificate, root_named("B", 9).certificate, own],
            fault,
            Default::default(),
        );
        let url = "https://pool.example/rootcertificates?rootType=V2G&page=1";
        let watch = Rounds::of(RootPoolProbe, url, Subject::RootPool(roots()));
        let round = Round {
            fetch: &pool,
            limits: &watch.limits,
            now: watch.now,
            number: 0,
            timeout: Duration::from_secs(15),
            random: [7; 32],
        };
        let probed = RootPoolProbe.probe(&watch.target, round, &watch.memory).await;
        (codes(&probed.findings), pool.2.into_inner().unwrap())
    }

    #[tokio::test]
    async fn a_pool_in_pages_is_read_to_its_end() {
        let (codes, asked) = paged(true, |_| None).await;
        assert_eq!(codes, []);
        let page =
            |page| format!("https://pool.example/rootcertificates?rootType=V2G&page={page}&pageSize=1");
        assert_eq!(asked[1..], [page(2), page(3)]);
        assert_eq!(paged(false, |_| None).await.0, [Code::RootPoolMismatch]);
    }

    #[tokio::test]
    async fn a_page_that_does_not_come_is_the_fault_and_not_also_the_root_on_it() {
        let gone = |page| (page == 2).then(|| Answer { status: 500, ..answer("text/plain", "no") });
        assert_eq!(paged(true, gone).await.0, [Code::HttpStatus]);
        let no_pool = |page| (page == 3).then(|| answer("application/json", "{}"));
        assert_eq!(paged(true, no_pool).await.0, [Code::RootPoolMismatch]);
    }

    #[tokio::test]
    async fn a_pool_that_says_it_has_no_end_is_read_to_ours() {
        let endless = |page: u64| {
            let pool = json!({ "rootCertificateCollection": [], "page": page, "totalPages": u64::MAX });
            Some(answer("application/json", pool.to_string()))
        };
        let (codes, asked) = paged(true, endless).await;
        assert_eq!((codes, asked.len()), (vec![Code::RootPoolMismatch], 100));
    }

    proptest! {
        #[test]
        fn no_bytes_panic_and_none_are_a_pool(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(!judge(&bytes, &Further::default(), &roots()).is_empty());
        }
    }
}
