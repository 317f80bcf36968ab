//! What happens now and then in two years: cross-certificates, notices, decisions about roots and people; and what is
//! under way at the end.

use ctl_core::Digest;
use ctl_core::names::Label;
use ctl_core::parts::{AnchorStatus, Der, DistrustKind, Distrusted, WithdrawalReason};
use ctl_governance::statement::body::{
    ApplicationSubmit, ApplicationWithdraw, Candidate, Change, Choice, CrossAnswer, CrossRequest,
    CrossRespond, NoticeIssue, NoticeLift, ParticipantAction, RefusalReason,
};
use ctl_sandbox::{PkiKind, cross_certify};

use super::life::{ALL, fingerprint, list};
use super::{Applicant, DAY, Years};

impl Years {
    /// Two V2G roots that are listed talk about a cross-certificate: some agree, some do not, some never answer.
    pub(super) fn crossing(&mut self, month: usize, before: &[Applicant<'_>]) {
        let listed: Vec<&Applicant<'_>> = before
            .iter()
            .filter(|one| {
                one.pki.spec().kind == PkiKind::V2g && self.is_listed("eu", one.pki.root().certificate())
            })
            .collect();
        let (Some(issuer), Some(subject)) = (listed.get(month * 3 % listed.len().max(1)), listed.last())
        else {
            return;
        };
        let (issuer, subject) = (issuer.pki, subject.pki);
        if issuer.spec() == subject.spec() {
            return;
        }
        let (from, to) = (issuer.root().certificate(), subject.root().certificate());
        let terms = Some(self.text("Both sides keep their policies as they are."));
        let request = CrossRequest {
            issuer_anchor: fingerprint(from),
            list: list("eu"),
            requester_anchor: fingerprint(to),
            terms,
        };
        let request = self.say(&subject.spec().slug(), request);
        let (answer, reason) = match month % 4 {
            0 => (CrossAnswer::Declined, Some(RefusalReason::PolicyNotMet)),
            3 => return,
            _ => (CrossAnswer::Accepted, None),
        };
        self.pass(2 * DAY);
        self.say(&issuer.spec().slug(), CrossRespond { answer, document: None, reason, request });
        if answer == CrossAnswer::Declined {
            return;
        }
        let begin = self.scheme.now.unix();
        let cross = cross_certify(issuer.root(), to, begin, begin + 5 * 365 * DAY as i64).unwrap();
        let name: Label = format!("{} by {}", subject.spec().name, issuer.spec().name).parse().unwrap();
        let candidate = Candidate::CrossCertificate { issuer: fingerprint(from), subject: fingerprint(to) };
        let certificate = Der(cross.der().to_vec());
        let submit = ApplicationSubmit { candidate, certificate, list: list("eu"), name, possession: None };
        let index = self.say(&subject.spec().slug(), submit);
        self.screen(index);
        self.attach(index, 0);
        self.pass(8 * DAY);
        if let Some(proposal) = self.admit(index, month) {
            self.vote(proposal, &ALL);
        }
    }

    /// What happens once.
    pub(super) fn events(&mut self, month: usize, before: &[Applicant<'_>]) {
        let root = |n: usize| fingerprint(before[n].pki.root().certificate());
        let eu = || list("eu");
        let status = |n: usize, to, not_issued_after| Change::ChangeStatus {
            certificate: root(n),
            list: eu(),
            not_issued_after,
            to,
        };
        match month {
            6 => {
                _ = self.decide(
                    "elector-beta",
                    status(3, AnchorStatus::Warning, None),
                    "Its CRL was late for days.",
                )
            }
            9 => {
                let expires_at = self.scheme.now.plus_seconds(30 * DAY);
                let reason = WithdrawalReason::KeyCompromise;
                let issue = NoticeIssue { anchor: root(5), expires_at, list: eu(), reason };
                let notice = self.say("officer-alpha", issue);
                self.scheme.publish();
                self.pass(DAY);
                self.scheme.say_by(&["officer-alpha", "officer-beta"], NoticeLift { notice });
            }
            12 => {
                _ = self.decide(
                    "elector-alpha",
                    status(7, AnchorStatus::Suspended, None),
                    "Nobody answers there.",
                )
            }
            14 => {
                _ = self.decide(
                    "elector-alpha",
                    status(9, AnchorStatus::Withdrawn, None),
                    "It has ceased to operate.",
                )
            }
            15 => {
                let day = Some(self.scheme.now);
                _ = self.decide(
                    "elector-gamma",
                    status(11, AnchorStatus::Deprecated, day),
                    "It is being replaced.",
                );
            }
            16 => {
                let what =
                    Distrusted { kind: DistrustKind::Spki, sha256: Digest::of(b"a key that was stolen") };
                let change = Change::Distrust { list: eu(), what };
                _ = self.decide("elector-delta", change, "The key was found on a public server.");
            }
            18 => {
                let action = ParticipantAction::Suspend {};
                let change = Change::Participant { action, participant: "oem".parse().unwrap() };
                _ = self.decide("elector-alpha", change, "It asked for it.");
            }
            19 => {
                let change = Change::WithdrawAuditor { auditor: "auditor-3".parse().unwrap() };
                _ = self.decide("elector-epsilon", change, "Its reports were copies of each other.");
            }
            20 => {
                let mut charter = self.scheme.state.charter.as_ref().clone();
                charter.assembly.voting_seconds = 21 * DAY;
                let change = Change::AmendCharter { charter: Box::new(charter) };
                _ = self.decide("elector-alpha", change, "Two weeks are too short in summer.");
            }
            _ => {}
        }
    }

    /// What is under way now.
    pub(super) fn open_ends(&mut self, applicants: &[Applicant<'_>]) {
        let root = |n: usize| fingerprint(applicants[n].pki.root().certificate());
        let change = Change::ChangeStatus {
            certificate: root(2),
            list: list("eu"),
            not_issued_after: None,
            to: AnchorStatus::Suspended,
        };
        let proposal =
            self.propose("elector-beta", change, "Its responder has called revoked certificates good.");
        self.vote(proposal, &[Choice::Approve, Choice::Abstain]);
        let open: Vec<u64> = self
            .scheme
            .state
            .applications
            .values()
            .filter(|one| one.is_open())
            .map(|one| one.index)
            .collect();
        if let Some(first) = open.first() {
            let applicant = self.application(*first).applicant.to_string();
            self.say(&applicant, ApplicationWithdraw { application: *first });
        }
        for anchor in [root(4), root(8)] {
            if self.scheme.state.anchor(&list("eu"), &anchor).is_some() {
                let expires_at = self.scheme.now.plus_seconds(30 * DAY);
                let reason = WithdrawalReason::KeyCompromise;
                self.say("officer-alpha", NoticeIssue { anchor, expires_at, list: list("eu"), reason });
            }
        }
    }
}
