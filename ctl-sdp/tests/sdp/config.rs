//! The annotated example, and mistakes that are named.

use std::path::Path;

use ctl_sdp::config::{Config, SeccConfig};
use ctl_sdp::edge::sockets::Mode;

fn example() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ctl-sdp.example.toml")).unwrap()
}

fn read(text: &str) -> Result<Config, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sdp.toml");
    std::fs::write(&path, text).unwrap();
    Config::read(&path)
}

#[test]
fn the_example_is_read_and_says_the_defaults() {
    let config = read(&example()).unwrap();
    assert_eq!(
        (config.secc.clone(), config.mode, config.every_seconds),
        (SeccConfig::default(), Mode::Shared, 60)
    );
    let short =
        "client = \"/c\"\ninterfaces = [\"eth1\"]\nmode = \"packet\"\n[agreements]\nfrom = \"registry\"\n";
    let short = read(short).unwrap();
    assert_eq!((short.secc, short.every_seconds), (config.secc, config.every_seconds));
}

#[test]
fn mistakes_are_named() {
    for (from, to, named) in [
        ("client = \"/var", "client = \"var", "absolute"),
        ("interfaces = [\"eth1\"]", "interfaces = []", "at least one"),
        ("interfaces = [\"eth1\"]", "interfaces = [\"eth1\", \"eth1\"]", "twice"),
        ("interfaces = [\"eth1\"]", "interfaces = [\"../eth1\"]", "interface's name"),
        ("mode = \"shared\"", "mode = \"share\"", "unknown variant"),
        ("mode = \"shared\"", "mode = \"packet\"", "only mode \"shared\""),
        (
            "mode = \"shared\"\n\n# The user of the charging stack. The kernel lets only sockets of one user share a port.\nowner = \"everest\"",
            "mode = \"alone\"",
            "no stack to ask",
        ),
        ("every_seconds = 60", "every_seconds = 0", "at least 1"),
        ("every_milliseconds = 1000", "every_milliseconds = 1", "restart its"),
        ("[agreements]\nfrom = \"file\"", "[agreements]\nfrom = \"http\"", "unknown field"),
        ("path = \"/etc/ctl-sdp/agreements\"\n\n", "path = \"agreements\"\n\n", "absolute"),
        ("textfile = \"/var", "textfile = \"var", "absolute"),
        ("user = \"ctl-sdp\"", "usr = \"ctl-sdp\"", "usr"),
        (
            "learn = \"relay\"\nkeep_milliseconds = 3000\nevery_milliseconds = 1000\nquiet_milliseconds = 5000\nwait_milliseconds = 2000",
            "learn = \"fixed\"\naddress = \"2001:db8::1\"\nport = 1\nsecurity = \"tls\"",
            "link-local",
        ),
    ] {
        let text = example().replacen(from, to, 1);
        assert_ne!(text, example(), "{from}");
        let error = read(&text).unwrap_err();
        assert!(error.contains(named), "{from}: {error}");
    }
}
