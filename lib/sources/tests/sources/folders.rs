//! Stores of chargers and simulators, and folders of whatever somebody sent.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Mutex;

use ctl_fetch::{Exchange, Fetch, Request};
use ctl_pki::pem_block;
use ctl_sources::{Contents, Form, Format, Source, SourceError};

use crate::{certificates, now, root};

/// Files are nobody's to be asked for.
struct Nobody(Mutex<()>);

impl Fetch for Nobody {
    fn fetch<'a>(
        &'a self,
        request: &'a Request,
    ) -> std::pin::Pin<Box<dyn Future<Output = Vec<Exchange>> + Send + 'a>> {
        let _held = self.0.lock().unwrap();
        panic!("{} was asked", request.url)
    }
}

async fn read(path: &Path) -> Result<Contents, SourceError> {
    Source::at(path.display().to_string()).read(&Nobody(Mutex::new(())), now()).await
}

fn put(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

#[tokio::test]
async fn the_stores_of_everest_and_josev_tell_what_their_roots_are_for() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let [one, two, three, four] = ["One", "Two", "Three", "Four"].map(root);
    put(here, "ca/v2g/V2G_ROOT_CA.pem", [one.to_pem(), two.to_pem()].concat());
    put(here, "ca/mo/extra.der", three.der());
    put(here, "iso15118_2/certs/oemRootCACert.der", four.der());
    put(here, "iso15118_2/private_keys/oem.key", pem_block("EC PRIVATE KEY", b"01"));
    put(here, "iso15118_2/certs/broken.pem", "no PEM");
    put(here, "README.md", "how to use this");
    let contents = read(here).await.unwrap();
    assert_eq!((contents.format, certificates(&contents).len()), (Format::Folder, 4));
    let places: Vec<_> =
        contents.items.iter().map(|item| (item.place.as_str(), item.said.to_string())).collect();
    assert_eq!(
        places,
        [
            ("file ca/mo/extra.der", "mo".into()),
            ("file ca/v2g/V2G_ROOT_CA.pem, certificate 1", "v2g".into()),
            ("file ca/v2g/V2G_ROOT_CA.pem, certificate 2", "v2g".into()),
            ("file iso15118_2/certs/broken.pem", String::new()),
            ("file iso15118_2/certs/oemRootCACert.der", "oem, iso15118-2".into()),
        ]
    );
    assert_eq!(contents.told, ["2 files that hold no certificates were left aside"]);
    // The same file by itself tells the same.
    let alone = read(&here.join("ca/mo/extra.der")).await.unwrap();
    assert_eq!(alone.items[0].said.to_string(), "mo");
}

#[tokio::test]
async fn links_are_followed_inside_the_folder_and_never_out_of_it() {
    let directory = tempfile::tempdir().unwrap();
    let (here, outside) = (directory.path().join("store"), directory.path().join("outside"));
    put(&here, ".generation/bundle.pem", root("Inside").to_pem());
    put(&outside, "secret.pem", root("Outside").to_pem());
    fs::create_dir_all(here.join("ca/v2g")).unwrap();
    symlink("../../.generation/bundle.pem", here.join("ca/v2g/V2G_ROOT_CA.pem")).unwrap();
    symlink(outside.join("secret.pem"), here.join("a.pem")).unwrap();
    symlink(&outside, here.join("b")).unwrap();
    symlink(".", here.join("round")).unwrap();
    symlink("nowhere", here.join("c.pem")).unwrap();
    let contents = read(&here).await.unwrap();
    assert_eq!(certificates(&contents), [root("Inside")]);
    let untold: Vec<_> = ["a.pem", "b", "c.pem", "round"]
        .into_iter()
        .filter(|name| !contents.told.iter().any(|told| told.starts_with(&format!("{name} is a link"))))
        .collect();
    assert!(untold.is_empty(), "{untold:?} in {:?}", contents.told);
}

