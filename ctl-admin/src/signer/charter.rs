//! A scheme is founded: the charter file becomes the genesis and the first root.json, and the board
//! signs both.

use std::path::{Path, PathBuf};

use ctl_core::jws::{Jws, Signature};
use ctl_core::log::empty_root;
use ctl_core::names::print;
use ctl_core::parts::{Der, PolicyRef};
use ctl_core::role::Role;
use ctl_core::tuf::{Limits, Root, Signed, TufSignature, envelope};
use ctl_core::{Digest, KeyId, PublicKey, Signer, Timestamp, json};
use ctl_governance::draft;
use ctl_governance::statement::body::{CharterEstablish, DraftOpen};
use ctl_governance::statement::charter::{Charter, ServerKeys};
use ctl_governance::statement::charter_file::{CharterFile, Files, MAX_CHARTER_FILE};
use ctl_governance::statement::{Basis, Body, Entry, MAX_STATEMENT, Payload, Statement};
use ctl_pki::{MAX_PEM_SIZE, certificate_from_bytes};
use serde::{Deserialize as _, Serialize};

use crate::output::Render;
use crate::signer::charter_words;
use crate::{AdminError, files, key, screening, signing};

/// An annotated charter to start from.
pub const TEMPLATE: &str = include_str!("../../../data/charter.template.toml");

/// `server-keys.json` is at most so many bytes.
const MAX_SERVER_KEYS: usize = 16 * 1024;

const GENESIS_PAYLOAD: &str = "genesis.json";
const GENESIS: &str = "genesis.jws";
const ROOT: &str = "1.root.json";

/// What the board is to sign, or has signed.
#[derive(Clone, Debug, Serialize)]
pub struct Founding {
    /// The scheme's id: the digest of the genesis payload.
    pub scheme: Digest,
    /// The scheme's name.
    pub name: String,
    /// `test` or `production`.
    pub environment: String,
    /// The folder with the files.
    pub directory: PathBuf,
    /// Which of the board have signed both documents.
    pub signed_by: Vec<KeyId>,
    /// How many of them must.
    pub needed: u32,
}

impl Render for Founding {
    fn text(&self) -> String {
        let next = if self.signed_by.len() < self.needed as usize {
            format!("board members sign with: ctl-admin charter sign --key KEY {}", self.directory.display())
        } else {
            format!(
                "enough: ctl-server init --data DIR --charter charter.toml --genesis {0}/{GENESIS} --root {0}/{ROOT}",
                self.directory.display()
            )
        };
        format!(
            "{} ({})\nscheme {}\nsigned by {} of the board, {} needed\n{next}\n",
            print::name(&self.name),
            self.environment,
            self.scheme,
            self.signed_by.len(),
            self.needed
        )
    }
}

/// Reads what a charter file names, relative to it.
struct Beside<'a>(&'a Path);

impl Files for Beside<'_> {
    type Error = AdminError;

    fn key(&self, file: &str) -> Result<PublicKey, AdminError> {
        key::load_public(&self.0.join(file))
    }

    fn policy(&self, file: &str) -> Result<PolicyRef, AdminError> {
        if file == "builtin" {
            screening::builtin_policy_ref()
        } else {
            screening::policy_ref(&self.0.join(file))
        }
    }

    fn certificate(&self, file: &str) -> Result<Der, AdminError> {
        let path = self.0.join(file);
        let certificate = certificate_from_bytes(&files::read(&path, MAX_PEM_SIZE)?)
            .map_err(|error| AdminError::input(path.display(), error))?;
        Ok(Der(certificate.der().to_vec()))
    }
}

fn read_file(path: &Path) -> Result<(CharterFile, PathBuf), AdminError> {
    let text = files::read_text(path, MAX_CHARTER_FILE)?;
    let file = toml::from_str(&text).map_err(|e| AdminError::input(path.display(), e))?;
    Ok((file, path.parent().map(Path::to_path_buf).unwrap_or_default()))
}

/// Reads the public keys of a server.
///
/// # Errors
/// The file cannot be read or used.
pub fn read_server_keys(path: &Path) -> Result<ServerKeys, AdminError> {
    json::read(&files::read(path, MAX_SERVER_KEYS)?, MAX_SERVER_KEYS)
        .map_err(|e| AdminError::input(path.display(), e))
}

