//! `ctl-client authorize` as people and a station's software use it.

use std::process::{Command, Output};

use super::*;

/// A device as the program has it, by the real clock: gamma's PKI is of today.
struct Program {
    folder: tempfile::TempDir,
    repository: Repository,
    gamma: Pki,
}

impl Program {
    fn new() -> Self {
        let mut repository = Repository::of_today();
        let not_before = repository.now.minus_seconds(30 * DAY).unix();
        let gamma = Pki::generate(&PkiSpec { not_before, ..spec("gamma") }).unwrap();
        let root = anchor_with("gamma", gamma.root().certificate());
        repository.set_list(&na(), vec![anchor("alpha"), root]);
        repository.publish(&na());
        repository.refresh();
        let program = Self { folder: tempfile::tempdir().unwrap(), repository, gamma };
        program.put("root.json", &program.repository.first_root());
        program.put("chain.pem", &pem(presented(&program.gamma)));
        let url = format!("file://{}", program.at("repository"));
        let root = program.at("root.json");
        assert!(program.run(&["init", "--url", &url, "--root", &root, "--list", "na"]).status.success());
        program.sync();
        program
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.at(name), bytes).unwrap();
        self.at(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ctl-client"));
        command.args(["--dir", &self.at("state")]).args(arguments);
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    fn sync(&self) {
        self.repository.write(self.at("repository").as_ref());
        let output = self.run(&["sync", "--once"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn the_command_says_yes_by_its_exit_status_and_no_with_what_to_do() {
    let program = Program::new();
    let chain = program.at("chain.pem");
    let output = program.run(&["authorize", &chain]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && text.starts_with("Accepted  DESBXC"), "{text}");
    let evil = program.put("evil.pem", &pem(presented(&pki("evil"))));
    let output = program.run(&["authorize", &evil]);
    let text = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(text.starts_with("CertChainError") && text.contains("REFUSED unknown-root"), "{text}");
    assert!(text.contains("What to do: "), "{text}");
    let output = program.run(&["authorize", &chain, "--json", "--strict"]);
    let verdict: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((output.status.code(), &verdict["certificateStatus"]), (Some(1), &json!("CertChainError")));
    assert_eq!(verdict["reasons"][0]["code"], "revocation-not-asked");
    for arguments in [
        vec!["authorize"],
        vec!["authorize", "nowhere.pem"],
        vec!["authorize", &chain, "--crl", &evil],
        vec!["authorize", &chain, "--ocsp", &chain],
    ] {
        let output = program.run(&arguments);
        assert!(!output.status.success() && !output.stderr.is_empty(), "{arguments:?}");
    }
}

#[cfg(feature = "back-end")]
#[test]
fn a_station_asks_over_http_and_hears_of_a_suspension_with_the_next_car() {
    let mut program = Program::new();
    let chain = pem(presented(&program.gamma));
    let output = program.run(&["authorize", "--listen", "0.0.0.0:0"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("only this machine may ask"));

    let (mut child, address) =
        crate::fleet::listening(program.command(&["authorize", "--listen", "127.0.0.1:0"]));
    let address: SocketAddr = address.parse().unwrap();
    let ask = |method: &str, body: &[u8]| {
        let head = format!(
            "{method} /v1/authorize HTTP/1.1\r\nhost: station\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        let (status, body) = exchange(address, &[head.as_bytes(), body].concat());
        (status, serde_json::from_slice::<Value>(&body).unwrap())
    };
    let (status, verdict) = ask("POST", &chain);
    assert!(status.contains("200"), "{status}");
    assert_eq!(verdict["certificateStatus"], "Accepted", "{verdict}");
    let (status, verdict) = ask("POST", b"");
    assert!(status.contains("200"), "{status}");
    assert_eq!(verdict["certificateStatus"], "NoCertificateAvailable");
    assert!(ask("GET", b"").0.contains("405"));
    assert!(ask("POST", &vec![b'x'; 65 * 1024]).0.contains("413"));

    let now = program.repository.now;
    let mut notice = notice(0, "na", "gamma", now.plus_seconds(30 * DAY));
    let root = program.gamma.root().certificate();
    notice["anchor"] = json!(ctl_core::Digest::from_bytes(root.sha256()));
    notice["spki"] = json!(ctl_core::Digest::from_bytes(root.spki_sha256()));
    notice["issued_at"] = json!(now);
    program.repository.set_notices(vec![notice]);
    program.repository.publish(&Role::Notices);
    program.repository.refresh();
    program.sync();
    let (_, verdict) = ask("POST", &chain);
    assert_eq!(verdict["certificateStatus"], "CertChainError", "{verdict}");
    assert_eq!(verdict["reasons"][0]["code"], "distrusted");

    // What cannot be read any more is not trusted any more.
    std::fs::remove_dir_all(program.at("state/objects")).unwrap();
    std::fs::write(program.at("state/state.json"), b"{}").unwrap();
    std::fs::remove_file(program.at("state/state.backup.json")).unwrap();
    let (status, _) = ask("POST", &chain);
    assert!(status.contains("503"), "{status}");
    child.kill().unwrap();
    child.wait().unwrap();
}
