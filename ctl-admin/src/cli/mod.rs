//! What the arguments ask for becomes calls of the library.

mod applicant;
pub(crate) mod arguments;
mod elector;
mod interop;
mod lint;
mod path;
mod registrar;
mod signer;
mod watch;

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arguments::{Arguments, Command, Keys};
use ctl_admin::applicant::application::{self, Exhibit, What};
use ctl_admin::applicant::{participant, possession, subca};
use ctl_admin::auditor::{audit, verify};
use ctl_admin::elector::{proposal, review};
use ctl_admin::output::{self, Render, Stream};
use ctl_admin::screening::Policies;
use ctl_admin::signer::{charter, draft, notice, restart};
use ctl_admin::signing::{Request, Signing, submit};
use ctl_admin::{AdminError, exit, key, progress, receipts};
use ctl_core::keys::Algorithm;
use ctl_core::names::print;
use ctl_core::role::Role;
use ctl_replica::{Bounds, News, Options, Pending, Replica, Submission, Trust, system_clock};
use serde::Serialize;

use self::applicant::{Apply, Subca};
use self::signer::{Charter, Draft, Key, Log, Notice, Tolerance};

/// Runs a command; [`exit`] has the statuses. A receipt that the log does not keep outweighs whatever else it says.
pub(crate) async fn run(arguments: Arguments) -> Result<u8, AdminError> {
    let Arguments { scheme, json, yes, command } = arguments;
    let shell = Shell { scheme, json, yes, lost: Arc::default() };
    let done = shell.run(command).await;
    if !shell.lost.load(Ordering::Relaxed) {
        return done;
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
                let report = ctl_admin::judge::lint::Lint::from(lint).run()?;
                self.show(&report)?;
                Ok(u8::from(!report.has_no_errors()))
            }
            Command::Profiles(profiles) => match profiles.name {
                None => self.show(&ctl_admin::judge::profiles::list()),
                Some(name) => self.show(&ctl_admin::judge::profiles::explain(&name)?),
            },
            Command::Path(path) => {
                let report =
                    ctl_admin::judge::path::run(&path.options(self.scheme.root.clone(), system_clock()()))
                        .await?;
                self.show(&report)?;
                Ok(u8::from(!report.valid))
            }
            Command::Interop(asked) => {
                let mut session = asked.from.needs_log().then(|| self.session()).transpose()?;
                let options = asked.options(self.scheme.root.clone());
                self.show(
                    &ctl_admin::auditor::interop::run(options, session.as_mut(), system_clock()()).await?,
                )
            }
            Command::Budget(asked) => {
                let mut session = asked.from.needs_log().then(|| self.session()).transpose()?;
                let options = asked.options(self.scheme.root.clone());
                self.show(
                    &ctl_admin::auditor::budget::run(options, session.as_mut(), system_clock()()).await?,
                )
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
            Command::Cross(command) => command.run(self).await,
            Command::Draft(command) => self.draft(command).await,
            Command::Apply(command) => self.apply(command).await,
            command => {
                let submission = self.statement(command).await?;
                self.show(&submission)
            }
        }
    }
}

struct Shell {
    scheme: arguments::Scheme,
    json: bool,
    yes: bool,
    /// Whether the log was found not to contain what there is a receipt for.
    lost: Arc<AtomicBool>,
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
        let lost = Arc::clone(&self.lost);
        options.listener = Arc::new(move |news| {
            if let News::Lost(_) = news {
                lost.store(true, Ordering::Relaxed);
            }
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
            Draft::Show { role, tolerance } => self.show(&drafted(&mut session, &role, &tolerance).await?),
            Draft::Sign { role, key, tolerance } => {
                let key = key::load(&key)?;
                let prepared = drafted(&mut session, &role, &tolerance).await?;
                self.confirm(&prepared, "Sign this?")?;
                let signed = prepared.sign(&mut session, &key).await?;
                self.show(&signed)
            }
        }
    }

    async fn apply(&self, command: Apply) -> Result<u8, AdminError> {
        let (apply, screening, keys) = match command {
            Apply::Challenge { certificate, list, key } => {
                let certificate = application::read_certificate(&certificate)?;
                let key = key::load(&key)?.public_key().key_id();
                let mut session = self.session()?;
                return self.show(&possession::challenge(&mut session, &certificate, &list, key).await?);
            }
            Apply::Root {
                certificate,
                list,
                name,
                uses,
                services,
                constraints,
                possession,
                screening,
                keys,
            } => {
                let (services, constraints) = (services.into(), constraints.into());
                let what = What::Root { uses, services, constraints, possession };
                (application::Apply { certificate, list, name, what }, screening, keys)
            }
            Apply::Cross { certificate, list, name, issuer, subject, screening, keys } => {
                let what = What::CrossCertificate { issuer, subject };
                (application::Apply { certificate, list, name, what }, screening, keys)
            }
        };
        let signing = signing(keys)?;
        let mut session = self.session()?;
        let policies = Policies::with(&screening.policy)?;
        let prepared = apply.prepare(&mut session, &policies, &signing).await?;
        self.confirm(&prepared, "Apply?")?;
        self.show(&prepared.send(&mut session, &signing).await?)
    }