/// Reads a charter for an amendment, for a server with these keys; the file's participants do not
/// count.
///
/// # Errors
/// A file cannot be read or used.
pub fn read_amendment(path: &Path, server: ServerKeys) -> Result<Charter, AdminError> {
    let (file, directory) = read_file(path)?;
    file.charter(server, &Beside(&directory))
}

/// Makes the genesis and the first root.json of a charter file, unsigned, in a new folder `out`.
///
/// # Errors
/// A file cannot be read or used, the charter cannot be carried out, or the folder holds a founding.
pub fn new(charter: &Path, server_keys: &Path, out: &Path, now: Timestamp) -> Result<Founding, AdminError> {
    let (file, directory) = read_file(charter)?;
    let server = read_server_keys(server_keys)?;
    let establish = file.establish(server, &Beside(&directory))?;
    let payload = Payload {
        scheme: Digest::ZERO,
        issued_at: now,
        basis: Basis { size: 0, root_hash: empty_root() },
        nonce: ctl_replica::statement::nonce()?,
        body: Body::from(establish),
    };
    let bytes = payload.to_bytes();
    let root = first_root(&bytes, charter)?;
    std::fs::create_dir_all(out).map_err(AdminError::file(out))?;
    files::write_new(&out.join(GENESIS_PAYLOAD), &bytes, files::PUBLIC)?;
    files::write_new(&out.join(ROOT), &envelope(&root, &[]), files::PUBLIC)?;
    status(out)
}

/// The first root.json that follows from a genesis payload.
fn first_root(genesis: &[u8], place: &Path) -> Result<Root, AdminError> {
    let refused = |e: &dyn std::fmt::Display| AdminError::input(place.display(), e);
    let jws = Jws { payload: genesis.to_vec(), signatures: Vec::new() };
    let statement = Statement::from_jws(jws).map_err(|e| refused(&e))?;
    let issued_at = statement.payload.issued_at;
    let entry = Entry::new(issued_at, statement).map_err(|e| refused(&e))?;
    let state = ctl_governance::propose_genesis(&entry).map_err(|e| refused(&e))?;
    let open = DraftOpen {
        expires: issued_at.plus_seconds(state.charter.validity.root_seconds),
        issued_at,
        role: Role::Root,
        sequence: None,
        version: 1,
    };
    let documents = draft::build(&state, &open, 1);
    let root = json::parse_olpc(&documents.metadata, documents.metadata.len()).map_err(|e| refused(&e))?;
    Root::deserialize(root).map_err(|e| refused(&e))
}

/// Both documents in a folder, with the signatures so far.
struct Papers {
    payload: Vec<u8>,
    issued_at: Timestamp,
    establish: CharterEstablish,
    genesis: Jws,
    root: Signed<Root>,
}

fn read_papers(directory: &Path) -> Result<Papers, AdminError> {
    let payload_path = directory.join(GENESIS_PAYLOAD);
    let payload = files::read(&payload_path, MAX_STATEMENT)?;
    let genesis_path = directory.join(GENESIS);
    let genesis = if genesis_path.exists() {
        signing::read_jws(&genesis_path, MAX_STATEMENT)?
    } else {
        Jws { payload: payload.clone(), signatures: Vec::new() }
    };
    if genesis.payload != payload {
        return Err(AdminError::input(genesis_path.display(), "signs another payload than genesis.json"));
    }
    let statement =
        Statement::from_jws(genesis.clone()).map_err(|e| AdminError::input(payload_path.display(), e))?;
    let issued_at = statement.payload.issued_at;
    let Body::CharterEstablish(establish) = statement.payload.body else {
        return Err(AdminError::input(payload_path.display(), "is no charter.establish"));
    };
    let root_path = directory.join(ROOT);
    let limit = Limits::default().root;
    let root: Signed<Root> = Signed::parse("root", &files::read(&root_path, limit)?, limit)
        .map_err(|e| AdminError::input(root_path.display(), e))?;
    // Whoever signs must see the two fit together: a root.json of other keys would be a trap.
    if root.signing_bytes() != ctl_core::tuf::signing_bytes(&first_root(&payload, &payload_path)?) {
        return Err(AdminError::Untrue(format!(
            "{} is not what follows from {}: do not sign",
            root_path.display(),
            payload_path.display()
        )));
    }
    Ok(Papers { payload, issued_at, establish: *establish, genesis, root })
}

