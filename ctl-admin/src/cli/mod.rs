//! What the arguments ask for becomes calls of the library.

pub(crate) mod arguments;
mod signer;
mod watch;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use arguments::{Apply, Arguments, Author, Command, Cross, Each, Keys, Log, Notice, Scheme, Signed, Subca};
use clap::Args;
use ctl_admin::applicant::{application, cross, participant, possession};
use ctl_admin::auditor::interop::Source;
use ctl_admin::auditor::{audit, budget, interop, selection, verify};
use ctl_admin::elector::proposal::Propose;
use ctl_admin::elector::review;
use ctl_admin::judge::{path, profiles};
use ctl_admin::output::{self, Render, Stream};
use ctl_admin::screening::Policies;
use ctl_admin::signer::{charter, draft};
use ctl_admin::signing::{Ask, Prepared, Request, Say, Signing, submit};
use ctl_admin::{AdminError, exit, import, key, progress, receipts};
use ctl_core::keys::Algorithm;
use ctl_core::names::print;
use ctl_core::role::Role;
use ctl_replica::{Bounds, News, Options, Pending, Replica, Trust, system_clock};
use serde::Serialize;

use self::signer::{Charter, Draft, Key, Patience};

/// Runs a command; [`exit`] has the statuses. A receipt that the log does not keep outweighs whatever else it says; a
/// note of one that cannot be read outweighs success.
pub(crate) async fn run(arguments: Arguments) -> Result<u8, AdminError> {
    let Arguments { scheme, json, yes, command } = arguments;
    let shell = Shell { scheme, json, yes, receipts: Arc::default() };
    let done = shell.run(command).await;
    match (shell.receipts.load(Ordering::Relaxed), &done) {
        (exit::LOST, _) => {}
        (exit::UNUSABLE, Ok(exit::DONE)) => return Ok(exit::UNUSABLE),
        _ => return done,
    }
    if let Err(error) = done {
        eprintln!("ctl-admin: {}", output::safe(&error.to_string()).trim_end());
    }
    Ok(exit::LOST)
}

