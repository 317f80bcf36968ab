//! What anybody brings to be checked, by the state of a scheme out of the frozen corpus: no bytes panic, work and answer
//! are bounded, what is told steers nobody's eyes, and what is trusted ends in an anchor that the scheme trusts.
#![no_main]

use std::sync::LazyLock;

use ctl_core::{Digest, Timestamp, json};
use ctl_governance::State;
use ctl_governance::statement::Entry;
use ctl_pki::print;
use ctl_screening::examine::{Answer, Files, MAX_BYTES, MAX_CERTIFICATES, Origin, Source, examine};
use libfuzzer_sys::fuzz_target;
use serde::Deserialize;
use serde_json::Value;

const LEDGERS: &str = include_str!("../../lib/governance/tests/fixtures/rules-1/ledgers.jsonl");

/// A line of the corpus: an entry below another, or a statement that was refused.
#[derive(Deserialize)]
struct Line {
    after: Option<usize>,
    entry: Option<Value>,
}

/// The longest of the ledgers that ends with a published list and an anchor that is trusted.
static STATE: LazyLock<State> = LazyLock::new(|| {
    let lines: Vec<Line> = LEDGERS.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ledger = |last: usize| {
        let mut places: Vec<usize> = std::iter::successors(Some(last), |place| lines[*place].after).collect();
        places.reverse();
        places
    };
    let mut ledgers: Vec<Vec<usize>> =
        (0..lines.len()).filter(|place| lines[*place].entry.is_some()).map(ledger).collect();
    ledgers.sort_by_key(|ledger| std::cmp::Reverse(ledger.len()));
    let state = ledgers.into_iter().find_map(|ledger| {
        let entries =
            ledger.iter().map(|place| Entry::parse(&json::canonical(lines[*place].entry.as_ref()?)).ok());
        let state = State::replay(&entries.collect::<Option<Vec<Entry>>>()?).ok()?;
        let trusts = |(list, contents): (&_, &ctl_governance::state::ListState)| {
            let is_good = |anchor: &ctl_governance::state::Anchor| {
                anchor.listed.first_published.is_some() && state.is_trusted(list, &anchor.listed)
            };
            contents.anchors.values().any(|anchor| is_good(anchor))
        };
        state.lists.iter().any(trusts).then_some(state)
    });
    state.expect("the corpus has a ledger with a trusted anchor")
});

fuzz_target!(|bytes: &[u8]| {
    let state = &*STATE;
    let now: Timestamp = state.clock();
    let whole = Digest::of(bytes);
    let served = |digest: &Digest| (*digest == whole).then(|| "v1/lists/na/ctl.pem".to_owned());
    for files in [
        Files { version: &|_, _, _| None, served: &|_| None },
        Files { version: &|_, _, digest| Some(*digest == whole), served: &served },
    ] {
        let found = examine(state, &files, bytes, now);
        assert!(found.certificates.len() <= MAX_CERTIFICATES);
        assert!(bytes.len() <= MAX_BYTES || found.refused.is_some());
        assert_eq!(found.refused.is_some(), found.read.is_none());
        assert!(found.refused.is_none() || found.certificates.is_empty());
        for one in &found.certificates {
            assert_eq!(one.lists.len(), state.charter.lists.len());
            for judged in &one.lists {
                let Answer::Trusted { ways } = &judged.answer else { continue };
                assert!(!ways.is_empty());
                for way in ways {
                    let top = way.path.last().unwrap();
                    assert_eq!((top.source, way.uses.is_empty()), (Source::Anchor, false));
                    assert_eq!(way.path[0].fingerprint, one.fingerprint);
                    let anchor = state.anchor(&judged.list, &top.fingerprint).unwrap();
                    assert!(state.is_trusted(&judged.list, &anchor.listed));
                }
            }
        }
        // What is published under the latest number is known from the state alone.
        if let Some(Origin::Version { list, sequence, latest, .. }) =
            found.file.as_ref().map(|file| &file.origin)
        {
            assert!(state.lists.contains_key(list) && sequence <= latest);
        }
        let told = serde_json::to_string(&found).unwrap();
        assert!(told.chars().all(print::is_safe), "{told}");
        assert!(told.len() < 2 * 1024 * 1024);
    }
});
