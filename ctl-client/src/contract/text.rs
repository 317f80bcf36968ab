//! A verdict for people: a few lines. What comes from outside is escaped here.

use std::fmt::{self, Display};

use ctl_core::names::print::line as plain;

use super::{Reason, Standing, Verdict};

impl Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}  {}", self.certificate_status, plain(&self.name()))?;
        match (&self.mo_id, &self.mo) {
            (Some(id), Some(mo)) => {
                writeln!(f, "    operator {id}: {}, {}", plain(mo.name.as_str()), plain(mo.holder.as_str()))?;
            }
            (Some(id), None) => writeln!(f, "    operator {id}: not in a registry that is known here")?,
            (None, _) => {}
        }
        for member in &self.chain {
            let said = match member.revocation {
                Standing::Good => "not revoked",
                Standing::Revoked => "REVOKED",
                Standing::Unknown => "whether it is revoked cannot be told",
                Standing::NotAsked => "whether it is revoked was not asked",
            };
            writeln!(f, "    {}, until {}, {said}", plain(&member.subject), member.not_after)?;
        }
        if let Some(root) = &self.root {
            let lists = if root.lists.is_empty() { "no list".to_owned() } else { root.lists.join(", ") };
            writeln!(f, "    root {}, trusted for contracts by {lists}", plain(&root.subject))?;
        }
        self.reasons.iter().try_for_each(|reason| writeln!(f, "{reason}"))
    }
}

impl Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = if self.refuses { "REFUSED" } else { "note" };
        write!(f, "{mark} {}: ", self.code)?;
        if let Some(certificate) = &self.certificate {
            write!(f, "{}: ", plain(certificate))?;
        }
        write!(f, "{}. What to do: {}", plain(&self.what), self.advice)
    }
}
