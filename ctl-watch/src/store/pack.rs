//! Numbers packed tight: columns of LEB128 numbers, the whole deflated. What is read back is bounded and may be
//! damaged, so reading never trusts a length.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use super::error::StoreError;

/// A value unpacks to at most so many octets.
const MAX_UNPACKED: u64 = 64 * 1024 * 1024;

/// Writes numbers.
#[derive(Debug, Default)]
pub(super) struct Packer(Vec<u8>);

impl Packer {
    pub(super) fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(super) fn signed(&mut self, number: i64) {
        self.number(((number << 1) ^ (number >> 63)) as u64);
    }

    pub(super) fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn finish(self) -> Result<Vec<u8>, StoreError> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(4));
        encoder.write_all(&self.0)?;
        Ok(encoder.finish()?)
    }
}

/// Reads numbers.
#[derive(Debug)]
pub(super) struct Unpacker {
    bytes: Vec<u8>,
    position: usize,
}

impl Unpacker {
    pub(super) fn new(packed: &[u8]) -> Result<Self, StoreError> {
        let mut bytes = Vec::new();
        let read = DeflateDecoder::new(packed).take(MAX_UNPACKED).read_to_end(&mut bytes);
        read.map_err(|error| StoreError::damaged(format!("a value cannot be unpacked: {error}")))?;
        Ok(Self { bytes, position: 0 })
    }

    pub(super) fn number(&mut self) -> Result<u64, StoreError> {
        let mut number = 0_u64;
        for shift in (0..70).step_by(7) {
            let octet = self.bytes.get(self.position).copied().ok_or_else(ended)?;
            self.position += 1;
            let bits = u64::from(octet & 0x7f);
            number |= bits.checked_shl(shift).unwrap_or_default();
            if octet & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(StoreError::damaged("a number is too long"))
    }

    pub(super) fn signed(&mut self) -> Result<i64, StoreError> {
        let number = self.number()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }

    /// A count of things of which each takes at least one octet.
    pub(super) fn count(&mut self) -> Result<usize, StoreError> {
        let count = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        if count > self.bytes.len().saturating_sub(self.position) {
            return Err(ended());
        }
        Ok(count)
    }

    pub(super) fn text(&mut self) -> Result<String, StoreError> {
        let length = self.count()?;
        let text = self.bytes.get(self.position..self.position + length).ok_or_else(ended)?;
        self.position += length;
        String::from_utf8(text.to_vec()).map_err(StoreError::damaged)
    }
}

fn ended() -> StoreError {
    StoreError::damaged("a value ends too soon")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_packed_comes_back(numbers in proptest::collection::vec(any::<u64>(), 0..50), signed in any::<i64>(), text in ".{0,20}") {
            let mut packer = Packer::default();
            numbers.iter().for_each(|number| packer.number(*number));
            packer.signed(signed);
            packer.text(&text);
            let mut unpacker = Unpacker::new(&packer.finish().unwrap()).unwrap();
            for number in numbers {
                prop_assert_eq!(unpacker.number().unwrap(), number);
            }
            prop_assert_eq!(unpacker.signed().unwrap(), signed);
            prop_assert_eq!(unpacker.text().unwrap(), text);
            prop_assert!(unpacker.number().is_err());
        }

        #[test]
        fn damage_is_an_error_and_no_panic(octets in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut packer = Packer::default();
            octets.iter().for_each(|octet| packer.0.push(*octet));
            let mut unpacker = Unpacker::new(&packer.finish().unwrap()).unwrap();
            while unpacker.text().is_ok() && unpacker.number().is_ok() {}
            let _ = Unpacker::new(&octets);
        }
    }
}