impl Shell {
    async fn run(&self, command: Command) -> Result<u8, AdminError> {
        match command {
            Command::Key(Key::New { file, p256 }) => {
                self.show(&key::new(&file, if p256 { Algorithm::Es256 } else { Algorithm::EdDsa })?)
            }
            Command::Key(Key::Show { file }) => self.show(&key::show(&file)?),
            Command::Charter(command) => self.charter(command),
            Command::Verify { file } => {
                let Some(root) = &self.scheme.root else {
                    return Err(AdminError::Input("verify needs --root, a root.json of the scheme".into()));
                };
                let verified = verify::run(&file, root, system_clock()())?;
                self.show(&verified)
            }
            Command::Audit { address, policy } => {
                let report = audit::run(self.options(Some(address))?, &Policies::with(&policy)?).await?;
                self.show(&report)?;
                Ok(u8::from(!report.is_clean()))
            }
            Command::Lint(lint) => {
                let report = lint.run()?;
                self.show(&report)?;
                Ok(u8::from(!report.has_no_errors()))
            }
            Command::Import(options) => {
                let Scheme { url, root, scheme_id, .. } = &self.scheme;
                let is_named = url.is_some() || root.is_some() || scheme_id.is_some();
                let mut session = is_named.then(|| self.session()).transpose()?;
                self.show(&import::run(&options, session.as_mut(), system_clock()()).await?)
            }
            Command::Profiles { name: None } => self.show(&profiles::list()),
            Command::Profiles { name: Some(name) } => self.show(&profiles::explain(&name)?),
            Command::Path(options) => {
                let report = path::run(&options, self.scheme.root.as_deref(), system_clock()()).await?;
                self.show(&report)?;
                Ok(u8::from(!report.valid))
            }
            Command::Interop(mut options) => {
                let mut session = self.session_for(&mut options.source)?;
                self.show(&interop::run(options, session.as_mut(), system_clock()()).await?)
            }
            Command::Budget(mut options) => {
                let mut session = self.session_for(&mut options.source)?;
                self.show(&budget::run(options, session.as_mut(), system_clock()()).await?)
            }
            Command::SignOff { file, keys, out } => {
                let shown = selection::Shown::read(&file)?;
                let keys = Signing::with(&keys)?.keys;
                self.confirm(&shown, "Sign this?")?;
                self.show(&shown.sign(&keys, out.unwrap_or_else(|| file.with_extension("jws")))?)
            }
            Command::Cosign { file, keys } => {
                let pending = Pending::read(&file)?;
                let keys = Signing::with(&keys)?.keys;
                self.confirm(&Request::of(&pending.statement), "Sign this?")?;
                self.show(&pending.cosign(&file, &keys)?)
            }
            Command::Receipts => {
                let receipts = receipts::list(&mut self.session()?).await?;
                self.show(&receipts)
            }
            Command::Submit { file } => self.show(&submit(&mut self.session()?, &file).await?),
            Command::Review { id: None, .. } => self.show(&review::overview(&mut self.session()?).await?),
            Command::Review { id: Some(id), policy } => {
                let policies = Policies::with(&policy)?;
                let review = review::one(&mut self.session()?, id, &policies).await?;
                self.show(&review)
            }
            Command::Participants { kind } => {
                self.show(&participant::list(&mut self.session()?, kind).await?)
            }
            Command::Sla(command) => command.run(self).await,
            Command::Draft(command) => self.draft(command).await,
            Command::Apply(Apply::Challenge { certificate, list, key }) => {
                let certificate = application::read_certificate(&certificate)?;
                let key = key::load(&key)?.public_key().key_id();
                let mut session = self.session()?;
                self.show(&possession::challenge(&mut session, &certificate, &list, key).await?)
            }
            Command::Apply(Apply::Root(asked)) => self.ask(asked).await,
            Command::Apply(Apply::File(asked)) => self.ask(asked).await,
            Command::Apply(Apply::Cross(asked)) => self.ask(asked).await,
            Command::Propose(Each { what: proposed, with: Author { rationale, keys } }) => {
                self.ask_for(&Propose { proposed, rationale }, keys).await
            }
            Command::Vote(asked) => self.ask(asked).await,
            Command::Log(Log::Restart(asked)) => self.ask(asked).await,
            Command::Subca(Subca::Disclose(asked)) => self.ask(asked).await,
            Command::Subca(Subca::Revoke(said)) => self.say(said).await,
            Command::Register(said) => self.say(said).await,
            Command::RotateKey(said) => self.say(said).await,
            Command::Suspend(said) => self.say(said).await,
            Command::Withdraw(said) => self.say(said).await,
            Command::Evidence(said) => self.say(said).await,
            Command::Comment(said) => self.say(said).await,
            Command::Notice(Notice::Issue(said)) => self.say(said).await,
            Command::Notice(Notice::Lift(said)) => self.say(said).await,
            Command::Mo(Each { what, with: keys }) => self.say_so(&what, keys).await,
            Command::Cross(Cross::Request(said)) => self.say(said).await,
            Command::Cross(Cross::Respond(said)) => self.say(said).await,
            Command::Cross(Cross::List { operator, open }) => {
                self.show(&cross::list(&mut self.session()?, operator.as_ref(), open).await?)
            }
        }
    }
}

struct Shell {
    scheme: arguments::Scheme,
    json: bool,
    yes: bool,
    /// Whether the log was found not to contain what there is a receipt for.
    /// What receipts have to say: the exit status for it.
    receipts: Arc<AtomicU8>,
}

impl Shell {
    fn show<T: Render + Serialize>(&self, result: &T) -> Result<u8, AdminError> {
        output::page(&output::show(result, self.json), Stream::Output);
        Ok(result.exit_code())
    }

    /// Shows what is about to be signed, all of it, and asks.
    fn confirm<T: Render + Serialize>(&self, what: &T, question: &str) -> Result<(), AdminError> {
        output::page(&output::show(what, self.json), Stream::Error);
        if self.yes {
            return Ok(());
        }
        if !std::io::stdin().is_terminal() {
            return Err(AdminError::Input("nobody is there to ask; give --yes if you have read it".into()));
        }
        let mut stderr = std::io::stderr().lock();
        let _ = write!(stderr, "{question} Type yes: ");
        let _ = stderr.flush();
        let mut answer = String::new();
        let read = std::io::stdin().lock().read_line(&mut answer);
        match read {
            Ok(_) if answer.trim() == "yes" => Ok(()),
            _ => Err(AdminError::NotNow("nothing was signed".into())),
        }
    }

