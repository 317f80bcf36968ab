//! The governance's own promises, computed here from the log: who waited how long for what.

use ctl_governance::promises::{ApplicationWaits, CrossWaits, Promises, Waits, promises as compute};
use ctl_replica::Replica;
use serde::Serialize;

use crate::AdminError;
use crate::output::{Render, lasted, section, table};

/// The promises, to be shown.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Shown(pub Promises);

impl Render for Shown {
    fn text(&self) -> String {
        let Promises { as_of, ledger_size, applications, cross_certification: cross } = &self.0;
        let mut text = format!("log of {ledger_size} entries, verified and replayed; as of {as_of}\n");
        if applications.operators.is_empty() {
            text += "nobody has applied for a place on a list\n";
        } else {
            text += "\napplications, and half of them waited at most so long (the longest) + who still wait, the longest\n";
            let all = [("all".to_owned(), &applications.all)].into_iter();
            let each = applications.operators.iter().map(|one| (one.operator.to_string(), &one.waits));
            text += &table(
                &["operator", "applied", "screening", "deliberation", "decision", "publication"],
                all.chain(each).map(|(name, waits)| application_row(name, waits)),
            );
        }
        if cross.issuers.is_empty() {
            return text + "\nnobody has asked for a cross-certificate\n";
        }
        text += "\nrequests for cross-certificates, by who was asked and who asked\n";
        let mut rows = vec![cross_row("all".into(), "all".into(), &cross.all)];
        for issuer in &cross.issuers {
            rows.push(cross_row(issuer.operator.to_string(), "all".into(), &issuer.waits));
            let each = issuer.requesters.iter();
            rows.extend(each.map(|one| cross_row(String::new(), one.operator.to_string(), &one.waits)));
        }
        text += &table(&["asked", "by", "requests", "accepted", "declined", "answer", "reasons"], rows);
        let open = cross.open.iter().map(|one| {
            let waits = lasted(one.waiting_seconds);
            format!(
                "{}: {} waits for {} since {}, {waits}",
                one.request, one.requester, one.issuer, one.requested_at
            )
        });
        text + &section("not answered yet:", &open.collect::<Vec<_>>())
    }
}

fn application_row(name: String, waits: &ApplicationWaits) -> Vec<String> {
    let ApplicationWaits { applications, screening, deliberation, decision, publication, .. } = waits;
    let mut row = vec![name, applications.to_string()];
    row.extend([screening, deliberation, decision, publication].map(words));
    row
}

fn cross_row(asked: String, by: String, waits: &CrossWaits) -> Vec<String> {
    let reason = |(reason, count): (&_, &u64)| format!("{reason} {count}");
    vec![
        asked,
        by,
        waits.requests.to_string(),
        waits.accepted.to_string(),
        waits.declined.to_string(),
        words(&waits.answer),
        waits.reasons.iter().map(reason).collect::<Vec<_>>().join(", "),
    ]
}

fn words(waits: &Waits) -> String {
    let over = match (waits.p50, waits.max) {
        (Some(p50), Some(max)) if p50 == max => lasted(p50),
        (Some(p50), Some(max)) => format!("{} ({})", lasted(p50), lasted(max)),
        _ => "-".into(),
    };
    match waits.waiting_longest {
        Some(longest) => format!("{over} + {}, {}", waits.waiting, lasted(longest)),
        None => over,
    }
}

/// Computes them.
///
/// # Errors
/// The log cannot be had or does not hold.
pub async fn promises(session: &mut Replica) -> Result<Shown, AdminError> {
    let now = session.now();
    let replayed = session.sync().await?;
    let now = now.max(replayed.state().clock);
    Ok(Shown(compute(&replayed.at(now), now)))
}
