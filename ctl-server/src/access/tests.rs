use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey as _;
use serde_json::{Value, json};
use sha2::Digest as _;

use super::*;

const NOW: i64 = 1_795_000_000;
const SECRET: &str = "a-secret-of-the-charging-company";
const KEY: &str = "an-api-key-of-the-charging-company";

fn at(second: i64) -> Timestamp {
    Timestamp::from_unix(NOW + second)
}

fn settings(pool: &str) -> Settings {
    let digest = |text: &str| ctl_core::Digest::of(text.as_bytes());
    let text = format!(
        "pool = \"{pool}\"\nissuer = \"https://ctl.example\"\naudiences = [\"https://pool.example\", \"https://other.example\"]\n\
         [[clients]]\nid = \"cpo-one\"\nroles = [\"cpo\"]\nsecret_sha256 = \"{}\"\napi_key_sha256 = \"{}\"\n\
         certificates_sha256 = [\"{}\"]\n\
         [[clients]]\nid = \"teller\"\nroles = [\"webhooks\"]\nsecret_sha256 = \"{}\"\n",
        digest(SECRET),
        digest(KEY),
        digest("a certificate"),
        digest("another secret"),
    );
    toml::from_str(&text).unwrap()
}

/// A server's access, and the folder with its keys.
fn access(pool: &str) -> (Access, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    (Access::new(&settings(pool), Keys::load(folder.path()).unwrap()).unwrap(), folder)
}

fn shows<'a>(shown: &[Shown<'a>]) -> Credentials<'a> {
    Credentials { shown: shown.to_vec(), is_private: true }
}

fn token(access: &Access, id: &str) -> String {
    access.tokens().issue(access.clients().by_id(id).unwrap(), None, at(0)).unwrap().token
}

/// What permit says of a token for the pool.
fn said(access: &Access, token: &str, second: i64) -> Result<String, Denied> {
    let permitted = access.permit(&shows(&[Shown::Bearer(token)]), Right::Pool, at(second));
    permitted.map(|caller| match caller {
        Caller::Anyone => "anyone".to_owned(),
        Caller::Client(client) => client.id.clone(),
    })
}

fn parts(token: &str) -> [Value; 2] {
    let mut parts =
        token.split('.').map(|part| serde_json::from_slice(&BASE64.decode(part).unwrap_or_default()));
    [parts.next().unwrap().unwrap(), parts.next().unwrap().unwrap()]
}

/// A token of these parts, signed with the server's very key.
fn forged(folder: &std::path::Path, header: &Value, claims: &Value) -> String {
    let pem = std::fs::read_to_string(folder.join("access/token-key.pem")).unwrap();
    let message = [header, claims].map(|part| BASE64.encode(part.to_string())).join(".");
    let signature: Signature = SigningKey::from_pkcs8_pem(&pem).unwrap().sign(message.as_bytes());
    format!("{message}.{}", BASE64.encode(signature.to_bytes()))
}

#[test]
fn a_token_opens_the_pool_until_its_time_is_over() {
    let (access, _folder) = access("token");
    let token = token(&access, "cpo-one");
    assert_eq!(said(&access, &token, 0), Ok("cpo-one".to_owned()));
    assert_eq!(said(&access, &token, 3599), Ok("cpo-one".to_owned()));
    assert_eq!(said(&access, &token, 3600), Err(Denied::Expired));
    assert_eq!(Denied::Expired.to_string(), "Jwt is expired");
    assert_eq!(said(&access, &token, -1), Err(Denied::Invalid), "before its time");
}

#[test]
fn a_good_credential_without_the_right_is_denied_in_the_words_of_the_guide() {
    let (access, _folder) = access("token");
    let token = token(&access, "teller");
    assert_eq!(said(&access, &token, 0), Err(Denied::Rights));
    assert_eq!(
        (Denied::Rights.to_string(), Denied::Rights.status()),
        ("RBAC: access denied".to_owned(), 403)
    );
    let shown = shows(&[Shown::Bearer(&token)]);
    assert!(matches!(access.permit(&shown, Right::Webhooks, at(0)), Ok(Caller::Client(_))));
}

