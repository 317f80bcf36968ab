//! `ctl-server ledger verify|export|import`, on the ledger of a stopped server.

use std::path::Path;

use super::Failure;
use crate::keys::{Keys, KeysError};
use crate::ledger::export::{self, store_directory};
use crate::ledger::verify::{self, Verified};
use crate::ledger::{Head, MemoryStore, OpenError, SledStore};

/// Progress is printed after this many entries.
const STEP: u64 = 10_000;

/// Opens the store, but never creates one.
pub(super) fn open(data: &Path) -> Result<SledStore, OpenError> {
    let directory = store_directory(data);
    if !directory.try_exists().map_err(OpenError::Head)? {
        // The last checkpoint tells whether there never was a store, or it is lost.
        let head = Head::below(data).read().map_err(OpenError::Head)?;
        verify::verify(&MemoryStore::new(), head.as_deref(), &mut |_| {})?;
    }
    Ok(SledStore::open(&directory)?)
}

fn verified(data: &Path) -> Result<(SledStore, Verified), Failure> {
    let store = open(data)?;
    let head = Head::below(data).read().map_err(OpenError::Head)?;
    let mut progress = |done: u64| {
        if done.is_multiple_of(STEP) {
            eprintln!("{done} entries verified");
        }
    };
    let verified = verify::verify(&store, head.as_deref(), &mut progress)?;
    Ok((store, verified))
}

pub(super) fn verify(data: &Path) -> Result<(), Failure> {
    let (_, verified) = verified(data)?;
    let Verified { state, .. } = &verified;
    println!("{} entries of scheme {} ({})", state.size(), state.scheme, state.environment);
    println!("root {}", state.root());
    println!("last entry recorded at {}", state.clock());
    Ok(())
}

pub(super) fn export(data: &Path, out: &Path) -> Result<(), Failure> {
    let (store, verified) = verified(data)?;
    export::export(&store, &verified, out)?;
    println!("{} entries exported to {}", verified.tree.size(), out.display());
    Ok(())
}

pub(super) fn import(data: &Path, from: &Path) -> Result<(), Failure> {
    let size = export::import(from, data, &mut |done, of| {
        if done.is_multiple_of(STEP) {
            eprintln!("{done} of {of} entries verified");
        }
    })?;
    println!("{size} entries imported into {}", data.display());
    match Keys::load(data) {
        Ok(_) => {}
        Err(KeysError::Missing(_)) => {
            println!("restore the server's keys into {} before serving", data.join("keys").display());
        }
        Err(error) => println!("before serving: {error}"),
    }
    Ok(())
}
