//! Why DER cannot be read on, and where.

use std::fmt;

/// Why bytes cannot be read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Malformed {
    /// Where, counted in bytes from where the reader began.
    pub at: usize,
    /// What is wrong, in words.
    pub what: &'static str,
}

pub(super) const CUT: &str = "an element is cut off";

impl Malformed {
    /// Whether something ends too early, and all before is in order.
    pub fn is_cut_off(&self) -> bool {
        self.what == CUT
    }
}

/// For what concerns the whole.
impl From<&'static str> for Malformed {
    fn from(what: &'static str) -> Self {
        Self { at: 0, what }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what)
    }
}
