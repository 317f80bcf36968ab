//! Statements and ledger entries: what parses is written back to the same bytes.
#![no_main]

use ctl_core::jws::Jws;
use ctl_governance::statement::{Entry, Statement};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let _ = Jws::parse(bytes, 100_000);
    if let Ok(statement) = Statement::parse(bytes) {
        assert_eq!(statement.payload.to_bytes(), statement.jws.payload);
    }
    if let Ok(entry) = Entry::parse(bytes) {
        let again = Entry::new(entry.recorded_at, entry.statement.clone());
        assert!(again.is_ok_and(|again| again.bytes == bytes));
    }
});
