//! A digest of the state that depends on what it says and on nothing else: not on the layout of structs, not on
//! how a release prints them. Two releases that conclude the same from a ledger have the same digest; the frozen
//! corpora hold it after every entry.
//!
//! It is SHA-256 of the RFC 8785 canonical JSON of an explicit view. Every struct is taken apart in full, so
//! that whoever adds a member must decide how it is shown. **A member that a later version brings is left out
//! while it says nothing** (none, empty, its default): otherwise the digests of all older ledgers would change.

use ctl_core::threshold::Threshold;
use ctl_core::{Digest, json as canonical};
use serde_json::{Map, Value, json};

use crate::application::{Application, Evidence, Screening};
use crate::cross::CrossCertification;
use crate::service_levels::{Breach, Claim, Closed, Counted, Found, LevelReport, ServiceLevels, Share};
use crate::state::{
    Accreditation, Anchor, CrossCertificate, Decision, Draft, Event, KeyRecord, ListState, Listed, MoEntry,
    Notice, Outcome, Participant, Proposal, Published, State, StatusChange, SubCa, Vote,
};
use crate::statement::body::DraftOpen;

impl State {
    /// The digest of this state.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(&canonical::canonical(&self.view()))
    }

    /// What the digest is of.
    #[must_use]
    pub fn view(&self) -> Value {
        let Self {
            scheme,
            environment,
            charter,
            charter_since,
            founded_at,
            clock,
            recorder,
            participants,
            keys,
            auditors,
            applications,
            proposals,
            // The proposals have their leaf hashes.
            proposal_of_leaf: _,
            open_proposals,
            lists,
            sub_cas,
            mo_ids,
            notices,
            drafts,
            published,
            authorities,
            blobs,
            service_levels,
            cross_requests,
            cross_open,
            recorded_today,
            restarts,
            lost_root,
            former_log_keys,
            agenda,
            // These three follow from the entries, whose root is included.
            frontier: _,
            times: _,
            recorded: _,
            roots: _,
        } = self;
        json!({
            "agenda": agenda.iter().map(|(at, event)| json!([at, self::event(event)])).collect::<Vec<_>>(),
            "applications": map(applications, |one| application(one)),
            "auditors": map(auditors, accreditation),
            "authorities": map(authorities, threshold),
            "blobs": map(blobs, |access| json!(access)),
            "charter": **charter,
            "charter_since": charter_since,
            "clock": clock,
            "cross_open": cross_open,
            "cross_requests": map(cross_requests.iter(), |one| cross_request(one)),
            "drafts": map(drafts, |one| draft(one)),

            "environment": environment,
            "former_log_keys": former_log_keys,
            "founded_at": founded_at,
            "keys": map(keys, key),
            "lists": map(lists, list),
            "lost_root": lost_root.as_deref().map(|root| bytes(&ctl_core::tuf::signing_bytes(root))),
            "mo_ids": map(mo_ids.iter(), mo_entry),
            "notices": map(notices, notice),
            "open_proposals": open_proposals,
            "participants": map(participants, participant),
            "proposals": map(proposals, |one| proposal(one)),
            "published": map(published, self::published),
            "recorded_today": map(recorded_today, |(day, count)| json!([day, count])),
            "recorder": recorder,
            "restarts": **restarts,
            "root": self.root(),
            "scheme": scheme,
            "service_levels": self::service_levels(service_levels),
            "size": self.size(),
            "sub_cas": map(sub_cas, |one| sub_ca(one)),
        })
    }
}

/// An object with these members.
fn map<K: ToString, V>(entries: impl IntoIterator<Item = (K, V)>, shown: impl Fn(V) -> Value) -> Value {
    Value::Object(
        entries.into_iter().map(|(name, value)| (name.to_string(), shown(value))).collect::<Map<_, _>>(),
    )
}

fn bytes(bytes: &[u8]) -> Digest {
    Digest::of(bytes)
}

fn event(event: &Event) -> Value {
    match event {
        Event::VoteCloses(index) => json!({ "vote_closes": index }),
        Event::NoticeExpires(index) => json!({ "notice_expires": index }),
        Event::TakenUp(list, fingerprint) => json!({ "taken_up": [list, fingerprint] }),
        Event::Ends(list, fingerprint) => json!({ "ends": [list, fingerprint] }),
    }
}

fn participant(one: &Participant) -> Value {
    let Participant { id, organisation, name, kinds, key, suspended, since } = one;
    json!({
        "id": id, "key": key, "kinds": kinds, "name": name, "organisation": organisation, "since": since,
        "suspended": suspended,
    })
}

fn key(one: &KeyRecord) -> Value {
    let KeyRecord { participant, replaced_by } = one;
    json!({ "participant": participant, "replaced_by": replaced_by })
}