#[tokio::test]
async fn a_folder_that_is_too_much_is_refused_whole() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let deep = here.join("deep").join("a/".repeat(12));
    fs::create_dir_all(&deep).unwrap();
    let error = read(&here.join("deep")).await.unwrap_err();
    assert!(error.to_string().contains("deep in each other"), "{error}");
    for number in 0..5_001 {
        put(&here.join("many"), &number.to_string(), "");
    }
    let error = read(&here.join("many")).await.unwrap_err();
    assert!(error.to_string().contains("more than 5000 files"), "{error}");
    for number in 0..6 {
        put(&here.join("full"), &number.to_string(), root("Full").to_pem().repeat(1_900));
    }
    let error = read(&here.join("full")).await.unwrap_err();
    assert!(error.to_string().contains("more than 10000 certificates"), "{error}");
    for number in 0..3 {
        put(&here.join("large"), &number.to_string(), vec![b' '; 30 << 20]);
    }
    let error = read(&here.join("large")).await.unwrap_err();
    assert!(error.to_string().contains("bytes"), "{error}");
    assert!(read(&here.join("nothing")).await.is_err());
}

#[tokio::test]
async fn a_folder_is_no_list_and_a_file_needs_no_token() {
    let directory = tempfile::tempdir().unwrap();
    put(directory.path(), "a.pem", root("A").to_pem());
    let text = format!("place = {:?}\nform = \"sae\"\n", directory.path());
    let source: Source = toml::from_str(&text).unwrap();
    let error = source.read(&Nobody(Mutex::new(())), now()).await.unwrap_err();
    assert!(error.to_string().contains("found: folder; expected: sae"), "{error}");
    for form in [Form::Folder, Form::Certificates] {
        let source = Source { form, ..Source::at(directory.path().display().to_string()) };
        assert!(source.read(&Nobody(Mutex::new(())), now()).await.is_ok());
    }
    let text = format!("place = {:?}\naccess.bearer = \"x\"\n", directory.path());
    let source: Source = toml::from_str(&text).unwrap();
    let error = source.read(&Nobody(Mutex::new(())), now()).await.unwrap_err();
    assert!(error.to_string().contains("needs no token"), "{error}");
}

/// What docs/monitoring.md shows, and every other key.
#[test]
fn a_configuration_names_everything_and_its_paths_are_relative_to_the_file() {
    let text = r#"
        place = "lists/sae.cms"
        form = "sae"
        timeout = "30s"
        [trust]
        signer = ["sae.pem"]
        issuer = ["ca.pem"]
        signed_at = "2026-02-20T12:00:00Z"
        signers = 2
        root_json = "root.json"
        unverified = false
        [access]
        bearer = "token"
        api_key = "/etc/key"
        client_certificate = "own.pem"
        client_key = "own.key"
        [access.oauth]
        token_url = "https://login.example/oauth/token"
        client_id = "us"
        client_secret = "secret"
        audience = "pool"
        scope = "rcpservice"
        body = "form"
    "#;
    let mut source: Source = toml::from_str(text).unwrap();
    source.relative_to(Path::new("/x"));
    let shown = format!("{source:?}");
    for path in [
        "/x/lists/sae.cms",
        "/x/sae.pem",
        "/x/ca.pem",
        "/x/root.json",
        "/x/token",
        "\"/etc/key",
        "/x/own.pem",
        "/x/own.key",
        "/x/secret",
    ] {
        assert!(shown.contains(path), "{path} in {shown}");
    }
    let mut address: Source = toml::from_str("place = \"https://pool.example/\"").unwrap();
    address.relative_to(Path::new("/x"));
    assert_eq!(address, Source::at("https://pool.example/"));
    for wrong in [
        "",
        "place = \"a\"\nform = \"cms\"",
        "place = \"a\"\n[trust]\nsigned-at = 1",
        "place = \"a\"\n[access]\ntoken = \"t\"",
    ] {
        assert!(toml::from_str::<Source>(wrong).is_err(), "{wrong}");
    }
}
