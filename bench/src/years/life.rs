//! What happens in two years: roots apply in every month, identifiers are assigned, notices come and go.

use ctl_core::names::{ListId, MoId, ParticipantId};
use ctl_core::parts::{Constraints, Der, Purpose, Standard, Use};
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::{
    ApplicationSubmit, Candidate, Change, Choice, CommentAdd, EvidenceAttach, MoAssign, MoSuspend,
    MoTransfer, MoWithdraw, SubcaDisclose,
};
use ctl_governance::statement::parts::{EvidenceKind, ParticipantKind as Kind};
use ctl_pki::Certificate;
use ctl_sandbox::{PkiKind, Role};

use super::{Applicant, DAY, HOUR, LISTS, ORGANISATIONS, Years};
use crate::scheme::participant;

/// How long it has lived, in months of thirty days and a little.
const MONTHS: usize = 24;
const MONTH: u64 = 730 * DAY / 24;
/// How many mobility operators there are, and how many identifiers they hold.
const HOLDERS: usize = 40;
const MO_IDS: usize = 10_000;
const COUNTRIES: [&str; 10] = ["DE", "NL", "FR", "US", "IT", "ES", "SE", "NO", "JP", "KR"];
const REGISTRIES: [&str; 4] = ["bdew", "idro", "afirev", "evroaming"];
const AUDITORS: usize = 4;
/// How many votes go how: most pass at once, some are refused, some are close.
pub(super) const ALL: [Choice; 5] = [Choice::Approve; 5];
const CLOSE: [Choice; 5] =
    [Choice::Approve, Choice::Reject, Choice::Approve, Choice::Abstain, Choice::Approve];
const NONE: [Choice; 5] = [Choice::Reject, Choice::Reject, Choice::Approve, Choice::Reject, Choice::Abstain];

pub(super) fn list(id: &str) -> ListId {
    id.parse().unwrap()
}

/// The n-th identifier, of one country after the other.
fn mo_id(n: usize) -> MoId {
    let digit = |n: usize| b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n % 36] as char;
    let (country, n) = (COUNTRIES[n % COUNTRIES.len()], n / COUNTRIES.len());
    format!("{country}{}{}{}", digit(n / 1296 + 10), digit(n / 36), digit(n)).parse().unwrap()
}

fn uses(kind: PkiKind) -> Vec<Use> {
    let purpose = match kind {
        PkiKind::V2g => Purpose::V2g,
        PkiKind::Oem => Purpose::Oem,
        PkiKind::Mo => Purpose::Mo,
    };
    vec![Use { standard: Standard::Iso15118_2, purpose }]
}

pub(super) fn fingerprint(certificate: &Certificate) -> Digest {
    Digest::from_bytes(certificate.sha256())
}

