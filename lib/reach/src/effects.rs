//! What a cross-certificate that asks for a place on a list would make possible: to be seen before the
//! vote.

use std::sync::Arc;

use ctl_core::Timestamp;
use ctl_core::parts::{Purpose, Standard, Use};
use serde::Serialize;

use super::difference::sides;
use super::{Answer, Cross, Effect, Facts, Network, difference, standard_name};

/// What would be different with it on the list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Effects {
    /// What would newly work.
    pub gained: Vec<Effect>,
    /// For each standard and purpose that one of its two roots is listed for and in which nothing would
    /// newly work between them: why not.
    pub without: Vec<String>,
}

impl Effects {
    /// The sentences for people.
    #[must_use]
    pub fn lines(&self) -> Vec<String> {
        self.gained.iter().map(|effect| effect.text.clone()).chain(self.without.iter().cloned()).collect()
    }
}

/// What a cross-certificate would bring to a list at a moment; none if one of its two roots is not there.
#[must_use]
pub fn effects(before: Network, cross: Cross, at: Timestamp) -> Option<Effects> {
    let (issuer, subject) = (cross.issuer, cross.subject);
    let after = before.clone().with_cross_certificate(cross);
    let place = |wanted| after.roots().iter().position(|root| root.fingerprint == wanted);
    let ends = place(issuer).zip(place(subject))?;
    let (before, after) = (Arc::new(Facts::new(before, at)), Arc::new(Facts::new(after, at)));
    let mut effects = Effects::default();
    for purpose in [Purpose::V2g, Purpose::Mo, Purpose::Oem, Purpose::Vehicle] {
        for standard in [Standard::Iso15118_2, Standard::Iso15118_20] {
            let asked = Use { standard, purpose };
            let (old, new) = (Facts::matrix(&before, asked), Facts::matrix(&after, asked));
            let gained = difference(&old, &new).gained;
            let roots = new.network().roots();
            let (Some(from), Some(to)) = (roots.get(ends.0), roots.get(ends.1)) else { continue };
            let between = gained.iter().any(|e| (e.vehicle, e.charger) == (from.fingerprint, to.fingerprint));
            effects.gained.extend(gained);
            if between || !(from.uses.contains(&asked) || to.uses.contains(&asked)) {
                continue;
            }
            let Some(cell) = new.cell(ends.0, ends.1) else { continue };
            let why = if matches!(cell.answer, Answer::Direct | Answer::Cross | Answer::Partly) {
                "that works without it".to_owned()
            } else {
                let words: Vec<String> =
                    cell.reasons.iter().map(|reason| reason.text(new.network(), asked)).collect();
                words.join("; ")
            };
            let (holder, presented) = sides(purpose);
            effects.without.push(format!(
                "{holder} that trust only {} gain no {presented} under {} ({}): {why}",
                from.name,
                to.name,
                standard_name(standard),
            ));
        }
    }
    Some(effects)
}
