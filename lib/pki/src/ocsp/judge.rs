//! What a response means for the question that was asked (RFC 6960 section 3.2).

use super::question::Match;
use super::signer::{self, Signer};
use super::{Answer, Basic, CertStatus, Hash, Note, OcspResponse, Question, Reason, ResponseStatus};
use crate::Certificate;
use crate::der::{self, OCTET_STRING};
use crate::error::AlgorithmName;
use crate::revocation::{Outcome, RevocationReason};

/// The limits of a judgement, in seconds. The default allows a clock that is five minutes off and wants every
/// answer to say until when it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How far clocks may disagree.
    pub skew: i64,
    /// How old an answer may be, even if its responder thinks otherwise.
    pub max_age: Option<i64>,
    /// How old an answer may be that does not say until when it holds; `None` refuses it. RFC 6960 section
    /// 4.2.2.1 takes such an answer to mean that there is always a newer one.
    pub max_age_without_next_update: Option<i64>,
    /// When less than this is left before the next update, a note says so.
    pub near: Option<i64>,
    /// How long before the end of an answer its successor should be there; half of its time for an answer that
    /// holds for less than twice as long. When it is not, a note says so. The CA/Browser Forum Baseline
    /// Requirements section 4.9.10 ask for 8 hours.
    pub renewal: Option<i64>,
    /// When an answer holds for less than this, a note says so.
    pub min_interval: Option<i64>,
    /// When an answer holds for longer than this, a note says so.
    pub max_interval: Option<i64>,
    /// When the responder's certificate ends within this, a note says so.
    pub delegate_near: Option<i64>,
    /// Whether an answer without the nonce that was sent is refused; otherwise a note says so.
    pub require_nonce: bool,
    /// Whether a responder's certificate without id-pkix-ocsp-nocheck is refused; otherwise a note says so.
    pub require_nocheck: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            skew: 300,
            max_age: None,
            max_age_without_next_update: None,
            near: None,
            renewal: None,
            min_interval: None,
            max_interval: None,
            delegate_near: None,
            require_nonce: false,
            require_nocheck: false,
        }
    }
}

/// What became of the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NonceResult {
    /// None was sent and none came back.
    NotUsed,
    /// The answer repeats it: it was made for this question.
    Echoed,
    /// It was sent and did not come back: the answer may have been made before.
    Missing,
    /// Another one came back: the answer was made for somebody else's question.
    Wrong,
    /// None was sent and one came back.
    Unrequested,
}

/// What a response means, and what was seen in it. While there are problems, everything seen is the claim of
/// somebody unknown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// The result.
    pub outcome: Outcome<Reason>,
    /// Everything that forbids to believe the response or makes it useless, the most telling first.
    pub problems: Vec<Reason>,
    /// What else is worth knowing.
    pub notes: Vec<Note>,
    /// What the responder says of the request.
    pub status: ResponseStatus,
    /// When the response was signed.
    pub produced_at: Option<i64>,
    /// When the answer was known to be right.
    pub this_update: Option<i64>,
    /// Until when the answer holds.
    pub next_update: Option<i64>,
    /// Whose key made the signature. Whether they may sign is proven only while there are no problems.
    pub signer: Option<Signer>,
    /// The algorithm of the signature.
    pub algorithm: Option<AlgorithmName>,
    /// What became of the nonce.
    pub nonce: NonceResult,
    /// The hash by which the answer names the issuer.
    pub hash: Option<Hash>,
    /// How many answers the response holds, those about other certificates included.
    pub answers: usize,
}

