//! `ctl-sdp vas`.

use std::path::{Path, PathBuf};

use ctl_client::files::{self, Disk};
use ctl_core::names::MoId;

use super::{Form, Room, in_order, service_file, supported_providers};
use crate::check::check;
use crate::identifier::mo_id;

#[derive(Debug, clap::Args)]
pub(crate) struct Vas {
    /// The configuration file.
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// Into which messages it has to fit: both, iso15118-2 or iso15118-20.
    #[arg(long, value_name = "STANDARD", default_value = "both", value_parser = room)]
    room: Room,
    /// How identifiers stand in parameters: single, or lists with commas.
    #[arg(long, default_value = "lists", value_parser = form)]
    form: Form,
    /// An operator that is to fit in before others; may be given several times, the most important first.
    #[arg(long = "first", value_name = "ID", value_parser = mo_id)]
    first: Vec<MoId>,
    /// Where EVerest's StaticISO15118VASProvider reads it (service_file); without it, it is printed.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Write SupportedProviders of ISO 15118-20 here, too, as JSON.
    #[arg(long, value_name = "FILE")]
    providers: Option<PathBuf>,
}

fn room(text: &str) -> Result<Room, String> {
    let known = Room::ALL.into_iter().find(|one| one.name() == text);
    known.ok_or_else(|| "both, iso15118-2 or iso15118-20".into())
}

fn form(text: &str) -> Result<Form, String> {
    let known = Form::ALL.into_iter().find(|one| one.name() == text);
    known.ok_or_else(|| "single or lists".into())
}

/// What the command says.
pub(crate) struct Said {
    /// The file, if it was to be printed.
    pub(crate) text: String,
    /// What is not as it should be.
    pub(crate) warnings: Vec<String>,
}

impl Vas {
    pub(crate) fn run(self) -> Result<Said, String> {
        let checked = check(&self.config)?;
        let supported = checked.operators.into_iter().filter(|(_, standing)| standing.is_supported());
        let identifiers = in_order(supported.map(|(id, _)| id), &self.first);
        let mut warnings = checked.warnings;
        let strange = self.first.iter().filter(|id| !identifiers.contains(id));
        warnings.extend(strange.map(|id| format!("--first {id}: it is not supported here")));
        let service = service_file(&identifiers, self.room, self.form);
        warnings.extend(told("service 64", &service.left_out));
        if let Some(path) = &self.providers {
            let providers = supported_providers(&identifiers);
            warnings.extend(told("SupportedProviders", &providers.left_out));
            let text = serde_json::to_string_pretty(&providers.written).map_err(|error| error.to_string())?;
            write(path, &text)?;
        }
        let text = match &self.out {
            None => service.written,
            Some(path) => {
                write(path, &service.written)?;
                format!(
                    "{} of {} operators in {}",
                    identifiers.len() - service.left_out.len(),
                    identifiers.len(),
                    path.display()
                )
            }
        };
        Ok(Said { text, warnings })
    }
}

fn told(what: &str, left_out: &[MoId]) -> Option<String> {
    let names: Vec<&str> = left_out.iter().map(MoId::as_str).collect();
    (!names.is_empty()).then(|| {
        format!(
            "{what} has no room for {}: {}; cars that read it will not present their contracts; --form lists has more \
             room, --first says who comes first",
            names.len(),
            names.join(", ")
        )
    })
}

/// Whole or not at all; EVerest runs as another user.
fn write(path: &Path, text: &str) -> Result<(), String> {
    let path = std::path::absolute(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let (Some(above), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Err(format!("{} is no name of a file", path.display()));
    };
    let folder = files::open_directory(above).map_err(|error| error.to_string())?;
    let folder = folder.ok_or_else(|| format!("{} does not exist", above.display()))?;
    files::replace_open(&Disk, &folder, name, text.as_bytes()).map_err(|error| error.to_string())
}
