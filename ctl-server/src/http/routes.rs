//! The table of the API's paths: purpose, handler, cost and answers.

use ctl_core::paths;
use ctl_formats::rendition;
use ctl_serve::openapi::About;
use ctl_serve::table::schema::{count, digest, object, participant, pattern, text, time};
use ctl_serve::table::{Parameter, optional, required};
use ctl_serve::{Cost, Files, Route, Table};
use ctl_web::place;
use serde_json::{Value, json};

use super::{
    App, access, anchors, applications, breaches, checkpoints, drafts, health, lists, pages, participants,
    promises, proposals, registry, statements, webhooks,
};
use crate::pool::routes as pool;
use crate::publish::site::Route as File;

const JSON: &[&str] = &["application/json"];
const BYTES: &[&str] = &["application/octet-stream"];

const ABOUT: About = About {
    title: "Certificate trust list service",
    description: "Trust lists of a multi-PKI scheme for Plug & Charge: the signed lists, registry and notices, the log \
        that they follow from, and the governance behind them. Whatever changes anything is a signed statement.",
    version: env!("CARGO_PKG_VERSION"),
};

const TEXT: &str = "text/plain; charset=utf-8";
const SVG: &str = "image/svg+xml";
const LISTED: &[&str] = &[
    rendition::PAYLOAD.media_type,
    rendition::SIGNED.media_type,
    rendition::PEM.media_type,
    rendition::PKCS7.media_type,
    rendition::SAE.media_type,
];
const SIGNED: &[&str] = &[rendition::PAYLOAD.media_type, rendition::SIGNED.media_type, TEXT];