/// Judges a response to a question. `responders` are certificates that the caller knows besides those that the
/// response carries; like those they must be certified by the issuer for this. That the certificate in question
/// was issued by the question's issuer is for path validation to say.
pub fn judge(
    response: &OcspResponse,
    question: &Question<'_>,
    responders: &[&Certificate],
    time: i64,
    limits: &Limits,
) -> Judgement {
    let mut judgement = Judgement {
        outcome: Outcome::Undetermined(Reason::NotSuccessful(response.status)),
        problems: Vec::new(),
        notes: Vec::new(),
        status: response.status,
        produced_at: None,
        this_update: None,
        next_update: None,
        signer: None,
        algorithm: None,
        nonce: NonceResult::NotUsed,
        hash: None,
        answers: 0,
    };
    let Some(basic) = &response.basic else {
        judgement.problems.push(Reason::NotSuccessful(response.status));
        return judgement;
    };
    judgement.look_at_signature(basic, question, responders, time, limits);
    judgement.look_at_response(basic, question, time, limits);
    judgement.outcome = judgement.answer(basic, question, time, limits);
    judgement
}

impl Judgement {
    fn look_at_signature(
        &mut self,
        basic: &Basic,
        question: &Question<'_>,
        responders: &[&Certificate],
        time: i64,
        limits: &Limits,
    ) {
        self.algorithm = Some(basic.algorithm.clone());
        let found = signer::find(basic, question, responders, time, limits);
        self.signer = found.signer;
        self.problems.extend(found.problems);
        self.notes.extend(found.notes);
        if basic.certificates.iter().any(Result::is_err) {
            self.notes.push(Note::IncludedCertificateUnreadable);
        }
    }

    fn look_at_response(&mut self, basic: &Basic, question: &Question<'_>, time: i64, limits: &Limits) {
        self.produced_at = Some(basic.produced_at);
        self.answers = basic.answers.len();
        if let Some(oid) = &basic.unknown_critical {
            self.problems.push(Reason::UnknownCriticalExtension(oid.clone()));
        }
        if basic.has_extended_revoke {
            self.notes.push(Note::ExtendedRevoke);
        }
        if basic.produced_at > time.saturating_add(limits.skew) {
            self.problems.push(Reason::ProducedAtFuture { produced_at: basic.produced_at, time });
        }
        self.nonce = match (question.nonce(), basic.nonce.as_deref()) {
            (None, None) => NonceResult::NotUsed,
            (None, Some(_)) => NonceResult::Unrequested,
            (Some(_), None) => NonceResult::Missing,
            (Some(sent), Some(came)) if der::only(came, OCTET_STRING) == Ok(sent) => NonceResult::Echoed,
            (Some(_), Some(_)) => NonceResult::Wrong,
        };
        match self.nonce {
            NonceResult::Wrong => self.problems.push(Reason::NonceWrong),
            NonceResult::Missing if limits.require_nonce => self.problems.push(Reason::NonceMissing),
            NonceResult::Missing => self.notes.push(Note::NonceMissing),
            NonceResult::Unrequested => self.notes.push(Note::NonceUnrequested),
            NonceResult::NotUsed | NonceResult::Echoed => {}
        }
    }

    /// Several answers about one certificate are judged each for itself: revoked counts before all, good only if
    /// all say so.
    fn answer(
        &mut self,
        basic: &Basic,
        question: &Question<'_>,
        time: i64,
        limits: &Limits,
    ) -> Outcome<Reason> {
        let answers: Vec<_> =
            basic.answers.iter().filter(|answer| question.compare(answer) == Match::Whole).collect();
        if answers.len() > 1 {
            self.notes.push(Note::SeveralAnswers { count: answers.len() });
        }
        if answers.is_empty() {
            self.problems.push(mismatch(basic, question));
        }
        let of_response = self.problems.clone();
        let mut revoked = None;
        for answer in answers {
            let problems = answer_problems(answer, time, limits);
            if let (CertStatus::Revoked { time, reason_code }, true) = (answer.status, problems.is_empty())
                && revoked.is_none()
            {
                revoked = Some((time, reason_code));
                self.observe(answer);
            } else if self.this_update.is_none() {
                self.observe(answer);
            }
            self.note(basic, answer, time, limits);
            self.problems.extend(problems);
        }
        match (of_response.into_iter().next(), revoked, self.problems.first()) {
            (Some(problem), _, _) => Outcome::Undetermined(problem),
            (None, Some((time, code)), _) => {
                Outcome::Revoked { time, reason: code.and_then(RevocationReason::from_code) }
            }
            (None, None, Some(problem)) => Outcome::Undetermined(problem.clone()),
            (None, None, None) => Outcome::Good,
        }
    }

