//! The subcommands about live services: serve pretend PKIs until interrupted, and list what can be wrong.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use ctl_sandbox::live::{self, Kind, Live, LiveError, NOT_SWITCHED, OcspSigner, Options};
use ctl_sandbox::{CrlPoints, PkiSpec, Role, SandboxError, cross_certify};

/// Serves the four PKIs and the cross-certificates: OCSP responders, CRLs, issuers' certificates, EST, root pools
/// and a status endpoint, until interrupted.
///
/// Each kind of service of each PKI has a name of its own, for instance ocsp.aurora.example, which leads here by
/// the table that is printed, not by DNS: feed it to the resolver of whoever asks. Faults are switched at run time
/// by HTTP at the control address:
///
///   curl -X PUT    http://CONTROL/faults/aurora/ocsp/responder_try_later
///   curl -X DELETE http://CONTROL/faults/aurora/ocsp/responder_try_later
///   curl           http://CONTROL/            (what else it knows)
///
/// `ctl-sandbox faults` lists them all.
#[derive(Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Serve {
    /// Any text: keys and serial numbers follow from it.
    #[arg(long, default_value = "ctl-sandbox")]
    seed: String,
    /// Where validity begins, in Unix seconds [default: a day before the start of this day, UTC]
    #[arg(long)]
    not_before: Option<i64>,
    /// Where HTTP is served; port 0 takes a free one.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where HTTPS is served.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen_tls: SocketAddr,
    /// Where faults are switched. Whoever reaches it may switch: keep it on loopback.
    #[arg(long, default_value = "127.0.0.1:0")]
    control: SocketAddr,
    /// What the names of services end in.
    #[arg(long, default_value = "example")]
    domain: String,
    /// The base URL that certificates carry instead; `{kind}` in it stands for ocsp, crl and ca-issuers.
    #[arg(long)]
    services: Option<String>,
    /// Who signs OCSP answers.
    #[arg(long, value_enum, default_value = "by-profile")]
    ocsp_signer: Signer,
    /// At how many addresses each CA's CRL is.
    #[arg(long, value_enum, default_value = "one")]
    crl_points: Points,
    /// Let certificates say where their issuer's certificate is.
    #[arg(long)]
    ca_issuers: bool,
    /// How many seconds late an answer is under the fault `slow`.
    #[arg(long, default_value_t = 11)]
    slow: u64,
    /// A folder for the PKIs, the TLS root, the canaries, and watch.toml: the sections that the configuration of
    /// a ctl-watch needs to watch all this.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Signer {
    /// The CA where its key usage allows it, else a delegate.
    ByProfile,
    /// Every CA itself.
    Direct,
    /// A responder that the CA certified.
    Delegated,
}

#[derive(Clone, Copy, ValueEnum)]
enum Points {
    /// One.
    One,
    /// The same CRL at two.
    Mirrored,
    /// Two CRLs, each for a part.
    Sharded,
}

impl Serve {
    /// Serves until interrupted.
    pub(crate) async fn run(self, specs: Vec<PkiSpec>) -> Result<(), LiveError> {
        let spec = |spec| PkiSpec {
            services: self.services.clone(),
            crl_points: match self.crl_points {
                Points::One => CrlPoints::One,
                Points::Mirrored => CrlPoints::Mirrored,
                Points::Sharded => CrlPoints::Sharded,
            },
            ca_issuers: self.ca_issuers,
            ..spec
        };
        let options = Options {
            listen: self.listen,
            listen_tls: self.listen_tls,
            control: self.control,
            domain: self.domain.clone(),
            ocsp_signer: match self.ocsp_signer {
                Signer::ByProfile => OcspSigner::ByProfile,
                Signer::Direct => OcspSigner::Direct,
                Signer::Delegated => OcspSigner::Delegated,
            },
            slow: Duration::from_secs(self.slow),
            ..Options::new(specs.into_iter().map(spec).collect())
        };
        let live = Live::start(options).await?;
        vouch(&live)?;
        if let Some(folder) = &self.out {
            write(&live, folder)?;
        }
        print!("{}", description(&live));
        // Nothing can be done about a signal that cannot be waited for but to end.
        let _interrupted = tokio::signal::ctrl_c().await;
        Ok(())
    }

