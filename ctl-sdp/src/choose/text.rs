//! A plan for people. What comes from outside is escaped here.

use std::fmt::{self, Display};

use ctl_core::names::print::line as plain;

use super::{Plan, Present};

impl Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, step) in (1..).zip(&self.steps) {
            match &step.present {
                Present::Contract { name, emaid, .. } => {
                    writeln!(f, "{number}. present {emaid}  ({})", plain(name))?;
                }
                Present::Eim => writeln!(f, "{number}. EIM")?,
            }
            for reason in &step.reasons {
                writeln!(f, "      {}", plain(reason))?;
            }
        }
        for left in &self.left_out {
            let emaid = left.emaid.as_deref().unwrap_or("no contract");
            writeln!(f, "not {}  ({})", plain(emaid), plain(&left.name))?;
            for reason in &left.reasons {
                writeln!(f, "      {}", plain(reason))?;
            }
        }
        writeln!(f, "If the charger refuses: {}", self.if_refused)
    }
}
