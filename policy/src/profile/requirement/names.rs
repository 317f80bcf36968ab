//! What the field calls algorithms, curves, purposes and string types, and the numbers that stand for them.

use std::fmt;

use serde::Deserialize;

/// Declares an enum whose members have a spelling in the field and a number: an object identifier or a tag.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident: $type:ty, $query:ty { $($(#[$member_doc:meta])* $member:ident = $spelling:literal, $number:expr;)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
        pub enum $name { $($(#[$member_doc])* #[serde(rename = $spelling)] $member,)+ }

        impl $name {
            /// What it is called.
            pub fn name(self) -> &'static str {
                match self { $(Self::$member => $spelling,)+ }
            }

            /// The number by which a certificate names it.
            pub fn number(self) -> $type {
                match self { $(Self::$member => $number,)+ }
            }

            /// The member with this number.
            pub fn of(number: $query) -> Option<Self> {
                [$(Self::$member),+].into_iter().find(|member| member.number() == number)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }
    };
}

named! {
    /// A signature algorithm (RFC 5758, RFC 8410).
    SignatureAlgorithm: &'static str, &str {
        /// ECDSA with SHA-256.
        EcdsaSha256 = "ecdsa-with-SHA256", "1.2.840.10045.4.3.2";
        /// ECDSA with SHA-384.
        EcdsaSha384 = "ecdsa-with-SHA384", "1.2.840.10045.4.3.3";
        /// ECDSA with SHA-512.
        EcdsaSha512 = "ecdsa-with-SHA512", "1.2.840.10045.4.3.4";
        Ed25519 = "Ed25519", "1.3.101.112";
        Ed448 = "Ed448", "1.3.101.113";
    }
}
named! {
    /// A public key's algorithm (RFC 5480, RFC 8410).
    KeyAlgorithm: &'static str, &str {
        /// An elliptic curve; which one stands in the parameters.
        EcPublicKey = "id-ecPublicKey", "1.2.840.10045.2.1";
        Ed25519 = "Ed25519", "1.3.101.112";
        Ed448 = "Ed448", "1.3.101.113";
    }
}
named! {
    /// A named curve (RFC 5480 section 2.1.1.1).
    Curve: &'static str, &str {
        /// NIST P-256.
        P256 = "secp256r1", "1.2.840.10045.3.1.7";
        /// NIST P-384.
        P384 = "secp384r1", "1.3.132.0.34";
        /// NIST P-521.
        P521 = "secp521r1", "1.3.132.0.35";
    }
}
named! {
    /// A purpose of extended key usage (RFC 5280 section 4.2.1.12).
    Purpose: &'static str, &str {
        /// TLS servers.
        ServerAuth = "serverAuth", "1.3.6.1.5.5.7.3.1";
        /// TLS clients.
        ClientAuth = "clientAuth", "1.3.6.1.5.5.7.3.2";
        /// OCSP responders.
        OcspSigning = "OCSPSigning", "1.3.6.1.5.5.7.3.9";
    }
}
named! {
    /// A string type by its tag.
    StringType: u8, u8 {
        /// UTF-8.
        Utf8 = "UTF8String", 0x0c;
        /// Digits and space.
        Numeric = "NumericString", 0x12;
        /// Letters, digits and a few marks.
        Printable = "PrintableString", 0x13;
        Teletex = "TeletexString", 0x14;
        /// ASCII.
        Ia5 = "IA5String", 0x16;
        /// ASCII without control characters.
        Visible = "VisibleString", 0x1a;
        /// UTF-32.
        Universal = "UniversalString", 0x1c;
        /// UTF-16.
        Bmp = "BMPString", 0x1e;
    }
}
