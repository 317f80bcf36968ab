//! `ctl-server access`: secrets for a new client of the pool, and another key for tokens.

use std::path::Path;

use ctl_core::Digest;

use super::Failure;
use crate::access::{Keys, Role, secret};

/// Makes the secrets of a client, and shows what its configuration holds of them.
pub(super) fn client(id: &str, roles: &[Role], with_api_key: bool) -> Result<(), Failure> {
    let (secret, key) = (secret()?, if with_api_key { Some(crate::access::secret()?) } else { None });
    let roles: Vec<String> = roles.iter().map(|role| format!("\"{}\"", role.as_str())).collect();
    println!("# For the configuration of ctl-server, which reads it when it starts:");
    println!("[[access.clients]]");
    println!("id = {}", toml::Value::from(id));
    println!("roles = [{}]", roles.join(", "));
    println!("secret_sha256 = \"{}\"", Digest::of(secret.as_bytes()));
    if let Some(key) = &key {
        println!("api_key_sha256 = \"{}\"", Digest::of(key.as_bytes()));
    }
    println!();
    println!("# For the client, and nobody else; they cannot be shown again:");
    println!("# client_id     {id}");
    println!("# client_secret {secret}");
    if let Some(key) = key {
        println!("# X-API-Key     {key}");
    }
    Ok(())
}

/// Makes another key for tokens.
pub(super) fn rotate(data: &Path, forget: bool) -> Result<(), Failure> {
    let id = Keys::rotate(data, forget)?;
    println!("tokens are signed by key {id} once the server is started anew");
    println!(
        "{}",
        if forget {
            "every token that is out there is refused from then on"
        } else {
            "tokens of the key before stay good until they end"
        }
    );
    Ok(())
}
