//! Pools and lists that are asked for over the network, by services that may be anybody's.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_fetch::{Answer, Exchange, Fetch, Fetcher, Request, Timings};
use ctl_pki::Certificate;
use ctl_sources::{Contents, Format, Source, SourceError};

use crate::network::names::Names;
use crate::network::{Server, options};
use crate::{certificates, now, root};

fn items(roots: &[Certificate]) -> String {
    let item = |root: &Certificate| format!(r#"{{"caCertificate":"{}"}}"#, STANDARD.encode(root.der()));
    roots.iter().map(item).collect::<Vec<_>>().join(",")
}

fn opcp(roots: &[Certificate]) -> String {
    format!(r#"{{"RootCertificateCollection":{{"rootCertificates":[{}]}}}}"#, items(roots))
}

fn opnc(roots: &[Certificate], page: u64, pages: u64) -> String {
    let items = items(roots);
    format!(r#"{{"rootCertificateCollection":[{items}],"page":{page},"pageSize":1,"totalPages":{pages}}}"#)
}

/// Answers from memory, and remembers what it was asked.
struct Memory<F> {
    answers: F,
    asked: Mutex<Vec<Request>>,
}

impl<F: Fn(&Request, usize) -> (u16, String) + Send + Sync> Memory<F> {
    fn new(answers: F) -> Self {
        Self { answers, asked: Mutex::default() }
    }

    fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }
}

impl<F: Fn(&Request, usize) -> (u16, String) + Send + Sync> Fetch for Memory<F> {
    fn fetch<'a>(&'a self, request: &'a Request) -> Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        let mut asked = self.asked.lock().unwrap();
        let (status, body) = (self.answers)(request, asked.len());
        asked.push(request.clone());
        let answer = Answer { status, headers: Vec::new(), body: body.into(), tls_not_after: None };
        let exchange = Exchange { address: None, timings: Timings::default(), result: Ok(answer) };
        Box::pin(std::future::ready(vec![exchange]))
    }
}

fn page_of(request: &Request) -> u64 {
    let page = request.url.split("page=").nth(1).map(|rest| rest.split('&').next().unwrap());
    page.map_or(1, |page| page.parse().unwrap())
}

async fn pool(
    answers: impl Fn(&Request, usize) -> (u16, String) + Send + Sync,
) -> Result<Contents, SourceError> {
    Source::at("https://pool.example/opnc/v1/rcp/rootcertificates?pkiType=V2G")
        .read(&Memory::new(answers), now())
        .await
}

#[tokio::test]
async fn a_pool_in_pages_is_read_to_its_end() {
    let roots = ["One", "Two", "Three"].map(root);
    let memory = Memory::new(|request: &Request, _| {
        let page = page_of(request);
        (200, opnc(&[roots[usize::try_from(page).unwrap() - 1].clone()], page, 3))
    });
    let source = Source::at("https://pool.example/opnc/v1/rcp/rootcertificates?pkiType=V2G");
    let contents = source.read(&memory, now()).await.unwrap();
    assert_eq!((contents.format, certificates(&contents)), (Format::Opnc, roots.to_vec()));
    assert_eq!(contents.items[2].place, "page 3, item 1");
    let asked: Vec<String> = memory.asked().into_iter().map(|request| request.url).collect();
    assert_eq!(asked[2], "https://pool.example/opnc/v1/rcp/rootcertificates?pkiType=V2G&page=3&pageSize=1");
}

#[tokio::test]
async fn a_pool_that_is_not_read_whole_is_not_read() {
    let one = [root("One")];
    let broken = |page: u64, fault: fn(u64) -> (u16, String)| {
        let one = one.clone();
        pool(move |request: &Request, _| match page_of(request) {
            found if found == page => fault(page),
            found => (200, opnc(&[one[0].clone(), root(&found.to_string())], found, 3)),
        })
    };
    for (page, fault, expected) in [
        (
            1,
            (|_| (200, opnc(&[], 1, u64::MAX))) as fn(u64) -> (u16, String),
            "says that it has 18446744073709551615 pages",
        ),
        (1, |_| (200, "<html>".into()), "HTML"),
        (1, |_| (403, String::new()), "403: the token, key or client certificate is known there"),
        (1, |_| (302, String::new()), "answers 302"),
        (2, |_| (500, String::new()), "answers 500"),
        (2, |_| (200, "<html>".into()), "page=2&pageSize=1: it is an HTML"),
        (2, |_| (200, opnc(&[root("One"), root("1")], 1, 3)), "is the first one again"),
        (2, |_| (200, opnc(&[root("Other")], 1, 3)), "page 2 was asked for, and page 1 came"),
        (2, |_| (200, opnc(&[root("Other")], 2, 4)), "has no end"),
    ] {
        let error = broken(page, fault).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    let crowded = pool(|request: &Request, _| {
        let page = page_of(request);
        (200, opnc(&[], page, 3).replace("[]", &format!("[{page}{}]", ",0".repeat(5_000))))
    });
    assert!(crowded.await.unwrap_err().to_string().contains("more than 10000 items"));
}

fn secret(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
    fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o600)).unwrap();
}

