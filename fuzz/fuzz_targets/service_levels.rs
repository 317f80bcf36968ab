//! What is read about service levels: policies, and the monthly reports that anyone may fetch and verify.
#![no_main]

use ctl_policy::sla::{Report, SlaPolicy};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(report) = serde_json::from_slice::<Report>(bytes) {
        let _ = report.check();
    }
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match SlaPolicy::parse(text) {
        Ok(policy) => assert!(!policy.name().is_empty() && !policy.version().is_empty()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
