//! The compressed forms of a file, made once when it is published: in the usual codings, and as differences to earlier
//! versions of the same document (Compression Dictionary Transport, RFC 9842).
//!
//! The time for all of it is bounded by the size of a document and the number of earlier versions: `bench/differences`
//! measures it. Nothing here is trusted by anyone: a reader checks the digest of what it decoded.

use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use brotli::enc::{BrotliCompressCustomIoCustomDict, BrotliEncoderParams, StandardAlloc};
use brotli::{IoReaderWrapper, IoWriterWrapper};
use bytes::Bytes;
use ctl_core::Digest;
use ctl_serve::encoding::Coding;
use flate2::{Compression, write::GzEncoder};

/// Below this length a compressed form saves nothing over its own header and `Vary`.
const MIN: usize = 256;
/// Below this length a difference saves less than the headers that it takes.
pub const MIN_DIFFERENCE: usize = 1024;
/// What a difference begins with, before the dictionary's SHA-256 (RFC 9842 section 4).
const MAGIC: [u8; 4] = [0xff, b'D', b'C', b'B'];
/// The largest window that readers of differences must have (RFC 9842 section 4), in bits.
const WINDOW: i32 = 24;
/// More takes ten times as long and saves a tenth of a list, nothing of a registry.
const BROTLI: i32 = 5;
/// More takes ten times as long and saves a few percent.
const ZSTANDARD: i32 = 9;

/// Bytes in one coding, with their entity tag.
#[derive(Clone, Debug)]
pub struct Coded {
    pub bytes: Bytes,
    /// The strong entity tag (RFC 9110 §8.8.3), with its quotes.
    pub etag: Arc<str>,
}

/// The compressed forms of a file; each is smaller than the file.
#[derive(Clone, Debug, Default)]
pub struct Forms {
    coded: Vec<(Coding, Coded)>,
    /// By the SHA-256 of the dictionary.
    differences: Vec<(Digest, Coded)>,
}

/// The entity tag of some bytes in a coding.
pub(super) fn etag(digest: &Digest, coding: &str) -> Arc<str> {
    format!("\"{}{coding}\"", short(digest)).into()
}

/// 128 bits of the digest: enough to prevent two bodies with one tag, and short.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(32).collect()
}

impl Forms {
    /// Gzip alone: what is made often and not for a fleet.
    #[must_use]
    pub fn gzip(bytes: &Bytes) -> Self {
        let mut forms = Self::default();
        forms.add(Coding::Gzip, &Digest::of(bytes), bytes, gzip);
        forms
    }

    /// Everything that helps: the usual codings, and a difference to each of these earlier versions.
    #[must_use]
    pub fn all(bytes: &Bytes, earlier: &[(Digest, Bytes)]) -> Self {
        let mut forms = Self::gzip(bytes);
        let digest = Digest::of(bytes);
        forms.add(Coding::Brotli, &digest, bytes, |bytes| brotli(bytes, &[]));
        forms.add(Coding::Zstandard, &digest, bytes, |bytes| zstd::bulk::compress(bytes, ZSTANDARD).ok());
        let smallest = forms.coded.iter().map(|(_, coded)| coded.bytes.len()).min().unwrap_or(bytes.len());
        for (dictionary, before) in earlier {
            let made = difference(bytes, dictionary, before).filter(|made| made.len() < smallest);
            forms.differences.extend(made.map(|made| {
                let etag = etag(&digest, &format!("-dcb-{}", short(dictionary)));
                (*dictionary, Coded { bytes: made.into(), etag })
            }));
        }
        forms
    }

    fn add(
        &mut self,
        coding: Coding,
        digest: &Digest,
        bytes: &Bytes,
        make: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) {
        if bytes.len() < MIN {
            return;
        }
        let made = make(bytes).filter(|made| made.len() < bytes.len());
        self.coded.extend(made.map(|made| {
            let etag = etag(digest, &format!("-{}", coding.as_str()));
            (coding, Coded { bytes: made.into(), etag })
        }));
    }

    /// The form in a coding, for a caller with this dictionary.
    #[must_use]
    pub fn get(&self, coding: Coding, dictionary: Option<&Digest>) -> Option<&Coded> {
        match coding {
            Coding::Dictionary => {
                self.differences.iter().find(|(digest, _)| Some(digest) == dictionary).map(|(_, coded)| coded)
            }
            _ => self.coded.iter().find(|(made, _)| *made == coding).map(|(_, coded)| coded),
        }
    }

    /// Whether there is none but the file itself.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.coded.is_empty() && self.differences.is_empty()
    }

    /// Whether there are differences.
    #[must_use]
    pub const fn has_differences(&self) -> bool {
        !self.differences.is_empty()
    }
}

fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// Brotli, against a dictionary if it is not empty; none if no window holds both.
fn brotli(bytes: &[u8], dictionary: &[u8]) -> Option<Vec<u8>> {
    let all = bytes.len().checked_add(dictionary.len())?;
    let holds = |bits: &i32| (1_usize << bits).saturating_sub(16) >= all;
    // With a window for all of it the encoder's view of a dictionary, something that was read just before, is that of
    // RFC 9841, something beyond the window. A reader needs no more memory than this.
    let window = (10..=WINDOW).find(holds).or(dictionary.is_empty().then_some(WINDOW))?;
    let parameters = BrotliEncoderParams {
        quality: BROTLI,
        lgwin: window,
        size_hint: bytes.len(),
        ..BrotliEncoderParams::default()
    };
    let mut out = Vec::new();
    let mut read = bytes;
    let (mut input, mut output) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let ended = || io::Error::from(io::ErrorKind::UnexpectedEof);
    // A form that the encoder fails to make is not offered; the publisher goes on.
    let made = catch_unwind(AssertUnwindSafe(|| {
        BrotliCompressCustomIoCustomDict(
            &mut IoReaderWrapper(&mut read),
            &mut IoWriterWrapper(&mut out),
            &mut input,
            &mut output,
            &parameters,
            StandardAlloc::default(),
            &mut |_, _, _, _| (),
            dictionary,
            ended(),
        )
    }));
    made.ok()?.ok()?;
    Some(out)
}

/// The difference of a version to an earlier one; none if it cannot be said in a way that every reader understands.
fn difference(bytes: &[u8], digest: &Digest, dictionary: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < MIN_DIFFERENCE || dictionary.len() < MIN_DIFFERENCE {
        return None;
    }
    // A copy must not run over the dictionary's end into the beginning of what is decoded (RFC 9841), and our encoder
    // does not know. It cannot, where what would stand there stands nowhere: `}{` in a JSON document.
    let seam = [*dictionary.last()?, *bytes.first()?];
    if bytes.windows(2).any(|pair| pair == seam) {
        return None;
    }
    let made = brotli(bytes, dictionary)?;
    let mut back = Vec::with_capacity(bytes.len());
    let mut decoder = brotli::Decompressor::new_with_custom_dict(&*made, 1 << 16, dictionary.to_vec().into());
    let read = io::copy(&mut decoder, &mut back).is_ok() && back == bytes;
    if !read {
        tracing::error!(dictionary = %digest, "a difference does not decode to its document; it is not served");
        return None;
    }
    Some([&MAGIC, digest.as_bytes().as_slice(), &made].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(rows: std::ops::Range<u32>) -> Bytes {
        let row = |n| format!("{{\"id\":\"{}\"}}", Digest::of(&u32::to_be_bytes(n)));
        format!("{{\"rows\":[{}]}}", rows.map(row).collect::<Vec<_>>().join(",")).into()
    }

    fn earlier(bytes: &Bytes) -> (Digest, Bytes) {
        (Digest::of(bytes), bytes.clone())
    }

    #[test]
    fn text_is_compressed_only_where_that_is_smaller_and_each_form_has_a_tag_of_its_own() {
        let (before, now) = (document(0..100), document(1..101));
        let forms = Forms::all(&now, &[earlier(&before)]);
        let mut tags: Vec<_> = Coding::ALL
            .into_iter()
            .filter_map(|coding| forms.get(coding, Some(&Digest::of(&before))))
            .map(|coded| coded.etag.clone())
            .collect();
        assert_eq!(tags.len(), 4);
        tags.dedup();
        assert_eq!(tags.len(), 4);
        let mut read = String::new();
        let gzip = &forms.get(Coding::Gzip, None).unwrap().bytes;
        io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&**gzip), &mut read).unwrap();
        assert_eq!(read.as_bytes(), now);
        let mut read = Vec::new();
        let brotli = &forms.get(Coding::Brotli, None).unwrap().bytes;
        io::copy(&mut brotli::Decompressor::new(&**brotli, 4096), &mut read).unwrap();
        assert_eq!(read, now);
        let zstd = &forms.get(Coding::Zstandard, None).unwrap().bytes;
        assert_eq!(zstd::bulk::decompress(zstd, now.len()).unwrap(), now);
        assert!(Forms::all(&Bytes::from_static(b"{}"), &[]).is_empty());
    }

    #[test]
    fn a_difference_names_its_dictionary_and_is_for_those_who_have_it() {
        let (before, now) = (document(0..100), document(1..101));
        let digest = Digest::of(&before);
        let forms = Forms::all(&now, &[earlier(&before)]);
        let made = &forms.get(Coding::Dictionary, Some(&digest)).unwrap().bytes;
        assert_eq!(made[..4], [0xff, 0x44, 0x43, 0x42]);
        assert_eq!(made[4..36], *digest.as_bytes());
        assert!(made.len() < 200, "{}", made.len());
        for other in [None, Some(&Digest::of(&now)), Some(&Digest::ZERO)] {
            assert!(forms.get(Coding::Dictionary, other).is_none());
        }
    }

    #[test]
    fn no_difference_is_made_that_some_reader_would_refuse() {
        let now = document(1..101);
        // What ends the dictionary and begins the document stands in the document, too.
        let seam = Bytes::from(format!("{{\"a\":\"}}{{\",{}", &std::str::from_utf8(&now).unwrap()[1..]));
        assert!(!Forms::all(&seam, &[earlier(&document(0..100))]).has_differences());
        // No window holds both.
        let huge = Bytes::from(vec![b'x'; 1 << 24]);
        assert!(!Forms::all(&now, &[earlier(&huge)]).has_differences());
        assert!(!Forms::all(&now, &[earlier(&Bytes::from_static(b"{}"))]).has_differences());
        // And none that saves nothing.
        let other: Vec<u8> = (0..200_u32).flat_map(|n| *Digest::of(&n.to_be_bytes()).as_bytes()).collect();
        assert!(!Forms::all(&now, &[earlier(&other.into())]).has_differences());
    }
}
