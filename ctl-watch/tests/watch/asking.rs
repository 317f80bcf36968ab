//! `ctl-watch probe`, as operators run it against their own services.

use std::path::Path;
use std::process::Command;

use ctl_sandbox::live::{Kind, Live, Options};
use ctl_sandbox::{PkiKind, PkiSpec};

/// Asks from another process; whether all was in order, and what it said.
async fn ask(live: &Live, kind: Kind, folder: &Path, more: &[&str]) -> (bool, String) {
    let url = live.urls("aurora", kind).unwrap().remove(0);
    let host = url::Url::parse(&url).unwrap().host_str().unwrap().to_owned();
    let mut command = Command::new(env!("CARGO_BIN_EXE_ctl-watch"));
    command.args(["probe", kind.as_str(), &url, "--allow", "127.0.0.0/8", "--host"]);
    command.arg(format!("{host}=127.0.0.1")).args(["--issuer", "root.pem", "--tls-root", "tls-root.pem"]);
    command.args(more).current_dir(folder);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let text = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    (output.status.success(), text.concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn est_in_order_is_called_so_and_a_root_that_is_on_no_list_is_named() {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let begin = i64::try_from(now).unwrap() - 86_400;
    let spec = PkiSpec::new(PkiKind::V2g, "Aurora", "NL", "Aurora", "asking", begin);
    let live = Live::start(Options::new(vec![spec])).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
    write("root.pem", live.pki("aurora").unwrap().root().certificate().to_pem());
    write("tls-root.pem", live.tls_root_pem());

    for kind in [Kind::Est, Kind::RootPool] {
        let (is_in_order, said) = ask(&live, kind, folder.path(), &[]).await;
        assert!(is_in_order, "{kind}: {said}");
        assert!(said.contains("no findings"), "{said}");
    }
    let (is_in_order, said) = ask(&live, Kind::Est, folder.path(), &["--known", "root.pem"]).await;
    assert!(is_in_order, "{said}");
    let (is_in_order, said) = ask(&live, Kind::Est, folder.path(), &["--known", "nowhere.pem"]).await;
    assert!(!is_in_order && said.contains("nowhere.pem"), "{said}");

    live.set_fault("aurora", "est", "est_cacerts_mismatch", true).unwrap();
    let (is_in_order, said) = ask(&live, Kind::Est, folder.path(), &[]).await;
    assert!(!is_in_order && said.contains("est_cacerts_mismatch"), "{said}");
}