    /// The seed and the beginning of validity.
    pub(crate) fn seed(&self) -> (&str, Option<i64>) {
        (&self.seed, self.not_before)
    }
}

/// The two V2G roots vouch for each other, and answer for it.
fn vouch(live: &Live) -> Result<(), LiveError> {
    let (aurora, borealis) = (live.pki("aurora")?, live.pki("borealis")?);
    for (issuer, slug, subject) in [(aurora, "aurora", borealis), (borealis, "borealis", aurora)] {
        let root = issuer.root();
        let end = root.certificate().not_after();
        let cross = cross_certify(root, subject.root().certificate(), issuer.spec().not_before, end)?;
        live.record(slug, Role::Root, &cross, None)?;
    }
    Ok(())
}

fn description(live: &Live) -> String {
    let control = live.control_address();
    let mut text = format!(
        "HTTP    http://{}\nHTTPS   https://{}\nfaults  http://{control}\n",
        live.address(),
        live.tls_address()
    );
    for (slug, pki) in live.pkis() {
        text += &format!("\n{slug}  {}\n", pki.root().certificate().subject());
        for kind in Kind::ALL {
            for url in live.urls(slug, kind).unwrap_or_default() {
                text += &format!("  {:<11}{url}\n", kind.as_str());
            }
        }
    }
    text += "\nThese names lead to the address above while no fault says otherwise:\n";
    for name in live.names() {
        text += &format!("  {name}\n");
    }
    text += &format!(
        "\nSwitch a fault on, see which are on, switch all off:\n  curl -X PUT http://{control}/faults/aurora/ocsp/responder_try_later\n  curl http://{control}/faults\n  curl -X DELETE http://{control}/faults\n"
    );
    text
}

/// The PKIs as files, and the part of a watch's configuration that is about them.
fn write(live: &Live, folder: &Path) -> Result<(), SandboxError> {
    let mut toml =
        "# What the configuration of a ctl-watch needs to watch these services.\n[fetch]\n".to_owned();
    let tls_root = folder.join("tls-root.pem");
    let ports = [live.address().port(), live.tls_address().port()];
    toml += &format!(
        "allow = [\"127.0.0.0/8\"]\nports = {ports:?}\ntls_roots = [{tls_root:?}]\n\n[fetch.hosts]\n"
    );
    for name in live.names() {
        toml += &format!("{name:?} = [{:?}]\n", live.address().ip().to_string());
    }
    for (slug, pki) in live.pkis() {
        let folder = folder.join(slug);
        pki.write_to(&folder)?;
        for canaries in live.canaries(slug).unwrap_or_default() {
            let good = canaries.write_to(&folder.join("canaries"))?;
            // Writing to a String cannot fail.
            let _written = write!(
                toml,
                "\n[[watch.canaries]]\nissuer = \"{}\"\ngood = {good:?}\nrevoked = {:?}\n",
                hex::encode(canaries.issuer.sha256()),
                canaries.revoked
            );
        }
    }
    for (file, text) in [(tls_root, live.tls_root_pem()), (folder.join("watch.toml"), toml)] {
        fs::write(&file, text).map_err(|source| SandboxError::Write { path: file, source })?;
    }
    Ok(())
}

/// Every fault, a line each.
pub(crate) fn faults() -> String {
    let mut text = String::new();
    for kind in Kind::ALL {
        for switch in live::switches().filter(|switch| switch.kind == kind) {
            text += &format!("{:<11}{:<31}{}\n", kind.as_str(), switch.code.as_str(), switch.does);
        }
    }
    text += "\nNo running service can cause:\n";
    for (code, why) in NOT_SWITCHED {
        text += &format!("{:<42}{why}\n", code.as_str());
    }
    text
}
