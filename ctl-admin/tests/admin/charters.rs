//! The charter as people write it, with a list that is signed as an SAE list in CMS, too: the template's own lines, and what
//! is wrong with others, by name.

use std::fs;
use std::path::{Path, PathBuf};

use ctl_admin::key;
use ctl_admin::output::Render as _;
use ctl_admin::signer::charter::{self, TEMPLATE};
use ctl_core::keys::Algorithm;
use ctl_core::parts::Der;
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::charter::ServerKeys;
use ctl_pki::pem_block;
use ctl_sandbox::shape::Shape;

use crate::common::story::certificates::{CODE_SIGNING, ca, for_key, issue};

const SIGNERS: [&str; 3] = ["signer-a", "signer-b", "signer-c"];

/// A folder with the template and everything that it names, its lines of CMS among them.
struct Folder {
    directory: tempfile::TempDir,
    text: String,
}

impl Folder {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let text = TEMPLATE.replace("\n# sae_cms = ", "\nsae_cms = ");
        assert_ne!(text, TEMPLATE);
        let folder = Self { directory, text };
        for name in ["keys", "certificates"] {
            fs::create_dir(folder.path(name)).unwrap();
        }
        for line in TEMPLATE.lines().filter_map(|line| line.strip_prefix("key = \"")) {
            let name = line.trim_end_matches('"');
            let p256 = SIGNERS.iter().any(|signer| name.contains(signer));
            folder.key(name, if p256 { Algorithm::Es256 } else { Algorithm::EdDsa });
        }
        let server = ["log", "recorder", "snapshot", "timestamp"].map(|name| {
            folder.key(name, Algorithm::EdDsa);
            key::load(&folder.path(name).with_extension("pem")).unwrap().public_key()
        });
        let [log, recorder, snapshot, timestamp] = server;
        let log_origin = "ctl.example/test".parse().unwrap();
        let server = ServerKeys { log_origin, log, recorder, snapshot, timestamp };
        fs::write(folder.path("server-keys.json"), serde_json::to_vec(&server).unwrap()).unwrap();
        folder.put("ca", &ca("list signing CA"));
        for signer in SIGNERS {
            folder.put(signer, &issue(folder.shape(signer)));
        }
        folder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn key(&self, public: &str, algorithm: Algorithm) {
        let private = self.path(public).with_extension("pem");
        let _ = fs::remove_file(&private);
        let _ = fs::remove_file(private.with_extension("pub"));
        key::new(&private, algorithm).unwrap();
    }

    /// What a certificate for this signer's key says.
    fn shape(&self, signer: &str) -> Shape {
        for_key(signer, &fs::read_to_string(self.path(&format!("keys/{signer}.pem"))).unwrap())
    }

    fn put(&self, name: &str, der: &Der) {
        let path = self.path(&format!("certificates/{name}.pem"));
        fs::write(path, pem_block("CERTIFICATE", &der.0)).unwrap();
    }

    fn found(&self, text: &str) -> Result<String, String> {
        let (file, out) = (self.path("charter.toml"), self.path("founding"));
        fs::write(&file, text).unwrap();
        let now = Timestamp::from_unix(1_800_000_000);
        charter::new(&file, &self.path("server-keys.json"), &out, now).map_err(|error| error.to_string())?;
        Ok(charter::request(&out).unwrap().text())
    }

    /// Refused, with these words, when a scheme is founded with this text.
    #[track_caller]
    fn refused(&self, text: &str, words: &[&str]) {
        let error = self.found(text).unwrap_err();
        for word in words {
            assert!(error.contains(word), "{word}: {error}");
        }
        assert!(!Path::new(&self.path("founding")).exists(), "nothing was made: {error}");
    }
}

