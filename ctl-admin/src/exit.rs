//! The exit statuses of the program: what a script can tell without reading.

/// Done, and nothing was found wrong.
pub const DONE: u8 = 0;
/// Refused, or something does not hold: an audit's difference, a forged screening, a negative answer.
pub const NO: u8 = 1;
/// The input cannot be used, or the server cannot be reached.
pub const UNUSABLE: u8 = 2;
/// Sent and accepted by the server's word, but no signed checkpoint of the log proves it yet.
pub const UNPROVEN: u8 = 3;
/// Sent, and whether the server took it is unknown.
pub const UNKNOWN: u8 = 4;
/// The log does not contain what a receipt of yours says, whatever else the command did.
pub const LOST: u8 = 5;
/// The signatures hold, but the document or a key list above it has expired.
pub const EXPIRED: u8 = 6;

/// The statuses for people, as `--help` shows them. The manual's table (docs/electors.md) says the same.
pub const TABLE: &str = "\
Exit status:
  0  done, and nothing was found wrong
  1  refused, or something does not hold
  2  unusable input, or the server cannot be reached
  3  sent, not yet proven: no signed checkpoint of the log covers it yet
  4  unknown: sent, but whether the server took it cannot be told
  5  the log does not contain what a receipt of yours says
  6  expired: the signatures hold, but the document is out of date";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_and_manual_name_every_status() {
        let manual = include_str!("../../docs/electors.md");
        for status in [DONE, NO, UNUSABLE, UNPROVEN, UNKNOWN, LOST, EXPIRED] {
            assert!(TABLE.contains(&format!("\n  {status}  ")), "{status} is not in --help");
            assert!(manual.contains(&format!("\n| {status} | ")), "{status} is not in the manual");
        }
    }
}
