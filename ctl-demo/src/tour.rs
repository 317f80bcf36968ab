//! The tour: where it is, what it says, and the programs that it started.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::process::Process;
use crate::prometheus::Prometheus;
use crate::{DemoError, Problem};

/// A tour under way.
pub(crate) struct Tour {
    directory: PathBuf,
    keeps_files: bool,
    number: u32,
    title: &'static str,
    /// Where the server is, or will be.
    listen: SocketAddr,
    /// The server, once it runs.
    pub(crate) server: Option<Process>,
    /// The watches, in the order of [`WATCHERS`](crate::people::WATCHERS).
    pub(crate) watches: Vec<Process>,
    /// Where `ctl-webhooks` is to listen; and it, once it runs.
    pub(crate) webhooks_listen: Option<SocketAddr>,
    pub(crate) webhooks: Option<Process>,
    /// Where a program that ends by itself is told of.
    pub(crate) dying: UnboundedSender<Problem>,
    /// The Prometheus beside it, if one was asked for.
    pub(crate) prometheus: Option<Prometheus>,
}

impl Tour {
    pub(crate) fn new(
        directory: PathBuf,
        keeps_files: bool,
        listen: SocketAddr,
        dying: UnboundedSender<Problem>,
    ) -> Self {
        let (server, watches, prometheus) = (None, Vec::new(), None);
        let (webhooks_listen, webhooks) = (None, None);
        Self {
            directory,
            keeps_files,
            number: 0,
            title: "",
            listen,
            server,
            watches,
            webhooks_listen,
            webhooks,
            dying,
            prometheus,
        }
    }

    /// Where its files are.
    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A file of it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.directory.join(name)
    }

    /// An address at the server; before it runs, where it will be.
    pub(crate) fn url(&self, path: &str) -> String {
        match &self.server {
            Some(server) => format!("{}/{path}", server.url()),
            None => format!("http://{}/{path}", self.listen),
        }
    }

    /// An address at the first watch.
    pub(crate) fn watch_url(&self, path: &str) -> String {
        let base = self.watches.first().map_or("", Process::url);
        format!("{base}/{path}")
    }

    pub(crate) fn welcome(&self) {
        print(&format!("{} is the portal, once the scheme is founded: open it in a browser.", self.url("")));
        let kept =
            if self.keeps_files { "stay there" } else { "are removed at the end; keep them with --dir" };
        print("How a root certificate comes from its operator's application to a charger's trust store.");
        print(
            "People, companies and PKIs are pretended; keys, signatures, programs and charger's client are real.",
        );
        print(&format!("Files are in {} and {kept}.", self.directory.display()));
    }

    /// The next step begins. It can be seen on this page of the portal.
    pub(crate) fn begin(&mut self, title: &'static str, page: &str) {
        self.number += 1;
        self.title = title;
        print(&format!("\n{:2}. {title}", self.number));
        self.page(page);
    }

    /// The page of the portal where it can be seen.
    pub(crate) fn page(&self, page: &str) {
        print(&format!("    page {}", self.url(page)));
    }

    /// The page of the first watch where it can be seen.
    pub(crate) fn page_of_watch(&self, page: &str) {
        print(&format!("    page {}", self.watch_url(page)));
    }

    /// What happened.
    pub(crate) fn say(&self, line: impl AsRef<str>) {
        print(&format!("    {}", line.as_ref()));
    }

    /// What a tool shows, one step further in, with digests cut short: they make lines unreadable.
    pub(crate) fn quote(&self, lines: impl IntoIterator<Item = impl AsRef<str>>) {
        for line in lines {
            print(format!("      {}", short_digests(line.as_ref())).trim_end());
        }
    }

    /// The file where it can be seen, relative to the tour's directory.
    pub(crate) fn see_file(&self, name: &str) {
        print(&format!("    see {}", self.path(name).display()));
    }

    /// The address at the server where it can be seen.
    pub(crate) fn see(&self, path: &str) {
        print(&format!("    see {}", self.url(path)));
    }

    /// The address at the first watch where it can be seen.
    pub(crate) fn see_watch(&self, path: &str) {
        print(&format!("    see {}", self.watch_url(path)));
    }

    /// Stops all programs, the server last, and says how the tour went.
    pub(crate) async fn close(
        mut self,
        outcome: Result<(), Problem>,
        mut died: UnboundedReceiver<Problem>,
    ) -> Result<(), DemoError> {
        let watches = std::mem::take(&mut self.watches);
        let (mut words, mut stopped) = (Vec::new(), Ok(()));
        for mut process in watches.into_iter().chain(self.webhooks.take()).chain(self.server.take()) {
            let said = process.last_words();
            let stop = process.stop().await;
            // What it says of a stop that went well helps nobody.
            words.push((process.who().to_owned(), if stop.is_ok() { said } else { process.last_words() }));
            stopped = stopped.and(stop);
        }
        let problem = match (outcome, died.try_recv()) {
            // A person wanted the end.
            (Err(problem @ Problem::Interrupted), _) => Err(problem),
            // It explains why a step failed.
            (_, Ok(death)) => Err(death),
            (outcome, _) => outcome.and(stopped),
        };
        let Err(problem) = problem else {
            print("\nThe watches, the webhooks and the server have stopped cleanly.");
            return Ok(());
        };
        let (whose, log) = match &problem {
            Problem::Interrupted => None,
            Problem::Process { who, .. } => words.into_iter().find(|(one, _)| one == who),
            // The server was started first, and stopped last.
            _ => words.pop(),
        }
        .unwrap_or_default();
        let problem = Box::new(problem);
        Err(DemoError::Step { number: self.number, title: self.title.to_owned(), problem, whose, log })
    }
}

/// Cuts every run of 64 hex digits to its first eight, as the tools themselves do where there is no room.
fn short_digests(text: &str) -> String {
    let mut short = String::new();
    let mut run = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() {
            run.push(character);
            continue;
        }
        if run.len() == 64 {
            run.truncate(8);
        }
        short += &std::mem::take(&mut run);
        short.push(character);
    }
    short.pop();
    short
}

/// How many of something, in words.
pub(crate) fn number_of(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// A closed pipe is no error of ours.
pub(crate) fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_digests_are_cut_short() {
        let digest = "0123456789abcdef".repeat(4);
        assert_eq!(
            short_digests(&format!("+ root A, SHA-256 {digest}: new")),
            "+ root A, SHA-256 01234567: new"
        );
        assert_eq!(short_digests(&digest), "01234567");
        for kept in ["", "facade", "1 of 2", &format!("{digest}0")] {
            assert_eq!(short_digests(kept), kept);
        }
    }
}