    fn observe(&mut self, answer: &Answer) {
        self.this_update = Some(answer.this_update);
        self.next_update = answer.next_update;
        self.hash = answer.hash;
    }

    fn note(&mut self, basic: &Basic, answer: &Answer, time: i64, limits: &Limits) {
        if answer.hash == Some(Hash::Sha1) {
            self.notes.push(Note::Sha1Certid);
        }
        if basic.produced_at < answer.this_update {
            self.notes.push(Note::ProducedBeforeThisUpdate);
        }
        match answer.next_update {
            None if limits.max_age_without_next_update.is_some() => self.notes.push(Note::NextUpdateMissing),
            None => {}
            Some(next_update) => {
                let (left, interval) =
                    (next_update.saturating_sub(time), next_update.saturating_sub(answer.this_update));
                if left >= 0 && limits.near.is_some_and(|near| left < near) {
                    self.notes.push(Note::NextUpdateNear { left });
                }
                if left >= 0 && limits.renewal.is_some_and(|renewal| left < renewal.min(interval / 2)) {
                    self.notes.push(Note::RenewedTooLate { left });
                }
                match (limits.min_interval, limits.max_interval) {
                    (Some(limit), _) if interval < limit => {
                        self.notes.push(Note::IntervalTooShort { interval, limit });
                    }
                    (_, Some(limit)) if interval > limit => {
                        self.notes.push(Note::IntervalTooLong { interval, limit });
                    }
                    _ => {}
                }
            }
        }
        if let CertStatus::Revoked { time: since, reason_code } = answer.status {
            if since > time.saturating_add(limits.skew) {
                self.notes.push(Note::RevocationDateFuture { time: since });
            }
            match reason_code {
                None => self.notes.push(Note::RevocationReasonMissing),
                Some(code @ (7 | 8 | 11..)) => self.notes.push(Note::ReasonIllegal { code }),
                Some(_) => {}
            }
        }
    }
}

/// No answer is about the certificate: what comes nearest?
fn mismatch(basic: &Basic, question: &Question<'_>) -> Reason {
    let nearest = |wanted: Match| basic.answers.iter().find(|answer| question.compare(answer) == wanted);
    if basic.answers.is_empty() {
        Reason::NoAnswer
    } else if nearest(Match::SerialOnly).is_some() {
        Reason::CertidIssuerMismatch
    } else if nearest(Match::IssuerOnly).is_some() {
        Reason::CertidSerialMismatch
    } else if let Some(answer) = nearest(Match::UnknownHash) {
        Reason::CertidHashUnsupported(answer.hash_name.clone())
    } else {
        Reason::CertidMismatch
    }
}

fn answer_problems(answer: &Answer, time: i64, limits: &Limits) -> Vec<Reason> {
    let mut problems = Vec::new();
    let this_update = answer.this_update;
    if let Some(oid) = &answer.unknown_critical {
        problems.push(Reason::UnknownCriticalSingleExtension(oid.clone()));
    }
    if this_update > time.saturating_add(limits.skew) {
        problems.push(Reason::ThisUpdateFuture { this_update, time });
    }
    match answer.next_update {
        Some(next_update) if next_update < this_update => problems.push(Reason::NextUpdateBeforeThisUpdate),
        Some(next_update) if next_update.saturating_add(limits.skew) < time => {
            problems.push(Reason::NextUpdatePast { next_update, time });
        }
        None if limits.max_age_without_next_update.is_none() => problems.push(Reason::NextUpdateMissing),
        _ => {}
    }
    let age = time.saturating_sub(this_update);
    let without = limits.max_age_without_next_update.filter(|_| answer.next_update.is_none());
    if let Some(limit) = limits.max_age.into_iter().chain(without).min()
        && age > limit.saturating_add(limits.skew)
    {
        problems.push(Reason::TooOld { age, limit });
    }
    if answer.status == CertStatus::Unknown {
        problems.push(Reason::StatusUnknown);
    }
    problems
}