const fn file(of: File, summary: &'static str, media_types: &'static [&'static str]) -> Files {
    Files { pattern: of.as_str(), summary, media_types }
}

/// The static files, in the order of [`File::ALL`].
const FILES: &[Files] = &[
    file(File::TufMetadata, "TUF metadata.", JSON),
    file(File::TufTargets, "TUF targets: the signed lists, registry and notices.", JSON),
    file(File::Checkpoint, "The log's checkpoint: a signed note.", &[TEXT]),
    file(File::Tile, "Hash tiles and entry bundles of the log (C2SP tlog-tiles).", BYTES),
    file(File::List, "The latest version of a list in one of its renditions.", LISTED),
    file(File::ListProof, "The proof that the latest version of a list is in the log.", &[TEXT]),
    file(File::ListVersion, "One version of a list, or its proof.", &["application/json", TEXT]),
    file(
        File::Interop,
        "Which vehicles can charge at which chargers, by the latest version.",
        &["application/json", SVG],
    ),
    file(File::Registry, "The MO registry's renditions and proofs.", SIGNED),
    file(File::Notices, "The suspension notices' renditions and proofs.", SIGNED),
];

/// Every path of the server.
#[must_use]
pub fn table() -> Table<App> {
    let all = [pages::routes(), writing(), governance(), tokens(), webhooks::routes(), pool::routes()];
    let whether = "Whether statements are accepted and served.";
    Table::new(ABOUT, all.into_iter().flatten().collect())
        .operation(whether, health::ready, health::metrics)
        .files(FILES)
        .parameters(parts().into_iter().chain(pool::parts()).collect())
        .described_at("/v1/openapi.json")
}

fn writing() -> Vec<Route<App>> {
    vec![
        Route::post(
            paths::STATEMENTS.pattern(),
            statements::record,
            "Records a signed statement: the only way anything changes.",
        )
        .takes(
            "application/jose+json",
            statements::MAX_BODY,
            "A statement: JWS in the general JSON serialisation. Long texts of it go into blobs.",
        )
        .answers(201, JSON, "It is recorded and served.")
        .schema(object(
            &["index", "leaf_hash", "recorded_at", "statement"],
            json!({
                "index": count(), "leaf_hash": digest(), "recorded_at": time(), "statement": digest(),
            }),
        ))
        .fails(409, "It was recorded before.")
        .fails(422, "The rules refuse it; `reason` says by which."),
        Route::post(
            "/v1/checkpoints",
            checkpoints::examine,
            "Compares a checkpoint that somebody has seen with the log.",
        )
        .takes("text/plain", checkpoints::MAX_BODY, "A checkpoint: a signed note.")
        .answers(200, JSON, "Whether the log begins with it.")
        .schema(object(&["verdict"], json!({ "verdict": { "enum": ["consistent", "went-back"] } })))
        .fails(422, "It is no checkpoint of this log."),
        Route::download(paths::BLOB.pattern(), "A text outside the log that a recorded statement names.")
            .answers(200, BYTES, "Its bytes; the ETag is the digest.")
            .answers(304, &[], "The caller has it: If-None-Match names its ETag.")
            .fails(404, "No statement names it, or it was never sent here.")
            .fails(410, "It was erased.")
            .and_upload("Brings such a text.")
            .takes("application/octet-stream", crate::blobs::MAX_BLOB, "The bytes, with their salt in front.")
            .answers(201, &[], "It is kept.")
            .answers(204, &[], "It was here.")
            .fails(422, "The bytes have another digest."),
        Route::get("/v1/drafts", drafts::list, "What waits for signatures.")
            .answers(200, JSON, "The drafts.")
            .schema(object(&["drafts"], json!({ "drafts": many() }))),
        Route::get(paths::DRAFT.pattern(), drafts::show, "One draft, with the bytes that are signed.")
            .answers(
                200,
                JSON,
                "The draft: `metadata`, `document` where the role has one, and `sae_cms_attributes` where the charter has \
                 the list signed as an SAE list in CMS, or `sae_cms_absent`: why this version has none.",
            )
            .fails(404, "No draft of this role waits."),
        Route::post(paths::SIGNATURES.pattern(), drafts::sign, "Brings a signer's signatures of a draft.")
            .takes(
                "application/json",
                drafts::MAX_BODY,
                "The draft's entry (`draft`) and one signer's signatures: of the metadata (`metadata_signature`), of the \
                 document where the draft has one (`document_signature`), and of the attributes of its SAE list in CMS \
                 where it has those (`sae_cms_signature`, by ECDSA with SHA-512). All that the draft asks for come together.",
            )
            .answers(200, JSON, "How many there are, and whether it is published.")
            .schema(object(&["have", "needed"], json!({ "have": count(), "needed": count() })))
            .fails(404, "No draft of this role waits.")
            .fails(409, "Another draft waits.")
            .fails(422, "The signatures are refused, or one that the draft asks for is missing."),
    ]
}

fn governance() -> Vec<Route<App>> {
    vec![
        Route::get("/v1/lists", lists::list, "The lists in a few lines each.")
            .page(place::OVERVIEW)
            .answers(200, JSON, "The lists.")
            .schema(object(&["scheme", "environment", "lists"], json!({ "lists": many() }))),
        Route::get(paths::LIST.pattern(), lists::show, "Everything on a list, in whatever status.")
            .page("/lists/{list}")
            .answers(200, JSON, "The list.")
            .fails(404, "There is no such list."),
        Route::get(
            "/v1/lists/{list}/diff",
            lists::diff,
            "What changed between two published versions of a list.",
        )
        .page("/lists/{list}/changes")
        .costs(Cost::Much)
        .query(required("from", "The older version; 0 is the empty list.", count()))
        .query(required("to", "The newer version.", count()))
        .answers(200, JSON, "The difference.")
        .fails(404, "There is no such list or version."),
        Route::get(
            "/v1/anchors/{fingerprint}",
            anchors::show,
            "One certificate on every list that knows it.",
        )
        .page("/certificates/{fingerprint}")
        .answers(200, JSON, "Where it stands, and the sub-CAs below it that were disclosed.")
        .fails(404, "No list knows it."),
        paged(
            "/v1/applications",
            applications::list,
            "Who asks for a place on a list.",
            "applications",
            count(),
        )
        .page(place::APPLICATIONS),
        Route::get(
            "/v1/applications/{application}",
            applications::show,
            "An application with its screening and evidence.",
        )
        .page("/applications/{application}")
        .costs(Cost::Much)
        .answers(200, JSON, "The application.")
        .fails(404, "This entry is no application."),
        paged("/v1/proposals", proposals::list, "What is or was put to the vote.", "proposals", count())
            .page(place::PROPOSALS),
        paged(
            "/v1/participants",
            participants::list,
            "Everyone who was ever registered.",
            "participants",
            participant(),
        )
        .page(place::PARTICIPANTS),
        paged(
            "/v1/registry/mo",
            registry::list,
            "The MO identifiers and who holds them.",
            "identifiers",
            pattern("^[A-Z]{2}[A-Z0-9]{3}$"),
        )
        .page(place::REGISTRY),
        Route::get("/v1/registry/mo/{id}", registry::show, "One MO identifier.")
            .page("/registry/{id}")
            .answers(200, JSON, "Who holds it.")
            .fails(404, "It is not assigned."),
        Route::get("/v1/sla/governance", promises::show, "How long applicants were kept waiting.")
            .page(place::PROMISES)
            .costs(Cost::Much)
            .answers(200, JSON, "The waiting times, against what the charter promises."),
        paged(
            "/v1/breaches",
            breaches::list,
            "What watchers have recorded of breaches: who claims each, when it ended, whether enough confirm it.",
            "breaches",
            pattern("^[0-9]{1,16}\\.[0-9]{1,12}$"),
        )
        .costs(Cost::Much)
        .query(optional("operator", "Only of this operator.", participant()))
        .query(optional(
            "open",
            "Only what lasts, or only what is over.",
            json!({ "type": "boolean" }),
        )),
    ]
}

fn tokens() -> Vec<Route<App>> {
    let error =
        || object(&["error", "error_description"], json!({ "error": text(), "error_description": text() }));
    vec![
        Route::post("/oauth/token", access::token, "A token for a client of the root pool (RFC 6749 section 4.4).")
            .takes("application/x-www-form-urlencoded", access::MAX_BODY, "What is asked, and the client's secret.")
            .or_takes("application/json")
            .schema(object(
                &["grant_type"],
                json!({
                    "grant_type": { "enum": ["client_credentials"] },
                    "client_id": text(), "client_secret": text(), "audience": text(),
                }),
            ))
            .answers(200, JSON, "The token.")
            .schema(object(
                &["access_token", "token_type", "expires_in", "scope"],
                json!({ "access_token": text(), "token_type": { "enum": ["Bearer"] }, "expires_in": count(), "scope": text() }),
            ))
            .answers(400, JSON, "The request is not as it should be, or asks for what is not given here.")
            .schema(error())
            .answers(401, JSON, "There is no such client, or this is not its secret.")
            .schema(error()),
        Route::get("/.well-known/jwks.json", access::jwks, "The public keys of tokens (RFC 7517).")
            .answers(200, JSON, "The keys.")
            .schema(object(&["keys"], json!({ "keys": many() }))),
    ]
}

fn paged<F>(
    pattern: &'static str,
    handler: impl Fn(App, ctl_serve::Call) -> F + Send + Sync + 'static,
    summary: &'static str,
    name: &str,
    key: Value,
) -> Route<App>
where
    F: Future<Output = Result<warp::reply::Response, ctl_serve::Problem>> + Send + 'static,
{
    Route::get(pattern, handler, summary)
        .query(optional("after", "The key of the last item of the page before.", key))
        .query(optional("limit", "How many on a page.", count()))
        .answers(200, JSON, "A page; `next` is what the next one begins after.")
        .schema(object(&["next", name], json!({ "next": { "type": ["string", "null"] }, name: many() })))
}

/// The parameters in paths.
fn parts() -> Vec<Parameter> {
    vec![
        required("digest", "The SHA-256 of the bytes.", digest()),
        required("fingerprint", "The SHA-256 of the certificate.", digest()),
        required("role", "`root`, `registry`, `notices` or a list.", text()),
        required("list", "The list's id.", text()),
        required("application", "The entry that the application is.", count()),
        required("proposal", "The entry that the proposal is.", count()),
        required("participant", "The participant's id.", participant()),
        required("entry", "The entry's index.", count()),
        required("id", "An MO identifier.", text()),
        required("endpoint", "A webhook endpoint's id.", text()),
        required("file", "The file's name.", text()),
        required(
            "tile",
            "Level and index, and the width of a partial one: this part has slashes in it.",
            text(),
        ),
        required("format", "The rendition.", text()),
        required("version", "The version's sequence; its proof has `.tlog-proof` behind it.", text()),
    ]
}

fn many() -> Value {
    json!({ "type": "array", "items": { "type": "object" } })
}
