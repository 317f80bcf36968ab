//! The arguments of `lint` and `profiles`.

use std::path::PathBuf;

use clap::Args;

/// What `lint` looks at.
#[derive(Args)]
pub(crate) struct Lint {
    /// Certificates, PEM or DER; a PEM file may hold several
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The profile to hold them against, or auto to guess one for each
    #[arg(long, value_name = "NAME|auto", default_value = "auto")]
    profile: String,
    /// The issuer's certificate, for the rules that compare with it
    #[arg(long, value_name = "FILE")]
    issuer: Option<PathBuf>,
}

impl From<Lint> for ctl_admin::judge::lint::Lint {
    fn from(arguments: Lint) -> Self {
        let profile = (arguments.profile != "auto").then_some(arguments.profile);
        Self { files: arguments.files, profile, issuer: arguments.issuer }
    }
}

/// Which profile `profiles` explains.
#[derive(Args)]
pub(crate) struct Profiles {
    /// Its name [default: lists them all]
    pub(crate) name: Option<String>,
}
