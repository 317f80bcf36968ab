//! Rules 2 as they might come one day, for tests only: a version costs a table and a few lines. It loosens one
//! limit, changes one effect and adds one type of statement.

use serde::{Deserialize, Serialize};

use crate::rules::{Rules, RulesVersion, V1};
use crate::state::State;
use crate::statement::parts::BlobRef;

/// The table.
pub(super) const V2: Rules =
    Rules { version: RulesVersion::V2, service_addresses: 40, suspension_closes: false, ..V1 };

/// `test.greet`: by anyone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Greet {
    /// The greeting.
    pub words: BlobRef,
}

pub(super) fn apply(state: &mut State, body: &Greet) {
    state.blobs.insert_mut(body.words.sha256, body.words.access);
}

#[path = "../tests/governance/common/mod.rs"]
pub(crate) mod common;

mod tests {
    use super::common::*;
    use super::*;
    use crate::Reason;
    use crate::statement::body::*;
    use crate::statement::known::unknown_member;
    use crate::statement::{Body, Entry};

    fn greeting() -> Greet {
        Greet { words: blob("good morning") }
    }

    /// Alpha's root, with so many addresses of its responders.
    fn submission(addresses: usize) -> ApplicationSubmit {
        let mut body = application(root("alpha-pki").root().certificate().der().to_vec());
        let Candidate::Root { services, .. } = &mut body.candidate else { panic!("a root") };
        services.ocsp = vec![services.ocsp[0].clone(); addresses];
        body
    }

    fn enter_2(world: &mut World) {
        let charter = Charter { rules: RulesVersion::V2, ..charter() };
        let proposal =
            world.propose("elector-1", Change::AmendCharter { charter: Box::new(charter) }).unwrap();
        world.decide(proposal);
        assert_eq!(world.state.charter.rules, RulesVersion::V2);
    }

    use crate::statement::charter::Charter;

    #[test]
    fn a_version_loosens_a_limit_changes_an_effect_and_adds_a_type_and_the_one_before_stays_as_it_was() {
        let mut world = World::published();
        let refusal = world.say(&["mo-one"], greeting()).unwrap_err();
        assert_eq!(refusal.reason, Reason::Content);
        assert!(refusal.detail.contains("unknown under rules 1; amend the charter to rules 2"), "{refusal}");
        assert_eq!(reason(world.say(&["alpha-pki"], submission(21))), Reason::Content);
        let closed = world.say(&["alpha-pki"], submission(20)).unwrap();
        world.say(&["alpha-pki"], ParticipantSuspend { participant: "alpha-pki".parse().unwrap() }).unwrap();
        assert!(!world.state.applications[&closed].is_open(), "under rules 1 a suspension closes");

        enter_2(&mut world);
        world.say(&["mo-one"], greeting()).unwrap();
        assert!(world.state.blobs.contains_key(&greeting().words.sha256));
        let beta = ApplicationSubmit {
            certificate: Der(root("beta-pki").root().certificate().der().to_vec()),
            ..submission(40)
        };
        let open = world.say(&["beta-pki"], beta).unwrap();
        world.say(&["beta-pki"], ParticipantSuspend { participant: "beta-pki".parse().unwrap() }).unwrap();
        assert!(world.state.applications[&open].is_open(), "under rules 2 it does not");
        let back = world.propose("elector-1", Change::AmendCharter { charter: Box::new(charter()) });
        assert_eq!(reason(back), Reason::Charter, "there is no way back");

        let bytes: Vec<Vec<u8>> = world.entries.iter().map(|entry| entry.bytes.clone()).collect();
        let entries: Vec<Entry> = bytes.iter().map(|bytes| Entry::parse(bytes).unwrap()).collect();
        let replayed = State::replay(&entries).unwrap();
        assert_eq!(replayed.digest(), world.state.digest(), "a ledger of both replays");
    }

    #[test]
    fn a_member_of_a_later_version_is_told_by_name() {
        let body = Body::from(greeting());
        assert_eq!(unknown_member(RulesVersion::V1, &body), Some(("words", RulesVersion::V2)));
        assert_eq!(unknown_member(RulesVersion::V2, &body), None);
    }

    use ctl_core::parts::Der;
}