fn source(folder: &Path, text: &str) -> Source {
    let mut source: Source = toml::from_str(text).unwrap();
    source.relative_to(folder);
    source
}

fn header(request: &Request, name: &str) -> Option<String> {
    request.headers.iter().find(|header| header.name == name).map(|header| header.value.clone())
}

#[tokio::test]
async fn tokens_and_keys_come_from_files_and_go_over_tls_only() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    secret(here, "token", " abc.def\n");
    secret(here, "key", "k");
    let memory = Memory::new(|_: &Request, _| (200, opcp(&[root("One")])));
    let text =
        "place = \"https://pool.example/pool/rootCerts\"\naccess = { bearer = \"token\", api_key = \"key\" }";
    source(here, text).read(&memory, now()).await.unwrap();
    let [asked] = &memory.asked()[..] else { panic!("once") };
    assert_eq!(header(asked, "authorization").as_deref(), Some("Bearer abc.def"));
    assert_eq!(header(asked, "x-api-key").as_deref(), Some("k"));
    assert!(!format!("{asked:?}").contains("abc"));

    let refused = async |text: &str| {
        let memory = Memory::new(|_: &Request, _| panic!("nobody is asked"));
        source(here, text).read(&memory, now()).await.unwrap_err().to_string()
    };
    let plain = refused(&text.replace("https", "http")).await;
    assert!(plain.contains("https only"), "{plain}");
    let user = refused(&text.replace("pool.example", "us:hidden@pool.example")).await;
    assert!(user.contains("pool.example names a user") && !user.contains("hidden"), "{user}");
    assert!(!source(here, &text.replace("://", "://us:hidden@")).place.to_string().contains("hidden"));
    secret(here, "token", "two words");
    assert!(refused(text).await.contains("one word"));
    fs::set_permissions(here.join("token"), fs::Permissions::from_mode(0o644)).unwrap();
    assert!(refused(text).await.contains("chmod 600"));
}

const OAUTH: &str = r#"
    place = "https://pool.example/pool/rootCerts"
    [access.oauth]
    token_url = "https://login.example/oauth/token"
    client_id = "us"
    client_secret = "secret"
    audience = "pool"
"#;

