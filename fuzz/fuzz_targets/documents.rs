//! Lists, the registry, notices, and single files to be verified offline.
#![no_main]

use ctl_core::json;
use ctl_core::list::ListPayload;
use ctl_core::notices::NoticesDocument;
use ctl_core::registry::RegistryDocument;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(list) = ListPayload::read(bytes) {
        assert_eq!(json::canonical(&list), bytes);
    }
    if let Ok(registry) = RegistryDocument::read(bytes) {
        assert_eq!(json::canonical(&registry), bytes);
    }
    if let Ok(notices) = NoticesDocument::read(bytes) {
        assert_eq!(json::canonical(&notices), bytes);
    }
});