#[test]
fn the_templates_lines_are_read_and_told_in_words() {
    let folder = Folder::new();
    let text = folder.found(&folder.text).unwrap();
    let digest = |name: &str| Digest::of(&issue(folder.shape(name)).0).to_string();
    assert!(text.contains("signed as an SAE list in CMS, too"), "{text}");
    assert!(text.contains(&Digest::of(&ca("list signing CA").0).to_string()), "{text}");
    for signer in SIGNERS {
        let line = format!("in CMS {signer} signs with \"CN={signer}\", valid ");
        assert!(text.contains(&line) && text.contains(&digest(signer)), "{signer}\n{text}");
    }
    // An elector writes the same to amend a charter; DER is as good as PEM.
    fs::write(folder.path("certificates/ca.pem"), ca("list signing CA").0).unwrap();
    let server = charter::read_server_keys(&folder.path("server-keys.json")).unwrap();
    let amended = charter::read_amendment(&folder.path("charter.toml"), server).unwrap();
    let cms = amended.lists[&"na".parse().unwrap()].sae_cms.clone().unwrap();
    assert_eq!((cms.ca, cms.signers.len()), (ca("list signing CA"), 3));
}

#[test]
fn lines_that_are_none_are_refused_by_name() {
    let folder = Folder::new();
    let line = folder.text.lines().find(|line| line.starts_with("sae_cms")).unwrap().to_owned();
    let with = |other: &str| folder.text.replace(&line, other);
    let change = |from: &str, to: &str| {
        assert!(line.contains(from), "{from}");
        with(&line.replace(from, to))
    };
    folder.refused(&with("sae_cms = true"), &["charter.toml", "sae_cms"]);
    folder.refused(
        &with("sae_cms = { ca = \"certificates/ca.pem\" }"),
        &["charter.toml", "missing field `signers`"],
    );
    folder.refused(&change("ca = ", "threshold = 2, ca = "), &["unknown field `threshold`"]);
    folder.refused(&change("signer-c = ", "\"signer c\" = "), &["charter.toml", "signer c"]);
    folder.refused(&change("signer-c = ", "signer-b = "), &["charter.toml", "duplicate key"]);
    folder.refused(&change("ca.pem", "nowhere.pem"), &["nowhere.pem"]);
    // What can be read and cannot be carried out is named by its place in the charter.
    folder.refused(
        &change(", signer-c = \"certificates/signer-c.pem\"", ""),
        &["lists.na.sae_cms.signers.signer-c", "there is no certificate: each signer of the list needs one"],
    );
    folder.refused(
        &change("signer-c = ", "elector-a = "),
        &["lists.na.sae_cms.signers.elector-a", "it is no signer of this list"],
    );
    folder.refused(
        &change("signer-c.pem", "signer-b.pem"),
        &["lists.na.sae_cms.signers.signer-c", "another key than the one registered"],
    );
    folder.refused(&change("ca.pem", "signer-a.pem"), &["lists.na.sae_cms.ca", "not one of a CA"]);
}

#[test]
fn certificates_that_are_not_for_this_are_refused_by_name() {
    let folder = Folder::new();
    let refused = |words: &[&str]| folder.refused(&folder.text, words);
    let two = [ca("list signing CA"), ca("another CA")].map(|der| pem_block("CERTIFICATE", &der.0)).concat();
    fs::write(folder.path("certificates/ca.pem"), two).unwrap();
    refused(&["ca.pem"]);
    fs::copy(folder.path("keys/signer-a.pem"), folder.path("certificates/ca.pem")).unwrap();
    refused(&["ca.pem"]);
    folder.put("ca", &ca("another CA"));
    refused(&["lists.na.sae_cms.signers.signer-a", "not issued by the CA named here"]);
    folder.put("ca", &ca("list signing CA"));

    let b = || folder.shape("signer-b");
    let both = [0x30, 0x14, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 3, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, 4];
    let (eku, serial) = ("2.5.29.37", "another signer's certificate has its serial number");
    for (shape, words) in [
        (b().extension(eku, false, CODE_SIGNING), "must be critical and codeSigning alone"),
        (b().extension(eku, true, &both), "must be critical and codeSigning alone"),
        (b().without_extension(eku), "must be critical and codeSigning alone"),
        (b().key_usage(&[5]), "lacks digitalSignature"),
        (b().serial(1_000), serial),
    ] {
        folder.put("signer-a", &issue(folder.shape("signer-a").serial(1_000)));
        folder.put("signer-b", &issue(shape));
        refused(&["lists.na.sae_cms.signers.signer-b", words]);
    }
    folder.put("signer-b", &issue(b()));
    folder.key("keys/signer-c.pub", Algorithm::EdDsa);
    refused(&["lists.na.sae_cms.signers.signer-c", "not P-256", "rotate it to one that is"]);
}