#[tokio::test]
async fn a_token_is_asked_for_and_once_more_if_it_is_not_taken() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    secret(here, "secret", "s&s");
    let service = |good: &'static str| {
        Memory::new(move |request: &Request, number| match &request.body {
            Some(_) => (200, format!(r#"{{"access_token":"t{number}","expires_in":60}}"#)),
            None if header(request, "authorization").unwrap() == good => (200, opcp(&[root("One")])),
            None => (401, "Jwt is expired".into()),
        })
    };
    let memory = service("Bearer t2");
    source(here, OAUTH).read(&memory, now()).await.unwrap();
    let asked = memory.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked.iter().all(|request| !format!("{request:?}").contains("s&s")), "{:?}", asked[0]);
    let sent: BTreeMap<String, String> = serde_json::from_slice(asked[0].body.as_ref().unwrap()).unwrap();
    let expected = [
        ("audience", "pool"),
        ("client_id", "us"),
        ("client_secret", "s&s"),
        ("grant_type", "client_credentials"),
    ];
    assert_eq!(sent, expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());

    // Whoever takes no token is not asked for ever.
    let memory = service("none");
    let error = source(here, OAUTH).read(&memory, now()).await.unwrap_err();
    assert!(matches!(error, SourceError::Status { status: 401, .. }), "{error}");
    assert_eq!(memory.asked().len(), 4);

    // Nor is a secret sent in the clear, but on this machine.
    let memory = service("Bearer t0");
    let clear = OAUTH.replace("https://login", "http://login");
    let error = source(here, &clear).read(&memory, now()).await.unwrap_err().to_string();
    assert!(
        error.contains("http://login.example/oauth/token: tokens and keys go over https only"),
        "{error}"
    );
    for name in ["localhost", "127.0.0.1:8080", "[::1]"] {
        let here_only = OAUTH.replace("https://pool.example", &format!("http://{name}"));
        let here_only = here_only.replace("https://login.example", &format!("http://{name}"));
        source(here, &here_only).read(&service("Bearer t0"), now()).await.unwrap();
    }
    assert!(memory.asked().is_empty());

    let memory = service("Bearer t0");
    source(here, &format!("{OAUTH}body = \"form\"")).read(&memory, now()).await.unwrap();
    let [question, _] = &memory.asked()[..] else { panic!("two") };
    assert_eq!(question.content_type, Some("application/x-www-form-urlencoded"));
    assert!(String::from_utf8_lossy(question.body.as_ref().unwrap()).contains("client_secret=s%26s"));
}

