//! The contracts of a car as they lie on its disk, and the roots that it names to a charger.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use ctl_pki::Certificate;
use ctl_sandbox::{Pki, PkiKind, PkiSpec, Role};
use ctl_sdp::choose::read_folder;
use ctl_sdp::choose::tls::{certificate_authorities, trusted_ca_keys};

fn pki() -> Pki {
    let spec = PkiSpec::new(PkiKind::Mo, "wallet", "DE", "wallet", "sdp tests", 1_790_000_000);
    Pki::generate(&spec).unwrap()
}

#[test]
fn contracts_are_read_in_every_layout_and_keys_in_none() {
    let (folder, pki) = (tempfile::tempdir().unwrap(), pki());
    let chain: Vec<&Certificate> = pki.chain(Role::Contract).into_iter().take(3).collect();
    let at = |name: &str| folder.path().join(name);
    let pem: String = chain.iter().map(|one| one.to_pem()).collect();
    fs::write(at("one-file.pem"), &pem).unwrap();
    let josev = at("josev/iso15118_2");
    fs::create_dir_all(josev.join("certs")).unwrap();
    fs::create_dir_all(josev.join("private_keys")).unwrap();
    for (name, certificate) in
        ["contractLeafCert.der", "moSubCA2Cert.der", "moSubCA1Cert.der"].into_iter().zip(&chain)
    {
        fs::write(josev.join("certs").join(name), certificate.der()).unwrap();
    }
    // Whoever opens one of these fails, or spoils the chain.
    for key in
        ["josev/iso15118_2/private_keys/contractLeaf.pem", "josev/contractLeaf.key", "josev/leaf-key.pem"]
    {
        fs::write(at(key), "-----BEGIN PRIVATE KEY-----").unwrap();
        fs::set_permissions(at(key), fs::Permissions::from_mode(0o000)).unwrap();
    }
    fs::create_dir_all(at("empty")).unwrap();
    fs::create_dir_all(at("crowded")).unwrap();
    (0..20).for_each(|number| fs::write(at("crowded").join(format!("{number}.pem")), &pem).unwrap());
    fs::write(at(".hidden.pem"), "").unwrap();
    fs::write(at("README"), "by hand").unwrap();

    let held = read_folder(folder.path()).unwrap();
    let names: Vec<&str> = held.iter().map(|held| held.name.as_str()).collect();
    assert_eq!(names, ["crowded", "josev", "one-file.pem"]);
    assert!(held[0].chain.as_ref().unwrap_err().contains("more than 16"));
    assert_eq!(held[2].chain.as_deref().unwrap(), pem.as_bytes());
    let josev = String::from_utf8(held[1].chain.clone().unwrap()).unwrap();
    assert!(chain.iter().all(|one| josev.contains(&one.to_pem())) && !josev.contains("PRIVATE"));
    assert!(read_folder(&at("nowhere")).unwrap_err().contains("nowhere"));
}

#[test]
fn the_roots_are_named_as_tls_wants_them() {
    let pki = pki();
    let root = pki.root().certificate();
    let (sha1, name) = (root.sha1(), root.subject_der());
    assert_eq!(trusted_ca_keys([root]).unwrap(), [&[0, 21, 3][..], &sha1].concat());
    assert_eq!(trusted_ca_keys([root, root]).unwrap()[..3], [0, 42, 3]);
    assert_eq!(trusted_ca_keys([]).unwrap(), [0, 0]);
    let length = u16::try_from(name.len()).unwrap();
    let expected = [&(length + 2).to_be_bytes()[..], &length.to_be_bytes(), name].concat();
    assert_eq!(certificate_authorities([root]).unwrap(), expected);
    assert!(certificate_authorities([]).unwrap().is_empty());
    let many = std::iter::repeat_n(root, 3121);
    assert!(trusted_ca_keys(many).unwrap_err().contains("65535"));
    assert!(trusted_ca_keys(std::iter::repeat_n(root, 3120)).is_ok());
}