fn accreditation(one: &Accreditation) -> Value {
    let Accreditation { since, cause, expires_at, withdrawn, decided_size } = one;
    json!({
        "cause": cause, "decided_size": decided_size, "expires_at": expires_at, "since": since,
        "withdrawn": withdrawn,
    })
}

fn application(one: &Application) -> Value {
    let Application {
        index,
        applicant,
        list,
        name,
        candidate,
        certificate,
        fingerprint,
        spki,
        not_after,
        possession,
        submitted_at,
        first_screened_at,
        screening,
        evidence,
        comments,
        discussed_since,
        proposal,
        ended,
    } = one;
    json!({
        "applicant": applicant, "candidate": candidate, "certificate": bytes(certificate),
        "comments": comments, "discussed_since": discussed_since, "ended": ended,
        "evidence": evidence.iter().map(self::evidence).collect::<Vec<_>>(), "fingerprint": fingerprint,
        "first_screened_at": first_screened_at, "index": index, "list": list, "name": name,
        "not_after": not_after, "possession": possession, "proposal": proposal,
        "screening": screening.as_ref().map(self::screening), "spki": spki, "submitted_at": submitted_at,
    })
}

fn screening(one: &Screening) -> Value {
    let Screening { index, policy, engine, findings, report, screened_at, ledger_size, observed, accredited } =
        one;
    json!({
        "accredited": accredited, "engine": engine, "findings": findings, "index": index,
        "ledger_size": ledger_size, "observed": observed, "policy": policy, "report": report,
        "screened_at": screened_at,
    })
}

fn evidence(one: &Evidence) -> Value {
    let Evidence { index, kind, author, at, blob, dated, fingerprint } = one;
    json!({
        "at": at, "author": author, "blob": blob, "dated": dated, "fingerprint": fingerprint, "index": index,
        "kind": kind,
    })
}

fn proposal(one: &Proposal) -> Value {
    let Proposal {
        index,
        leaf_hash,
        author,
        change,
        rationale,
        opened_at,
        closes_at,
        electorate,
        recused,
        struck,
        quorum,
        votes,
        comments,
        decision,
    } = one;
    json!({
        "author": author, "change": change, "closes_at": closes_at, "comments": comments,
        "decision": decision.as_ref().map(self::decision), "electorate": electorate, "index": index,
        "leaf_hash": leaf_hash, "opened_at": opened_at, "quorum": quorum, "rationale": rationale,
        "recused": recused, "struck": struck,
        "votes": map(votes, |Vote { choice, index }| json!([choice, index])),
    })
}

/// Without the reason why it lapsed, whose text may change.
fn decision(one: &Decision) -> Value {
    let Decision { at, outcome, approvals } = one;
    let outcome = match outcome {
        Outcome::Accepted => "accepted",
        Outcome::Rejected => "rejected",
        Outcome::Lapsed(_) => "lapsed",
    };
    json!({ "approvals": approvals, "at": at, "outcome": outcome })
}

fn list(one: &ListState) -> Value {
    let ListState { anchors, cross_certificates, distrusted } = one;
    json!({
        "anchors": map(anchors, |one| anchor(one)),
        "cross_certificates": map(cross_certificates, |one| cross_certificate(one)),
        "distrusted": distrusted.iter().map(|(what, cause)| json!([what, cause])).collect::<Vec<_>>(),
    })
}

fn listed(one: &Listed) -> Value {
    let Listed {
        fingerprint,
        spki,
        certificate,
        not_after,
        expired,
        operator,
        name,
        admitted_size,
        history,
        first_published,
    } = one;
    let change = |StatusChange { status, at, cause }: &StatusChange| json!([status, at, cause]);
    json!({
        "admitted_size": admitted_size, "certificate": bytes(certificate), "expired": expired,
        "fingerprint": fingerprint, "first_published": first_published,
        "history": history.iter().map(change).collect::<Vec<_>>(), "name": name, "not_after": not_after,
        "operator": operator, "spki": spki,
    })
}

fn anchor(one: &Anchor) -> Value {
    let Anchor { listed, uses, constraints, services } = one;
    json!({ "constraints": constraints, "listed": self::listed(listed), "services": services, "uses": uses })
}

fn cross_certificate(one: &CrossCertificate) -> Value {
    let CrossCertificate { listed, issuer, subject } = one;
    json!({ "issuer": issuer, "listed": self::listed(listed), "subject": subject })
}

fn sub_ca(one: &SubCa) -> Value {
    let SubCa { fingerprint, certificate, issuer, root, operator, disclosed, revoked } = one;
    json!({
        "certificate": bytes(certificate), "disclosed": disclosed, "fingerprint": fingerprint,
        "issuer": issuer, "operator": operator, "revoked": revoked, "root": root,
    })
}