#[tokio::test]
async fn what_is_no_token_is_not_sent_and_not_shown() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    secret(here, "secret", "s");
    for (status, body) in [
        (401, r#"{"access_token":"leaked"}"#.to_owned()),
        (200, "leaked".into()),
        (200, r#"{"access_token":"leaked\r\nhost: other"}"#.into()),
        (200, r#"{"access_token":""}"#.into()),
        (200, format!(r#"{{"access_token":"leaked{}"}}"#, "a".repeat(20_000))),
    ] {
        let memory = Memory::new(move |_: &Request, _| (status, body.clone()));
        let error = source(here, OAUTH).read(&memory, now()).await.unwrap_err();
        assert!(matches!(error, SourceError::Token { .. }), "{error}");
        assert!(!error.to_string().contains("leaked"), "{error}");
        assert_eq!(memory.asked().len(), 1);
    }
}

/// Asks a server on this machine, for so many seconds at most.
async fn asked(server: &Server, seconds: u64) -> Result<Contents, SourceError> {
    let names = Names::new(&[("pki.example", &["127.0.0.1"]), ("other.example", &["127.0.0.1"])]);
    let fetcher = Fetcher::with_resolver(&options(&["127.0.0.0/8"]), Box::new(names)).unwrap();
    let source =
        Source { timeout: Duration::from_secs(seconds), ..Source::at(server.url("/pool/rootCerts")) };
    source.read(&fetcher, now()).await
}

fn http(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn hostile_services_are_named_and_cost_what_they_may() {
    let server = Server::says(http("200 OK", "", &opcp(&[root("One")])).as_bytes()).await;
    assert_eq!(certificates(&asked(&server, 20).await.unwrap()), [root("One")]);
    for (said, expected) in [
        (http("200 OK", "Content-Type: application/json\r\n", "<html>no</html>"), "HTML"),
        (http("200 OK", "Content-Encoding: gzip\r\n", "\x1f"), "compressed"),
        (http("302 Found", "Location: http://other.example/\r\n", ""), "another host"),
        (http("302 Found", "Location: /\r\n", ""), "more than 3 redirects"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n".into(), "more than 16777216 bytes"),
        (format!("HTTP/1.1 200 OK\r\n\r\n{}", "a".repeat(17 << 20)), "more than 16777216 bytes"),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{}", opcp(&[])), "broke off"),
    ] {
        let server = Server::says(said.as_bytes()).await;
        let error = asked(&server, 20).await.unwrap_err().to_string();
        assert!(error.contains(expected), "{expected}: {error}");
    }
    for server in [
        Server::trickles(b"X: y\r\n", Duration::from_millis(20)).await,
        Server::says_and_stays(b"HTTP/1.1 200 OK\r\n\r\n{\"RootCertificateCollection\":").await,
        Server::slow(b"", Duration::from_secs(60)).await,
    ] {
        let error = asked(&server, 1).await.unwrap_err().to_string();
        assert!(error.contains(" within "), "{error}");
    }
}

#[tokio::test]
async fn a_place_of_tokens_that_sends_round_in_circles_is_left() {
    let directory = tempfile::tempdir().unwrap();
    secret(directory.path(), "secret", "s");
    let login = Server::says(http("307 Temporary Redirect", "Location: /again\r\n", "").as_bytes()).await;
    let token_url = format!("http://127.0.0.1:{}/oauth/token", login.address.port());
    let source = source(directory.path(), &OAUTH.replace("https://login.example/oauth/token", &token_url));
    let fetcher = Fetcher::new(&options(&["127.0.0.0/8"])).unwrap();
    let error = source.read(&fetcher, now()).await.unwrap_err();
    assert!(error.to_string().contains("more than 3 redirects"), "{error}");
    assert_eq!(login.connections(), 4);
}

#[tokio::test]
async fn an_address_that_only_this_machine_may_ask_is_not_asked() {
    let fetcher = Fetcher::new(&options(&[])).unwrap();
    for url in ["http://127.0.0.1/", "http://[::1]/", "http://169.254.169.254/latest/", "http://10.0.0.1/"] {
        let error = Source::at(url).read(&fetcher, now()).await.unwrap_err();
        assert!(error.to_string().contains("allow"), "{error}");
    }
}

/// A pool whose gateway asks for a certificate, as those of the field do.
#[tokio::test]
async fn a_certificate_is_shown_to_a_pool_that_wants_one_and_to_no_other_place_than_tls() {
    let tls = crate::network::mutual_tls("pki.example", &tokio_rustls::rustls::version::TLS13);
    let server = Server::tls(&tls, http("200 OK", "", &opcp(&[root("One")])).as_bytes()).await;
    let trusting = ctl_fetch::Options { tls_roots: vec![tls.root.clone()], ..options(&["127.0.0.0/8"]) };
    let names = Names::new(&[("pki.example", &["127.0.0.1"])]);
    let fetcher = Fetcher::with_resolver(&trusting, Box::new(names)).unwrap();
    let [certificate, _] = tls.client("CN=Root");
    let here = certificate.parent().unwrap();
    secret(here, "token", "abc.def");
    let place = format!("place = \"https://pki.example:{}/pool/rootCerts\"\n", server.address.port());
    let own = "access.client_certificate = \"client.pem\"\naccess.client_key = \"client.key\"\n";
    let read = async |text: &str| source(here, text).read(&fetcher, now()).await;

    let error = read(&place).await.unwrap_err().to_string();
    assert!(error.contains("asked for a client certificate"), "{error}");
    let text = format!("{place}{own}access.bearer = \"token\"");
    assert_eq!(certificates(&read(&text).await.unwrap()), [root("One")]);
    assert!(server.asked().contains("authorization: Bearer abc.def"), "{}", server.asked());
    let _stranger = tls.client("CN=Stranger");
    let error = read(&text).await.unwrap_err().to_string();
    assert!(error.contains("ended when ours was shown"), "{error}");

    let before = server.connections();
    for (text, words) in [
        (text.replace("https", "http"), "shown over https only"),
        (text.replace("https://pki.example", "http://127.0.0.1"), "shown over https only"),
        (text.replace("access.client_key = \"client.key\"", ""), "needs its key"),
        (text.replace("access.client_certificate = \"client.pem\"", ""), "needs its certificate"),
        (text.replace("client.key", "client.pem"), "chmod 600"),
        (text.replace("client.key", "token"), "no private key"),
        (format!("place = \"client.pem\"\n{own}"), "a file needs no token, key or client certificate"),
    ] {
        let error = read(&text).await.unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
        assert!(!error.contains("abc.def"), "{error}");
    }
    assert_eq!(server.connections(), before, "nobody was asked");
    // What speaks no TLS could not show it.
    let memory = Memory::new(|_: &Request, _| panic!("nobody is asked"));
    let error = source(here, &text).read(&memory, now()).await.unwrap_err().to_string();
    assert!(error.contains("no TLS to show"), "{error}");
}
