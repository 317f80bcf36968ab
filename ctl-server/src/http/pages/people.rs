//! The pages of participants, auditors and the MO registry.

use ctl_core::names::{MoId, ParticipantId};
use ctl_serve::{Call, Problem, Route};
use ctl_web::{Frame, Search, place};
use serde::Deserialize;
use warp::reply::Response;

use super::{App, chosen, html, page};

pub(super) fn routes() -> Vec<Route<App>> {
    vec![
        page(place::PARTICIPANTS, participants, "Everyone who takes part, for people."),
        page("/participants/{participant}", participant, "A participant, for people.")
            .fails(404, "Nobody has this id."),
        page(place::AUDITORS, auditors, "Whose audit reports count, for people."),
        page(place::REGISTRY, registry, "The MO identifiers, to search in."),
        page("/registry/{id}", mo_id, "An MO identifier, for people.").fails(404, "It is not assigned."),
    ]
}

#[derive(Debug, Deserialize)]
struct Kind {
    #[serde(default)]
    kind: String,
    #[serde(default)]
    after: String,
}

async fn participants(app: App, call: Call) -> Result<Response, Problem> {
    let Kind { kind, after } = call.query()?;
    let (kind, after) = (chosen("kind", kind)?, chosen::<ParticipantId>("after", after)?);
    let (state, now) = app.view();
    let frame = Frame { state: &state, now, here: place::PARTICIPANTS };
    Ok(html(ctl_web::participants(&frame, kind, after.as_ref())))
}

async fn participant(app: App, call: Call) -> Result<Response, Problem> {
    let id: ParticipantId = call.part("participant")?;
    let (state, now) = app.view();
    let here = place::participant(&id);
    let page = ctl_web::participant(&Frame { state: &state, now, here: &here }, &id);
    Ok(html(page.ok_or_else(|| Problem::not_found(format!("nobody is registered as {id}")))?))
}

async fn auditors(app: App, _: Call) -> Result<Response, Problem> {
    let (state, now) = app.view();
    Ok(html(ctl_web::auditors(&Frame { state: &state, now, here: place::AUDITORS })))
}

#[derive(Debug, Deserialize)]
struct Asked {
    #[serde(default)]
    q: String,
    #[serde(default)]
    holder: String,
    #[serde(default)]
    country: String,
    #[serde(default)]
    after: String,
}

async fn registry(app: App, call: Call) -> Result<Response, Problem> {
    let Asked { q, holder, country, after } = call.query()?;
    let country = country.to_ascii_uppercase();
    let is_country =
        country.is_empty() || (country.len() == 2 && country.bytes().all(|one| one.is_ascii_uppercase()));
    if !is_country {
        return Err(Problem::malformed("country: two letters (ISO 3166-1)"));
    }
    let search = Search {
        text: q.chars().take(ctl_web::LONGEST).collect(),
        holder: chosen("holder", holder)?,
        country,
        after: chosen::<MoId>("after", after)?,
    };
    let (state, now) = app.view();
    Ok(html(ctl_web::registry(&Frame { state: &state, now, here: place::REGISTRY }, &search)))
}

async fn mo_id(app: App, call: Call) -> Result<Response, Problem> {
    let id: MoId = call.part("id")?;
    let (state, now) = app.view();
    let here = place::mo_id(&id);
    let page = ctl_web::mo_id(&Frame { state: &state, now, here: &here }, &id);
    Ok(html(page.ok_or_else(|| Problem::not_found(format!("{id} is not assigned")))?))
}