/// What a member of the board is asked to sign: the whole genesis, and the first root.json, which follows from it.
#[derive(Clone, Debug, Serialize)]
pub struct Request {
    /// The scheme's id: the digest of the genesis payload.
    pub scheme: Digest,
    /// When the genesis was made: the time of the first root.json.
    pub issued_at: Timestamp,
    /// SHA-256 of the signed part of root.json.
    pub root_sha256: Digest,
    /// Who has signed the genesis.
    pub signed_by: Vec<KeyId>,
    /// What it says, as it stands.
    pub body: CharterEstablish,
}

impl Render for Request {
    fn text(&self) -> String {
        let signed: Vec<String> = self.signed_by.iter().map(ToString::to_string).collect();
        let signed = if signed.is_empty() { "nobody yet".to_owned() } else { signed.join(", ") };
        format!(
            "{}\nmade at {}\nthe scheme's id will be {}\nSHA-256 of root.json's signed part {}\nsigned by {signed}\n",
            charter_words::founding(&self.body),
            self.issued_at,
            self.scheme,
            self.root_sha256
        )
    }
}

/// What a member of the board is asked to sign.
///
/// # Errors
/// The documents cannot be read or do not fit together.
pub fn request(directory: &Path) -> Result<Request, AdminError> {
    let papers = read_papers(directory)?;
    let signatures = papers.genesis.signatures.iter();
    Ok(Request {
        scheme: Digest::of(&papers.payload),
        issued_at: papers.issued_at,
        root_sha256: Digest::of(&papers.root.signing_bytes()),
        signed_by: signatures.map(|signature| signature.protected.kid).collect(),
        body: papers.establish,
    })
}

/// Adds a board member's signatures to both documents.
///
/// # Errors
/// The documents do not fit together, or the key is not of the board or does not sign.
pub fn sign(directory: &Path, signer: &dyn Signer) -> Result<Founding, AdminError> {
    let Papers { payload, establish, mut genesis, root, .. } = read_papers(directory)?;
    let key_id = signer.public_key().key_id();
    let of_board = establish.participants.iter().any(|participant| {
        participant.key.key_id() == key_id && establish.charter.board.holders.contains(&participant.id)
    });
    if !of_board {
        return Err(AdminError::input(format!("key {key_id}"), "is not the key of a member of the board"));
    }
    if !genesis.signatures.iter().any(|signature| signature.protected.kid == key_id) {
        let typ = Body::from(establish).typ();
        genesis.signatures.push(Signature::sign(signer, &typ, &payload)?);
    }
    let mut signatures = root.signatures.clone();
    if !signatures.iter().any(|signature| signature.keyid == key_id.to_string()) {
        signatures.push(TufSignature::over(&root.signing_bytes(), signer)?);
    }
    files::write(&directory.join(ROOT), &envelope(&root.signed, &signatures))?;
    files::write(&directory.join(GENESIS), &genesis.to_bytes())?;
    status(directory)
}

/// Who has signed.
///
/// # Errors
/// The documents cannot be read or do not fit together.
pub fn status(directory: &Path) -> Result<Founding, AdminError> {
    let Papers { payload, establish, genesis, root, .. } = read_papers(directory)?;
    let kids: Vec<KeyId> = genesis.signatures.iter().map(|signature| signature.protected.kid).collect();
    let on_root = |kid: &KeyId| root.signatures.iter().any(|s| s.keyid == kid.to_string());
    Ok(Founding {
        scheme: Digest::of(&payload),
        name: establish.charter.name.to_string(),
        environment: establish.environment.to_string(),
        directory: directory.to_owned(),
        signed_by: kids.into_iter().filter(on_root).collect(),
        needed: establish.charter.board.threshold,
    })
}

#[cfg(test)]
mod tests {
    use ctl_core::keys::Algorithm;

    use super::*;

