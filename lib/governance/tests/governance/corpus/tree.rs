//! Ledgers that share their beginnings, as a tree in a file with a line for each thing that was said.

use std::path::Path;

use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::{Entry, Statement};
use ctl_governance::{Refusal, State, check, genesis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One thing that was said, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Said {
    /// It was recorded.
    Entry {
        /// Of the state that it leads to.
        digest: Digest,
        entry: Value,
    },
    /// It was refused.
    Refused { at: Timestamp, reason: String, refused: Value },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The line (from 0) of the ledger's entry before it; none of a genesis.
    pub after: Option<usize>,
    #[serde(flatten)]
    pub said: Said,
}

/// What the rules conclude: a state, or no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Conclusion {
    State(Digest),
    Refusal(String),
}

impl Said {
    pub fn conclusion(&self) -> Conclusion {
        match self {
            Self::Entry { digest, .. } => Conclusion::State(*digest),
            Self::Refused { reason, .. } => Conclusion::Refusal(reason.clone()),
        }
    }

    /// As the ledger would have it.
    pub fn entry(&self) -> Entry {
        match self {
            Self::Entry { entry, .. } => Entry::parse(&ctl_core::json::canonical(entry)).unwrap(),
            Self::Refused { at, refused, .. } => {
                let statement = Statement::parse(refused.to_string().as_bytes()).unwrap();
                Entry::new(*at, statement).unwrap()
            }
        }
    }
}

impl Line {
    fn type_name(&self) -> &'static str {
        self.said.entry().statement.payload.body.type_name()
    }

    pub fn recorded_type(&self) -> Option<&'static str> {
        matches!(self.said, Said::Entry { .. }).then(|| self.type_name())
    }

    pub fn refused_type(&self) -> Option<&'static str> {
        matches!(self.said, Said::Refused { .. }).then(|| self.type_name())
    }

    pub fn reason(&self) -> Option<&str> {
        match &self.said {
            Said::Refused { reason, .. } => Some(reason),
            Said::Entry { .. } => None,
        }
    }
}

#[derive(Default)]
pub struct Tree {
    pub lines: Vec<Line>,
}

impl Tree {
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        Self { lines: text.lines().map(|line| serde_json::from_str(line).unwrap()).collect() }
    }

    /// Says everything again, and hands on for each line what is concluded now.
    pub fn replay(&self, mut compare: impl FnMut(usize, &Line, Conclusion)) {
        let mut states: Vec<Option<State>> = Vec::new();
        let last_use = |place: usize| self.lines.iter().rposition(|line| line.after == Some(place));
        let last_uses: Vec<_> = (0..self.lines.len()).map(last_use).collect();
        for (place, line) in self.lines.iter().enumerate() {
            let entry = line.said.entry();
            let before = line.after.map(|after| states[after].as_ref().expect("a line hangs below an entry"));
            let (found, state) = conclude(before, &entry);
            compare(place, line, found);
            states.push(state.filter(|_| last_uses[place].is_some()));
            if let Some(after) = line.after.filter(|after| last_uses[*after] == Some(place)) {
                states[after] = None;
            }
        }
    }
}

/// What the rules say to an entry on top of a state, or to a genesis.
pub fn conclude(before: Option<&State>, entry: &Entry) -> (Conclusion, Option<State>) {
    let after = match before {
        None => genesis(entry),
        Some(before) => check(before, &entry.statement, entry.recorded_at).map(|()| {
            let mut state = before.clone();
            state.apply(entry);
            state
        }),
    };
    match after {
        Ok(state) => (Conclusion::State(state.digest()), Some(state)),
        Err(Refusal { reason, .. }) => (Conclusion::Refusal(reason.as_str().into()), None),
    }
}