#[test]
fn an_open_pool_asks_nobody_and_one_that_is_both_refuses_bad_credentials_only() {
    let bad = shows(&[Shown::Bearer("nonsense")]);
    let (open, _folder) = access("open");
    assert_eq!(open.permit(&bad, Right::Pool, at(0)), Ok(Caller::Anyone));
    assert_eq!(
        open.permit(&shows(&[]), Right::Webhooks, at(0)),
        Err(Denied::Missing),
        "webhooks are never open"
    );
    let (both, _folder) = access("both");
    assert_eq!(both.permit(&shows(&[]), Right::Pool, at(0)), Ok(Caller::Anyone));
    assert_eq!(both.permit(&bad, Right::Pool, at(0)), Err(Denied::Invalid));
    let (token, _folder) = access("token");
    assert_eq!(token.permit(&shows(&[]), Right::Pool, at(0)), Err(Denied::Missing));
}

#[test]
fn an_api_key_or_a_certificate_is_as_good_as_a_token_and_one_good_one_is_enough() {
    let (access, _folder) = access("token");
    let certificate = Shown::Certificate(ctl_core::Digest::of(b"a certificate"));
    let ended = token(&access, "cpo-one");
    for shown in [
        vec![Shown::ApiKey(KEY)],
        vec![certificate],
        vec![Shown::Bearer("what a gateway of theirs reads"), Shown::ApiKey(KEY)],
        vec![Shown::Bearer(&ended), certificate],
    ] {
        let permitted = access.permit(&shows(&shown), Right::Pool, at(100_000));
        assert!(matches!(permitted, Ok(Caller::Client(client)) if client.id == "cpo-one"), "{shown:?}");
    }
    for wrong in [Shown::ApiKey(SECRET), Shown::Certificate(ctl_core::Digest::of(b"another"))] {
        assert_eq!(access.permit(&shows(&[wrong]), Right::Pool, at(0)), Err(Denied::Invalid));
    }
}

