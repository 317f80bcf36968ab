//! What the places in chargers' and simulators' stores say that certificates are for (FACTS of the field: EVerest's
//! `EvseSecurity` module, `shared/security.py` of Josev).

use std::path::Path;

use ctl_core::parts::Standard;
use ctl_formats::recognise::{Purpose, Said};

/// EVerest: folders below `ca`, and the files in them.
const EVEREST: [(&str, &str, Purpose); 4] = [
    ("v2g", "v2g_root_ca.pem", Purpose::V2g),
    ("mo", "mo_root_ca.pem", Purpose::Mo),
    ("csms", "csms_root_ca.pem", Purpose::Csms),
    ("mf", "mf_root_ca.pem", Purpose::Manufacturer),
];

/// Josev: files in `iso15118_2/certs` and `iso15118_20/certs`, by their name before the dot.
const JOSEV: [(&str, Purpose); 3] =
    [("v2grootcacert", Purpose::V2g), ("morootcacert", Purpose::Mo), ("oemrootcacert", Purpose::Oem)];

/// What the place of a file says of the certificates in it.
pub(crate) fn said_by(path: &Path) -> Said {
    let parts: Vec<String> = path.iter().map(|part| part.to_string_lossy().to_ascii_lowercase()).collect();
    let Some((file, folders)) = parts.split_last() else { return Said::default() };
    let below = folders.windows(2).find_map(|pair| match pair {
        [ca, folder] if ca == "ca" => EVEREST.iter().find(|(name, ..)| name == folder),
        _ => None,
    });
    if let Some((.., purpose)) = below.or_else(|| EVEREST.iter().find(|(_, name, _)| name == file)) {
        return Said::of_purpose(*purpose);
    }
    let stem = file.split('.').next().unwrap_or_default();
    let Some((_, purpose)) = JOSEV.iter().find(|(name, _)| *name == stem) else { return Said::default() };
    let mut said = Said::of_purpose(*purpose);
    if let [.., edition, certs] = folders
        && certs == "certs"
    {
        said.standards.extend(match edition.as_str() {
            "iso15118_2" => Some(Standard::Iso15118_2),
            "iso15118_20" => Some(Standard::Iso15118_20),
            _ => None,
        });
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_everest_and_josev_say_what_a_root_is_for() {
        let said = |path: &str| said_by(Path::new(path)).to_string();
        for (path, expected) in [
            ("etc/everest/certs/ca/v2g/V2G_ROOT_CA.pem", "v2g"),
            ("ca/mo/any.der", "mo"),
            ("ca/csms/x.pem", "csms"),
            ("ca/mf/deeper/x.pem", "manufacturer"),
            ("MO_ROOT_CA.pem", "mo"),
            ("iso15118_2/certs/v2gRootCACert.pem", "v2g, iso15118-2"),
            ("pki/iso15118_20/certs/oemRootCACert.der", "oem, iso15118-20"),
            ("moRootCACert.der", "mo"),
            ("iso15118_2/certs/cpoSubCA1Cert.pem", ""),
            ("v2g/x.pem", ""),
            ("", ""),
        ] {
            assert_eq!(said(path), expected, "{path}");
        }
    }
}
