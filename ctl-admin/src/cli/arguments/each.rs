//! Arguments that every subcommand of a command takes.

use clap::{ArgMatches, Args, FromArgMatches, Subcommand};

/// Subcommands that all take the same arguments besides their own.
pub(crate) struct Each<T, A> {
    pub(crate) what: T,
    pub(crate) with: A,
}

impl<T: Subcommand, A: Args> FromArgMatches for Each<T, A> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let none = || clap::Error::new(clap::error::ErrorKind::MissingSubcommand);
        let (_, with) = matches.subcommand().ok_or_else(none)?;
        Ok(Self { with: A::from_arg_matches(with)?, what: T::from_arg_matches(matches)? })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl<T: Subcommand, A: Args> Subcommand for Each<T, A> {
    fn augment_subcommands(command: clap::Command) -> clap::Command {
        T::augment_subcommands(command).mut_subcommands(|own| {
            // What is said of these arguments is not what the subcommand does.
            let about = own.get_about().cloned().unwrap_or_default();
            A::augment_args(own).about(about)
        })
    }

    fn augment_subcommands_for_update(command: clap::Command) -> clap::Command {
        Self::augment_subcommands(command)
    }

    fn has_subcommand(name: &str) -> bool {
        T::has_subcommand(name)
    }
}