impl Years {
    /// Two years later, `now`: these PKIs have applied, and all but some were admitted.
    #[must_use]
    pub fn lived(applicants: &[Applicant<'_>], now: Timestamp) -> Self {
        let mut years = Self::founded(now.minus_seconds(730 * DAY));
        let start = years.scheme.now;
        years.scheme.publish();
        for month in 0..MONTHS {
            let begin = start.plus_seconds(month as u64 * MONTH);
            years.scheme.now = years.scheme.now.max(begin);
            let share = |number: usize| month * number / MONTHS..(month + 1) * number / MONTHS;
            let new = &applicants[share(applicants.len())];
            let before = &applicants[..share(applicants.len()).start];
            years.newcomers(month, new);
            years.identifiers(share(MO_IDS));
            let last = month + 1 == MONTHS;
            years.applications(month, new, last);
            if !last {
                years.crossing(month, before);
                years.disclose(new);
            }
            years.events(month, before);
            for (n, applicant) in before.iter().enumerate().skip(month % 5).step_by(9) {
                years.outage(applicant, 1 + usize::from(n % 4 != 0), true);
            }
            // Between the months the take-up ends and votes that were left do.
            years.scheme.now = years.scheme.now.max(begin.plus_seconds(MONTH - 3 * DAY));
            years.scheme.publish();
        }
        years.watched(applicants, now);
        years.open_ends(applicants);
        years.scheme.publish();
        assert!(years.scheme.now < now, "two years are too short: {} is after {now}", years.scheme.now);
        years
    }

    /// Who joins.
    fn newcomers(&mut self, month: usize, new: &[Applicant<'_>]) {
        if month == 0 {
            for n in 0..HOLDERS {
                let (id, name) = (format!("mo-{n:02}"), format!("Mobility Operator {n:02} GmbH"));
                self.scheme.register("admissions", participant(&id, &id, &name, Kind::Mo));
            }
            for n in 0..AUDITORS {
                let (id, name) = (format!("auditor-{n}"), format!("Auditing House {n} LLP"));
                self.scheme.register("admissions", participant(&id, &id, &name, Kind::Auditor));
                let auditor: ParticipantId = id.parse().unwrap();
                let years = if n == 1 { None } else { Some((3 - n as u64 / 2) * 365) };
                let expires_at = years.map(|days| self.scheme.now.plus_seconds(days * DAY));
                let change = Change::AccreditAuditor { auditor, expires_at };
                self.decide("elector-alpha", change, "Known to all of us for years.");
            }
            self.scheme.register("admissions", participant("cpo", "cpo", "Charging Points AG", Kind::Cpo));
            self.scheme.register("admissions", participant("oem", "oem", "Vehicles Inc.", Kind::Oem));
        }
        for applicant in new {
            let spec = applicant.pki.spec();
            let id = spec.slug();
            self.scheme.register("admissions", participant(&id, &id, &spec.operator, Kind::PkiOperator));
        }
    }

    /// What registrars do in a month.
    fn identifiers(&mut self, share: std::ops::Range<usize>) {
        for n in share {
            let id = mo_id(n);
            let holder = format!("mo-{:02}", n * 7 % HOLDERS);
            let source = REGISTRIES[n % REGISTRIES.len()].parse().unwrap();
            let assign = MoAssign { holder: holder.parse().unwrap(), id: id.clone(), source };
            self.scheme.say("registrar", assign);
            let to = format!("mo-{:02}", (n * 7 + 1) % HOLDERS);
            match n % 250 {
                17 => {
                    let transfer = MoTransfer { id, to: to.parse().unwrap() };
                    self.scheme.say_by(&["registrar", &holder], transfer);
                }
                40 => self.scheme.say("registrar", MoSuspend { id }),
                90 => self.scheme.say("registrar", MoWithdraw { id }),
                _ => {}
            }
        }
        self.pass(HOUR);
    }

    /// The applications of a month, for each list, to their decisions.
    fn applications(&mut self, month: usize, new: &[Applicant<'_>], last: bool) {
        self.pass(DAY);
        let mut open = Vec::new();
        for (n, applicant) in new.iter().enumerate() {
            for (id, _, every) in LISTS {
                if (n + month).is_multiple_of(every) {
                    open.push(self.apply(applicant, id));
                }
            }
        }
        for (n, index) in open.iter().enumerate() {
            // In the last month some are left where they are.
            if !(last && n % 3 == 0) {
                self.attach(*index, (n + month) % AUDITORS);
            }
        }
        if last {
            return;
        }
        self.pass(8 * DAY);
        for (n, index) in open.iter().enumerate() {
            let choices = match (month * 7 + n) % 23 {
                5 => NONE,
                2 | 11 => CLOSE,
                _ => ALL,
            };
            if let Some(proposal) = self.admit(*index, n) {
                self.vote(proposal, &choices);
            }
        }
    }

    fn apply(&mut self, applicant: &Applicant<'_>, on: &str) -> u64 {
        let spec = applicant.pki.spec();
        let submit = ApplicationSubmit {
            candidate: Candidate::Root {
                constraints: Constraints::default(),
                services: applicant.services.clone(),
                uses: uses(spec.kind),
            },
            certificate: Der(applicant.pki.root().certificate().der().to_vec()),
            list: list(on),
            name: spec.name.parse().unwrap(),
            possession: None,
        };
        let index = self.say(&spec.slug(), submit);
        self.screen(index);
        index
    }

    /// Evidence, comments, and the screening after them.
    pub(super) fn attach(&mut self, index: u64, auditor: usize) {
        let application = self.application(index);
        let applicant = application.applicant.to_string();
        let text = format!(
            "Certificate policy of {applicant}\n\n1. Scope\n\nThis document says how its CAs are kept.\n"
        );
        let blob = Some(self.text(text.repeat(3)));
        let attach = |kind, blob, dated, fingerprint| EvidenceAttach {
            application: index,
            blob,
            dated,
            fingerprint,
            kind,
        };
        self.say(&applicant, attach(EvidenceKind::CertificatePolicy, blob, None, None));
        let heard = Some(application.fingerprint);
        self.say("elector-beta", attach(EvidenceKind::SecondChannelFingerprint, None, None, heard));
        let dated = Some(self.scheme.now.minus_seconds(20 * DAY));
        let blob = Some(self.text(format!("Audit of {applicant}: no major nonconformity was found.")));
        self.say(&format!("auditor-{auditor}"), attach(EvidenceKind::AuditReport, blob, dated, None));
        self.screen(index);
        let comment = self.text(format!(
            "The CRL of {applicant} is issued every day.\nWe would like to see two addresses of it before we vote."
        ));
        self.say("elector-gamma", CommentAdd { about: index, comment });
    }

    /// Put to the vote, if nothing stands against it that nobody can waive.
    pub(super) fn admit(&mut self, index: u64, n: usize) -> Option<u64> {
        let application = self.application(index);
        let errors = application.errors();
        if errors.iter().any(|(_, waivable)| !waivable) {
            return None;
        }
        let waived = errors.into_iter().map(|(id, _)| id).collect();
        let evidence = application.evidence.iter().map(|evidence| evidence.index).collect();
        let screening = application.screening.as_ref()?.index;
        let (certificate, list) = (application.fingerprint, application.list.clone());
        let change = match &application.candidate {
            Candidate::Root { constraints, uses, .. } => Change::Admit {
                application: index,
                certificate,
                constraints: constraints.clone(),
                evidence,
                list,
                screening,
                uses: uses.clone(),
                waived,
            },
            Candidate::CrossCertificate { .. } => {
                Change::AdmitCross { application: index, certificate, evidence, list, screening, waived }
            }
        };
        let elector = format!("elector-{}", ORGANISATIONS[n % ORGANISATIONS.len()]);
        Some(self.propose(&elector, change, "Everything that the charter asks for is there."))
    }

    /// The sub-CAs of those that were admitted.
    fn disclose(&mut self, new: &[Applicant<'_>]) {
        for applicant in new {
            let (pki, slug) = (applicant.pki, applicant.pki.spec().slug());
            if !self.is_listed("eu", pki.root().certificate()) {
                continue;
            }
            for (role, entity) in pki.entities().filter(|(role, _)| role.is_ca() && *role != Role::Root) {
                let issuer = role.issuer().and_then(|issuer| pki.get(issuer)).unwrap().certificate();
                let certificate = Der(entity.certificate().der().to_vec());
                self.say(&slug, SubcaDisclose { certificate, issuer: fingerprint(issuer) });
            }
        }
    }

    pub(super) fn is_listed(&self, on: &str, root: &Certificate) -> bool {
        let anchor = self.scheme.state.anchor(&list(on), &fingerprint(root));
        anchor.is_some_and(|anchor| self.scheme.state.is_trusted(&list(on), &anchor.listed))
    }
}
