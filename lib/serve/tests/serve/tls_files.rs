//! The files of TLS: what does not fit keeps a program from starting, and a running one from taking it.

use std::time::Duration;

use ctl_serve::settings::Tls;
use ctl_serve::{Http, Listeners};

use crate::certificates::{
    BOTH, Files, LONG_AGO, Pair, Stream, answered, ask, client, get, pem, root, shake,
};
use crate::service::Served;

/// Longer than anything here takes; only a failing test waits for so long.
const DEADLINE: Duration = Duration::from_secs(60);

fn shown(stream: &Stream) -> Vec<u8> {
    stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
}

async fn until_shown(served: &Served, der: &[u8]) {
    let seen = async {
        while shown(&shake(served, client(&BOTH, None)).await.unwrap()) != der {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, seen).await.expect("the certificate is never shown");
}

/// Waits until the metrics say whether the files are refused, over a connection that is open already.
async fn until_refused(stream: &mut Stream, refused: bool) {
    let line = format!("ctl_tls_certificate_refused {}\n", u8::from(refused));
    let seen = async {
        while !ask(stream, &get("/metrics")).await.unwrap().text().contains(&line) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, seen).await.unwrap_or_else(|_| panic!("never: {line}"));
}

#[tokio::test]
async fn a_renewed_certificate_is_served_and_open_connections_go_on() {
    let (old, new) =
        (Pair::issued("Root", "server"), Pair::issued_until("Root", "renewed", Some(2_000_000_000)));
    let files = Files::new(&old);
    let served = Served::start(Http { tls: Some(files.tls()), ..Http::default() }).await;
    let mut open = shake(&served, client(&BOTH, None)).await.unwrap();
    assert_eq!(shown(&open), old.der);
    let metrics = ask(&mut open, &get("/metrics")).await.unwrap().text();
    let ends = |pair: &Pair| format!("ctl_tls_certificate_expires_timestamp_seconds {}\n", pair.not_after);
    assert!(metrics.contains(&ends(&old)), "{metrics}");
    files.put(&new);
    until_shown(&served, &new.der).await;
    until_refused(&mut open, false).await;
    let metrics = ask(&mut open, &get("/metrics")).await.unwrap().text();
    assert!(metrics.contains(&ends(&new)), "{metrics}");
}

#[tokio::test]
async fn what_does_not_fit_is_not_taken_until_it_does() {
    let (old, new) = (Pair::issued("Root", "server"), Pair::issued("Root", "renewed"));
    let files = Files::new(&old);
    let served = Served::start(Http { tls: Some(files.tls()), ..Http::default() }).await;
    let mut open = shake(&served, client(&BOTH, None)).await.unwrap();
    let expired = Pair::issued_until("Root", "expired", Some(LONG_AGO));
    let whole = pem("CERTIFICATE", &new.der);
    let spoil: [(&str, &dyn Fn()); 6] = [
        ("another's key", &|| files.put_key(&new.key)),
        ("no key", &|| std::fs::remove_file(files.path("key.pem")).unwrap()),
        ("a key that others read", &|| files.write("key.pem", &pem("PRIVATE KEY", &old.key), 0o644)),
        ("half a certificate", &|| files.write("chain.pem", &whole[..whole.len() / 2], 0o644)),
        ("an issuer who is none", &|| {
            files.write(
                "chain.pem",
                &(pem("CERTIFICATE", &old.der) + &pem("CERTIFICATE", &root("Another"))),
                0o644,
            );
        }),
        ("a certificate that has ended", &|| files.put(&expired)),
    ];
    for (what, spoil) in spoil {
        spoil();
        until_refused(&mut open, true).await;
        assert_eq!(shown(&shake(&served, client(&BOTH, None)).await.unwrap()), old.der, "{what}");
        files.put(&old);
        until_refused(&mut open, false).await;
    }
    files.put(&new);
    until_shown(&served, &new.der).await;
}

#[tokio::test]
async fn roots_of_clients_are_taken_anew_as_well() {
    let files = Files::new(&Pair::issued("Root", "server"));
    let served = Served::start(Http { tls: Some(files.tls_asking("Clients")), ..Http::default() }).await;
    let own = Pair::issued("Clients", "one");
    assert!(answered(&served, client(&BOTH, Some(&own)), &get("/v1/who")).await.is_ok());
    files.write("clients.pem", &pem("CERTIFICATE", &root("Others")), 0o644);
    let refused = async {
        while answered(&served, client(&BOTH, Some(&own)), &get("/v1/who")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(DEADLINE, refused).await.expect("still trusted");
}

#[tokio::test]
async fn a_start_says_what_does_not_fit_and_serves_what_has_ended() {
    let pair = Pair::issued("Root", "server");
    let files = Files::new(&pair);
    let listen = "127.0.0.1:0".parse().unwrap();
    let start = async |tls: Tls| {
        let http = Http { listen, tls: Some(tls), ..Http::default() };
        Listeners::bind(&http).await.map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(start(files.tls()).await, Ok(()));
    let certificate = files.path("none.pem");
    let none = start(Tls { certificate, ..files.tls() }).await.unwrap_err();
    assert!(none.contains("none.pem"), "{none}");
    let no_key = start(Tls { key: files.path("chain.pem"), ..files.tls() }).await.unwrap_err();
    assert!(no_key.contains("chmod 600"), "{no_key}");
    files.write("ec.pem", &pem("EC PRIVATE KEY", &pair.key), 0o600);
    let sec1 = start(Tls { key: files.path("ec.pem"), ..files.tls() }).await.unwrap_err();
    assert!(sec1.contains("openssl pkcs8 -topk8 -nocrypt"), "{sec1}");
    files.put_key(&Pair::issued("Root", "another").key);
    let other = start(files.tls()).await.unwrap_err();
    assert!(other.contains("does not belong to"), "{other}");
    files.put(&pair);
    let roots = start(Tls { client_roots: vec![files.path("key.pem")], ..files.tls() }).await.unwrap_err();
    assert!(roots.contains("no PEM certificate"), "{roots}");
    let open = Tls { plain: Some("0.0.0.0:0".parse().unwrap()), ..files.tls() };
    assert!(start(open).await.unwrap_err().contains("plain_for_all"));
    files.put(&Pair::issued_until("Root", "server", Some(LONG_AGO)));
    assert_eq!(start(files.tls()).await, Ok(()), "there is no other, and callers judge for themselves");
}