    fn options(&self, address: Option<String>) -> Result<Options, AdminError> {
        let missing = |what: &str| AdminError::Input(format!("{what} is missing"));
        let url = address.or_else(|| self.scheme.url.clone()).ok_or_else(|| missing("--url"))?;
        let trust = match (&self.scheme.root, self.scheme.scheme_id) {
            (Some(root), _) => Trust::Root(root.clone()),
            (None, Some(id)) => Trust::Scheme(id),
            (None, None) => return Err(missing("--root (or --scheme, on first contact)")),
        };
        let mut options = Options::new(url, trust);
        if !self.json {
            options.progress = progress::bar();
        }
        options.folder = Some(self.scheme.cache.clone().unwrap_or_else(default_folder));
        options.confirmed.restart = self.scheme.accept_restart;
        let named = self.scheme.confirm_log.as_ref();
        options.confirmed.new_log = named.map(|path| charter::read_server_keys(path)).transpose()?;
        options.bounds = Bounds {
            bytes: self.scheme.max_download.saturating_mul(1 << 20),
            time: Duration::from_secs(self.scheme.max_time),
        };
        options.patience = Duration::from_secs(self.scheme.wait_for_proof);
        let receipts = Arc::clone(&self.receipts);
        options.listener = Arc::new(move |news| {
            let status = match news {
                News::Lost(_) => exit::LOST,
                News::SetAside(_) => exit::UNUSABLE,
                News::BegunAnew { .. } | News::Memory(_) | News::Forged(_) => exit::DONE,
            };
            receipts.fetch_max(status, Ordering::Relaxed);
            eprintln!("{}", print::lines(&news.to_string()));
        });
        Ok(options)
    }

    fn session(&self) -> Result<Replica, AdminError> {
        Ok(Replica::open(self.options(None)?)?)
    }

    fn charter(&self, command: Charter) -> Result<u8, AdminError> {
        match command {
            Charter::Template => {
                let _ = std::io::stdout().lock().write_all(charter::TEMPLATE.as_bytes());
                Ok(0)
            }
            Charter::New { charter, server_keys, out } => {
                self.show(&charter::new(&charter, &server_keys, &out, system_clock()())?)
            }
            Charter::Sign { key, directory } => {
                let key = key::load(&key)?;
                self.confirm(&charter::request(&directory)?, "Found this scheme?")?;
                self.show(&charter::sign(&directory, &key)?)
            }
            Charter::Status { directory } => self.show(&charter::status(&directory)?),
        }
    }

    async fn draft(&self, command: Draft) -> Result<u8, AdminError> {
        let mut session = self.session()?;
        match command {
            Draft::Show { role, patience } => self.show(&drafted(&mut session, &role, &patience).await?),
            Draft::Sign { role, key, patience } => {
                let key = key::load(&key)?;
                let prepared = drafted(&mut session, &role, &patience).await?;
                self.confirm(&prepared, "Sign this?")?;
                let signed = prepared.sign(&mut session, &key).await?;
                self.show(&signed)
            }
        }
    }

    /// A session, if roots and cross-certificates are taken from the scheme's log.
    fn session_for(&self, source: &mut Source) -> Result<Option<Replica>, AdminError> {
        source.root.clone_from(&self.scheme.root);
        source.list.is_none().then(|| self.session()).transpose()
    }

    async fn say<T: Args + Say>(&self, Signed { what, keys }: Signed<T>) -> Result<u8, AdminError> {
        self.say_so(&what, keys).await
    }

    async fn say_so(&self, what: &impl Say, keys: Keys) -> Result<u8, AdminError> {
        let signing = keys.signing()?;
        self.show(&what.run(&mut self.session()?, &signing).await?)
    }

    async fn ask<T: Args + Ask>(&self, Signed { what, keys }: Signed<T>) -> Result<u8, AdminError> {
        self.ask_for(&what, keys).await
    }

    /// Shows what it would say before it is signed.
    async fn ask_for<T: Ask>(&self, what: &T, keys: Keys) -> Result<u8, AdminError> {
        let (signing, mut session) = (keys.signing()?, self.session()?);
        let prepared = what.prepare(&mut session, &signing).await?;
        self.confirm(&prepared, T::Prepared::QUESTION)?;
        self.show(&prepared.send(&mut session, &signing).await?)
    }
}

async fn drafted(
    session: &mut Replica,
    role: &Role,
    patience: &Patience,
) -> Result<draft::Prepared, AdminError> {
    let wait = Duration::from_secs(patience.wait.unwrap_or_default());
    draft::prepare_within(session, role, patience.limits, wait).await
}

/// The user's cache folder for this program.
fn default_folder() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("ctl-admin")
}