    /// The commands that record one statement and nothing else.
    async fn statement(&self, command: Command) -> Result<Submission, AdminError> {
        let mut session = self.session()?;
        let session = &mut session;
        match command {
            Command::Register { id, organisation, name, kinds, public_key, keys } => {
                let register = participant::Register { id, organisation, name, kinds, public_key };
                register.run(session, &signing(keys)?).await
            }
            Command::RotateKey { keys } => participant::RotateKey.run(session, &signing(keys)?).await,
            Command::Suspend { participant, keys } => {
                participant::Suspend { participant }.run(session, &signing(keys)?).await
            }
            Command::Withdraw { application, keys } => {
                application::Withdraw { application }.run(session, &signing(keys)?).await
            }
            Command::Evidence { application, fingerprint, kind, file, restricted, dated, keys } => {
                let exhibit = match (fingerprint, kind, file) {
                    (Some(fingerprint), ..) => Exhibit::Fingerprint(fingerprint),
                    (None, Some(kind), Some(file)) => Exhibit::Document { kind, file, restricted, dated },
                    _ => return Err(AdminError::Input("give --fingerprint, or --kind and --file".into())),
                };
                application::Evidence { application, exhibit }.run(session, &signing(keys)?).await
            }
            Command::Comment { about, text, keys } => {
                application::Comment { about, text }.run(session, &signing(keys)?).await
            }
            Command::Propose { change } => {
                let (propose, scrutiny, keys) = elector::propose(change)?;
                let signing = signing(keys)?;
                let prepared = propose.prepare(session, &scrutiny).await?;
                self.confirm(&prepared, "Propose this?")?;
                prepared.send(session, &signing).await
            }
            Command::Vote { proposal, choice, rationale, scrutinised, keys } => {
                let vote = proposal::CastVote { proposal, choice, rationale };
                let signing = signing(keys)?;
                let prepared = vote.prepare(session, &scrutinised.scrutiny()?).await?;
                self.confirm(&prepared, "Vote?")?;
                prepared.send(session, &signing).await
            }
            Command::Notice(Notice::Issue { anchor, list, reason, seconds, keys }) => {
                notice::Issue { list, anchor, reason, seconds }.run(session, &signing(keys)?).await
            }
            Command::Notice(Notice::Lift { notice, keys }) => {
                notice::Lift { notice }.run(session, &signing(keys)?).await
            }
            Command::Log(Log::Restart { reason, new_log: key, old, seen, last_root, keys }) => {
                let restart = restart::Restart { reason, key, old, seen, last_root };
                let signing = signing(keys)?;
                let prepared = restart.prepare(session).await?;
                self.confirm(&prepared, "Let the log begin anew?")?;
                prepared.sign(session, &signing).await
            }
            Command::Mo(command) => {
                let (command, keys) = registrar::registry(command);
                command.run(session, &signing(keys)?).await
            }
            Command::Subca(Subca::Disclose { certificate, issuer, keys }) => {
                let prepared = subca::Disclose { certificate, issuer }.prepare(session).await?;
                let signing = signing(keys)?;
                self.confirm(&prepared, "Disclose it?")?;
                prepared.send(session, &signing).await
            }
            Command::Subca(Subca::Revoke { certificate, reason, keys }) => {
                subca::Revoke { certificate, reason }.run(session, &signing(keys)?).await
            }
            Command::Key(_)
            | Command::Charter(_)
            | Command::Apply(_)
            | Command::Review { .. }
            | Command::Participants { .. }
            | Command::Draft(_)
            | Command::Cosign { .. }
            | Command::Submit { .. }
            | Command::Receipts
            | Command::Audit { .. }
            | Command::Lint(_)
            | Command::Profiles(_)
            | Command::Path(_)
            | Command::Interop(_)
            | Command::Budget(_)
            | Command::Sla(_)
            | Command::Cross(_)
            | Command::Verify { .. } => Err(AdminError::Input("this command records no statement".into())),
        }
    }
}

async fn drafted(
    session: &mut Replica,
    role: &Role,
    tolerance: &Tolerance,
) -> Result<draft::Prepared, AdminError> {
    let limits = draft::Tolerance { skew: tolerance.max_skew, age: tolerance.max_age };
    let wait = Duration::from_secs(tolerance.wait.unwrap_or_default());
    draft::prepare_within(session, role, limits, wait).await
}

fn signing(keys: Keys) -> Result<Signing, AdminError> {
    Ok(Signing { out: keys.out, ..Signing::with(&keys.keys)? })
}

/// The user's cache folder for this program.
fn default_folder() -> PathBuf {
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    variable("XDG_CACHE_HOME")
        .or_else(|| variable("HOME").map(|home| home.join(".cache")))
        .unwrap_or_else(std::env::temp_dir)
        .join("ctl-admin")
}