    /// The template as a person would use it: with keys made for everyone whom it names.
    fn found(directory: &Path) -> (PathBuf, PathBuf) {
        std::fs::create_dir_all(directory.join("keys")).unwrap();
        for line in TEMPLATE.lines().filter_map(|line| line.strip_prefix("key = \"")) {
            let public = directory.join(line.trim_end_matches('"'));
            key::new(&public.with_extension("pem"), Algorithm::EdDsa).unwrap();
        }
        let charter = directory.join("charter.toml");
        std::fs::write(&charter, TEMPLATE).unwrap();
        let new_key = |name: &str| {
            let path = directory.join(name).with_extension("pem");
            key::new(&path, Algorithm::EdDsa).unwrap();
            key::load(&path).unwrap().public_key()
        };
        let server = ServerKeys {
            log_origin: "ctl.example/test".parse().unwrap(),
            log: new_key("log"),
            recorder: new_key("recorder"),
            snapshot: new_key("snapshot"),
            timestamp: new_key("timestamp"),
        };
        let server_keys = directory.join("server-keys.json");
        std::fs::write(&server_keys, serde_json::to_vec(&server).unwrap()).unwrap();
        (charter, server_keys)
    }

    #[test]
    fn the_template_founds_a_scheme_once_two_of_the_board_have_signed() {
        let directory = tempfile::tempdir().unwrap();
        let (charter, server_keys) = found(directory.path());
        let out = directory.path().join("founding");
        let now = Timestamp::from_unix(1_800_000_000);
        let founding = new(&charter, &server_keys, &out, now).unwrap();
        assert_eq!((founding.signed_by.len(), founding.needed), (0, 2));
        assert!(new(&charter, &server_keys, &out, now).is_err(), "overwrites nothing");
        let keys = directory.path().join("keys");
        let sign = |name: &str| sign(&out, &key::load(&keys.join(name)).unwrap());
        assert!(sign("elector-a.pem").is_err(), "not of the board");
        let text = request(&out).unwrap().text();
        for words in
            ["\"Example Charging Trust\" (test)", "2 of board-a, board-b, board-c", "is valid for 30 days"]
        {
            assert!(text.contains(words), "{words}\n{text}");
        }
        assert!(!text.contains('{') && text.contains("signed by nobody yet"), "words, not JSON:\n{text}");
        assert!(text.contains(&founding.scheme.to_string()));
        sign("board-a.pem").unwrap();
        assert!(!request(&out).unwrap().text().contains("nobody yet"));
        assert_eq!(sign("board-a.pem").unwrap().signed_by.len(), 1, "twice is once");
        let founding = sign("board-b.pem").unwrap();
        assert_eq!(founding.signed_by.len(), 2);

        let statement = Statement::parse(&std::fs::read(out.join(GENESIS)).unwrap()).unwrap();
        let state = ctl_governance::genesis(&Entry::new(now, statement).unwrap()).unwrap();
        assert_eq!(state.scheme, founding.scheme);
        let trusted = ctl_replica::read_root(&out.join(ROOT)).unwrap();
        assert_eq!(trusted.signed.v2g.unwrap().scheme, founding.scheme);
    }

    #[test]
    fn a_root_json_that_does_not_follow_from_the_genesis_is_not_signed() {
        let directory = tempfile::tempdir().unwrap();
        let (charter, server_keys) = found(directory.path());
        let out = directory.path().join("founding");
        new(&charter, &server_keys, &out, Timestamp::from_unix(1_800_000_000)).unwrap();
        let root = out.join(ROOT);
        let limit = Limits::default().root;
        let mut forged: Root = Signed::parse("root", &std::fs::read(&root).unwrap(), limit).unwrap().signed;
        forged.expires = forged.expires.plus_seconds(1);
        std::fs::write(&root, envelope(&forged, &[])).unwrap();
        let error =
            sign(&out, &key::load(&directory.path().join("keys/board-a.pem")).unwrap()).err().unwrap();
        assert!(matches!(error, AdminError::Untrue(_)), "{error}");
        assert!(!out.join(GENESIS).exists());
    }

    #[test]
    fn a_charter_that_cannot_be_carried_out_says_where() {
        let directory = tempfile::tempdir().unwrap();
        let (charter, server_keys) = found(directory.path());
        let out = directory.path().join("founding");
        let text = TEMPLATE.replace("\"board-c\"]", "\"nobody\"]");
        std::fs::write(&charter, text).unwrap();
        let error = new(&charter, &server_keys, &out, Timestamp::EPOCH).err().unwrap().to_string();
        assert!(error.contains("board") && error.contains("nobody"), "{error}");
        std::fs::write(&charter, TEMPLATE.replace("\"7days\"", "\"a week\"")).unwrap();
        let error = new(&charter, &server_keys, &out, Timestamp::EPOCH).err().unwrap().to_string();
        assert!(error.contains("a week"), "{error}");
    }
}
