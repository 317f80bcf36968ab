//! What a body that arrived compressed says: Brotli (RFC 7932), alone or as the difference to a version that is held
//! (RFC 9842, `dcb`). Whoever sent it may have made anything of it, so window and output are bounded by the length that
//! was signed, and the caller checks the digest of the result.

use std::io::Read as _;
use std::panic::catch_unwind;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use brotli_decompressor::Decompressor;
use ctl_core::Digest;

/// What a difference begins with, before the dictionary's SHA-256 (RFC 9842 section 4).
const MAGIC: [u8; 4] = [0xff, b'D', b'C', b'B'];
/// Below this length a difference saves less than the headers that it takes.
const MIN_DICTIONARY: usize = 1024;
/// A window of so many bits is let pass however short the file is: servers and caches take the one that their encoder is set
/// to, up to Brotli's own default (4 MiB), without a look at the length.
const USUAL_WINDOW: u32 = 22;

/// An earlier version of what is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Dictionary<'a> {
    bytes: &'a [u8],
    digest: Digest,
}

impl<'a> Dictionary<'a> {
    /// These bytes, if they are worth it.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        (bytes.len() >= MIN_DICTIONARY).then(|| Self { bytes, digest: Digest::of(bytes) })
    }

    /// The value of `Available-Dictionary` (RFC 9842 section 2.2).
    pub(super) fn header(&self) -> String {
        format!(":{}:", BASE64_STANDARD.encode(self.digest.as_bytes()))
    }
}

/// The bytes that a body stands for, at most `limit`, by its `Content-Encoding`.
///
/// # Errors
/// What is wrong with it, in words.
pub fn decode(
    coding: &str,
    body: Vec<u8>,
    dictionary: Option<Dictionary<'_>>,
    limit: usize,
) -> Result<Vec<u8>, String> {
    match (coding, dictionary) {
        ("" | "identity", _) => Ok(body),
        ("br", _) => brotli(&body, &[], limit),
        ("dcb", Some(dictionary)) => {
            let rest = body.strip_prefix(&MAGIC).ok_or("a difference that does not begin as one")?;
            let rest = rest.strip_prefix(dictionary.digest.as_bytes().as_slice());
            brotli(rest.ok_or("a difference to something that is not held")?, dictionary.bytes, limit)
        }
        (other, _) => Err(format!("an answer in the encoding {other}, which was not asked for")),
    }
}

fn brotli(body: &[u8], dictionary: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    let most = dictionary.len().saturating_add(limit).saturating_add(16).checked_next_power_of_two();
    let most = most.map_or(usize::BITS, usize::ilog2).max(USUAL_WINDOW);
    let window = body.first().copied().and_then(window).ok_or("no Brotli")?;
    if window > most {
        return Err(format!("Brotli with a window of 2^{window} bytes, where 2^{most} hold everything"));
    }
    // The decoder is safe Rust, and still somebody else's: what it cannot take must not end this process.
    let decoded = catch_unwind(|| {
        let mut decoded = Vec::new();
        let decoder = Decompressor::new_with_custom_dict(body, 4096, dictionary.to_vec().into());
        let read = decoder.take((limit as u64).saturating_add(1)).read_to_end(&mut decoded);
        read.map(|_| decoded).map_err(|error| format!("no Brotli: {error}"))
    });
    let decoded = decoded.map_err(|_| "Brotli that its decoder cannot take")??;
    if decoded.len() > limit {
        return Err(format!("more than {limit} bytes"));
    }
    Ok(decoded)
}

/// The window of a stream in bits, by its first byte (RFC 7932 section 9.1); none for what is reserved.
const fn window(first: u8) -> Option<u32> {
    let (high, low) = ((first >> 1 & 7) as u32, (first >> 4 & 7) as u32);
    match (first & 1, high, low) {
        (0, ..) => Some(16),
        (_, 1.., _) => Some(17 + high),
        (_, 0, 0) => Some(17),
        (_, 0, 1) => None,
        (_, 0, low) => Some(8 + low),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn held() -> Vec<u8> {
        b"The quick brown fox jumps over the lazy dog. ".repeat(40)
    }

    /// A stream without compression (RFC 7932 section 9.2): a window of 2^16, one block of these bytes, the end.
    fn stored(bytes: &[u8]) -> Vec<u8> {
        // WBITS 0, ISLAST 0, MNIBBLES 00, MLEN - 1 in 16 bits, ISUNCOMPRESSED 1.
        let header = (bytes.len() as u32 - 1) << 4 | 1 << 20;
        [&header.to_le_bytes()[..3], bytes, &[3]].concat()
    }

    fn difference(digest: &Digest, stream: &[u8]) -> Vec<u8> {
        [&MAGIC, digest.as_bytes().as_slice(), stream].concat()
    }

    #[test]
    fn each_coding_says_what_it_says_and_no_more_than_was_signed() {
        let held = held();
        let dictionary = Dictionary::new(&held);
        let digest = Digest::of(&held);
        let read = |coding: &str, body: &[u8], limit| decode(coding, body.to_vec(), dictionary, limit);
        assert_eq!(read("", b"bytes", 5).unwrap(), b"bytes");
        assert_eq!(read("br", &stored(b"bytes"), 5).unwrap(), b"bytes");
        assert_eq!(read("dcb", &difference(&digest, &stored(b"bytes")), 5).unwrap(), b"bytes");
        for (coding, body, limit, why) in [
            ("gzip", b"bytes".to_vec(), 5, "not asked for"),
            ("br", stored(b"bytes"), 4, "more than 4 bytes"),
            ("br", vec![], 5, "no Brotli"),
            ("br", stored(b"bytes")[..6].to_vec(), 5, "no Brotli"),
            ("dcb", stored(b"bytes"), 5, "does not begin as one"),
            ("dcb", difference(&Digest::ZERO, &stored(b"bytes")), 5, "not held"),
            // WBITS 24, and the reserved one.
            ("br", vec![0x0f, 0, 0], 5, "a window of 2^24 bytes"),
            ("br", vec![0x11, 0, 0], 5, "no Brotli"),
        ] {
            let error = read(coding, &body, limit).unwrap_err();
            assert!(error.contains(why), "{coding} {body:?}: {error}");
        }
        let without = decode("dcb", difference(&digest, &stored(b"bytes")), None, 5);
        assert!(without.unwrap_err().contains("not asked for"));
        assert!(Dictionary::new(&held[..1023]).is_none());
    }

    proptest! {
        #[test]
        fn whatever_comes_is_refused_or_within_the_limit(
            body in proptest::collection::vec(any::<u8>(), 0..200), limit in 0..3000_usize,
        ) {
            let held = held();
            let dictionary = Dictionary::new(&held);
            let coded = difference(&Digest::of(&held), &body);
            for (coding, body) in [("br", body), ("dcb", coded)] {
                if let Ok(decoded) = decode(coding, body, dictionary, limit) {
                    prop_assert!(decoded.len() <= limit);
                }
            }
        }
    }
}