fn mo_entry(one: &MoEntry) -> Value {
    let MoEntry { holder, source, status, since, cause } = one;
    json!({ "cause": cause, "holder": holder, "since": since, "source": source, "status": status })
}

fn notice(one: &Notice) -> Value {
    let Notice { index, list, anchor, spki, reason, issued_at, expires_at, ended } = one;
    json!({
        "anchor": anchor, "ended": ended, "expires_at": expires_at, "index": index, "issued_at": issued_at,
        "list": list, "reason": reason, "spki": spki,
    })
}

/// A draft by the digests of the bytes to be signed.
fn draft(one: &Draft) -> Value {
    let Draft { index, open, documents, authorities } = one;
    json!({
        "authorities": map(authorities, threshold), "documents": self::documents(documents), "index": index,
        "open": self::open(open),
    })
}

fn published(one: &Published) -> Value {
    let Published { index, at, draft, open, documents, document } = one;
    json!({
        "at": at, "document": document, "documents": self::documents(documents), "draft": draft,
        "index": index, "open": self::open(open),
    })
}

fn open(open: &DraftOpen) -> Value {
    json!(open)
}

fn documents(documents: &crate::draft::Documents) -> Value {
    json!({
        "document": documents.document.as_deref().map(bytes), "metadata": bytes(&documents.metadata),
        "sae_cms": documents.sae_cms,
    })
}

fn threshold(one: &Threshold) -> Value {
    let Threshold { needed, keys } = one;
    json!({
        "keys": map(keys, |authority| json!({ "key": authority.key, "organisation": authority.organisation })),
        "needed": needed,
    })
}

fn service_levels(all: &ServiceLevels) -> Value {
    // The last two follow from the claims.
    let ServiceLevels { claims, breaches, reports, recorded_today, open: _, about: _ } = all;
    json!({
        "breaches": breaches.values().flat_map(|of| of.iter().map(breach)).collect::<Vec<_>>(),
        "claims": map(claims.iter(), |one| claim(one)),
        "recorded_today": recorded_today.iter().map(|((watcher, of), (day, count))| {
            json!([watcher, share(of), day, count])
        }).collect::<Vec<_>>(),
        "reports": reports.iter().map(|((operator, from, watcher), report)| {
            json!([operator, from, watcher, level_report(report)])
        }).collect::<Vec<_>>(),
    })
}

fn share(one: &Share) -> Value {
    match one {
        Share::Listed(operator) => json!({ "listed": operator }),
        Share::Own => json!("own"),
        Share::Unlisted => json!("unlisted"),
    }
}

fn claim(one: &Claim) -> Value {
    let Claim {
        index,
        watcher,
        organisation,
        service,
        objective,
        policy,
        opened_at,
        recorded_at,
        found,
        closed,
    } = one;
    let Found { measured, reasons, evidence } = found;
    json!({
        "closed": closed.map(self::closed), "evidence": evidence, "index": index, "measured": measured,
        "objective": objective, "opened_at": opened_at, "organisation": organisation, "policy": policy,
        "reasons": reasons, "recorded_at": recorded_at, "service": service, "watcher": watcher,
    })
}

fn closed(one: Closed) -> Value {
    let Closed { index, at, recorded_at, lapsed } = one;
    json!([index, at, recorded_at, lapsed])
}

fn breach(one: &Breach) -> Value {
    let Breach { confirmed, recorded_at, service, objective, opened_at, needed, claims, closed } = one;
    let counted = |Counted { organisation, from, until }: &Counted| json!([organisation, from, until]);
    json!({
        "claims": map(claims, counted), "closed": closed.map(self::closed), "confirmed": confirmed,
        "needed": needed, "objective": objective, "opened_at": opened_at, "recorded_at": recorded_at,
        "service": service,
    })
}

fn level_report(one: &LevelReport) -> Value {
    let LevelReport { index, recorded_at, to, policy, report, summary } = one;
    json!({
        "index": index, "policy": policy, "recorded_at": recorded_at, "report": report, "summary": summary,
        "to": to,
    })
}

fn cross_request(one: &CrossCertification) -> Value {
    let CrossCertification {
        index,
        at,
        list,
        requester,
        requester_anchor,
        issuer,
        issuer_anchor,
        terms,
        answer,
        closed,
    } = one;
    json!({
        "answer": answer, "at": at, "closed": closed, "index": index, "issuer": issuer,
        "issuer_anchor": issuer_anchor, "list": list, "requester": requester,
        "requester_anchor": requester_anchor, "terms": terms,
    })
}
