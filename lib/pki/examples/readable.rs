//! Holds certificates (DER) and bundles (PEM) against the readable profile, for comparison with other parsers.
//!
//! ```text
//! readable FILE...
//! ```
//!
//! Prints a line for each file: `readable`, or the rule that is broken and what is wrong.
#![allow(clippy::print_stdout)]

use std::fs;

fn main() -> Result<(), std::io::Error> {
    for file in std::env::args_os().skip(1) {
        let bytes = fs::read(file)?;
        let verdict = if bytes.first() == Some(&0x30) {
            ctl_pki::readable(&bytes).map(drop).map_err(|reason| format!("{}: {reason}", reason.rule()))
        } else {
            ctl_pki::readable_bundle(&bytes).map(drop).map_err(|reason| format!("bundle: {reason}"))
        };
        println!("{}", verdict.err().unwrap_or_else(|| "readable".to_owned()));
    }
    Ok(())
}