#[test]
fn an_attacker_who_forges_tokens_gets_nowhere() {
    let (access, folder) = access("token");
    let good = token(&access, "cpo-one");
    let [header, claims] = parts(&good);
    let with = |value: &Value, name: &str, to: Value| {
        let mut value = value.clone();
        value[name] = to;
        value
    };
    // The forger of these even has the key: each shows that one check stands alone.
    assert_eq!(said(&access, &forged(folder.path(), &header, &claims), 0), Ok("cpo-one".to_owned()));
    let none = |name: &str| {
        let mut value = claims.clone();
        value.as_object_mut().unwrap().remove(name);
        (header.clone(), value)
    };
    let claim = |name: &str, to: Value| (header.clone(), with(&claims, name, to));
    for ((header, claims), denied) in [
        (claim("aud", json!("https://elsewhere.example")), Denied::Audience),
        (claim("iss", json!("https://elsewhere.example")), Denied::Invalid),
        (claim("sub", json!("nobody")), Denied::Invalid),
        (claim("exp", json!(NOW)), Denied::Expired),
        (claim("nbf", json!(NOW + 60)), Denied::Invalid),
        (claim("exp", json!("later")), Denied::Invalid),
        (none("exp"), Denied::Invalid),
        (none("aud"), Denied::Invalid),
        (none("iss"), Denied::Invalid),
        ((with(&header, "alg", json!("none")), claims.clone()), Denied::Invalid),
        ((with(&header, "alg", json!("HS256")), claims.clone()), Denied::Invalid),
        ((with(&header, "alg", json!("ES384")), claims.clone()), Denied::Invalid),
        ((with(&header, "kid", json!("../../access/token-key.pem")), claims.clone()), Denied::Invalid),
        ((with(&header, "kid", Value::Null), claims.clone()), Denied::Invalid),
    ] {
        assert_eq!(
            said(&access, &forged(folder.path(), &header, &claims), 0),
            Err(denied),
            "{header} {claims}"
        );
    }
    let [head, body, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
    let richer = BASE64.encode(with(&claims, "sub", json!("teller")).to_string());
    // The public key as a secret: what HS256 would be if the header decided.
    let jwk = access.tokens().jwks()["keys"][0].to_string();
    let confused = format!("{}.{body}", BASE64.encode(with(&header, "alg", json!("HS256")).to_string()));
    let mac = BASE64.encode(sha2::Sha256::new_with_prefix(&jwk).chain_update(&confused).finalize());
    for token in [
        format!("{head}.{richer}.{signature}"),
        format!("{head}.{body}."),
        format!("{head}.{body}"),
        format!("{head}.{body}.{}", BASE64.encode([0; 64])),
        format!("{confused}.{mac}"),
        format!("{good}.{signature}"),
        "x".repeat(100_000),
        String::new(),
        "..".to_owned(),
    ] {
        assert_eq!(said(&access, &token, 0), Err(Denied::Invalid), "{token:.80}");
    }
}

#[test]
fn an_attacker_who_has_heard_a_token_can_use_it_neither_in_plain_nor_when_its_client_is_out() {
    let (access, folder) = access("token");
    let heard = token(&access, "cpo-one");
    let in_plain = Credentials { is_private: false, ..shows(&[Shown::Bearer(&heard)]) };
    assert_eq!(access.permit(&in_plain, Right::Pool, at(0)), Err(Denied::PlainHttp));
    let mut without = settings("token");
    without.clients[0].id = "cpo-two".to_owned();
    let after = Access::new(&without, Keys::load(folder.path()).unwrap()).unwrap();
    assert_eq!(said(&after, &heard, 0), Err(Denied::Invalid));
}

#[test]
fn after_a_rotation_old_tokens_stay_good_unless_they_are_to_be_forgotten() {
    let (access, folder) = access("token");
    let old = token(&access, "cpo-one");
    let again =
        |folder: &std::path::Path| Access::new(&settings("token"), Keys::load(folder).unwrap()).unwrap();
    let id = Keys::rotate(folder.path(), false).unwrap();
    let rotated = again(folder.path());
    let new = token(&rotated, "cpo-one");
    assert_eq!(parts(&new)[0]["kid"], id.as_str());
    assert_eq!(said(&rotated, &old, 0), Ok("cpo-one".to_owned()));
    assert_eq!(rotated.tokens().jwks()["keys"].as_array().unwrap().len(), 2);
    Keys::rotate(folder.path(), true).unwrap();
    let forgotten = again(folder.path());
    for token in [&old, &new] {
        assert_eq!(said(&forgotten, token, 0), Err(Denied::Invalid));
    }
    assert_eq!(forgotten.tokens().jwks()["keys"].as_array().unwrap().len(), 1);
}

#[test]
fn tokens_are_for_an_audience_that_is_served_here() {
    let (access, _folder) = access("token");
    let client = access.clients().by_secret("cpo-one", SECRET).unwrap();
    let issued = access.tokens().issue(client, Some("https://other.example"), at(0)).unwrap();
    let [_, claims] = parts(&issued.token);
    assert_eq!((&claims["aud"], &claims["scope"]), (&json!("https://other.example"), &json!("cpo")));
    assert_eq!(said(&access, &issued.token, 0), Ok("cpo-one".to_owned()));
    let refused = access.tokens().issue(client, Some("https://elsewhere.example"), at(0)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "this server issues tokens for https://pool.example or https://other.example"
    );
    assert!(access.clients().by_secret("cpo-one", KEY).is_none());
    assert!(access.clients().by_secret("nobody", SECRET).is_none());
}

#[test]
fn a_configuration_that_contradicts_itself_says_how() {
    let said = |change: &dyn Fn(&mut Settings)| {
        let (folder, mut settings) = (tempfile::tempdir().unwrap(), settings("token"));
        change(&mut settings);
        Access::new(&settings, Keys::load(folder.path()).unwrap()).unwrap_err()
    };
    assert_eq!(said(&|all| all.issuer.clear()), SettingsError::NoIssuer);
    assert_eq!(said(&|all| all.lifetime = std::time::Duration::ZERO), SettingsError::Lifetime);
    assert_eq!(said(&|all| drop(all.clients.remove(0))), SettingsError::NoClient);
    assert_eq!(said(&|all| all.clients[1].id = "cpo-one".into()), SettingsError::Twice("cpo-one".into()));
    assert_eq!(said(&|all| all.clients[1].id = "a b".into()), SettingsError::Id("a b".into()));
    assert_eq!(said(&|all| all.clients[1].secret_sha256 = None), SettingsError::Mute("teller".into()));
    let shared = SettingsError::Shared("cpo-one".into(), "teller".into());
    assert_eq!(said(&|all| all.clients[1].secret_sha256 = all.clients[0].secret_sha256), shared);
}

#[test]
fn no_secret_stands_in_what_is_printed() {
    let (access, folder) = access("token");
    let pem = std::fs::read_to_string(folder.path().join("access/token-key.pem")).unwrap();
    let printed = format!("{access:?}");
    assert!(!printed.contains(SECRET) && pem.lines().all(|line| !printed.contains(line)), "{printed}");
    assert_ne!(secret().unwrap(), secret().unwrap());
    assert_eq!(BASE64.decode(secret().unwrap()).unwrap().len(), 16);
}
