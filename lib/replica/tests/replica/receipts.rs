//! What is remembered of what was sent: a file that is damaged stops nothing, and a receipt that the log does not keep is
//! told once and stands until a person has settled it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use ctl_core::Signer;
use ctl_governance::statement::body::MoAssign;
use ctl_replica::{Options, Replica, Submission, Trust};
use tempfile::TempDir;

use crate::common::story::{World, key};
use crate::common::{Lie, Server, noted, options};

struct Stage {
    directory: TempDir,
    server: Arc<Server>,
    heard: Arc<Mutex<Vec<String>>>,
    replica: Replica,
}

fn assign(id: &str) -> MoAssign {
    let (holder, source) = ("mo-one".parse().unwrap(), "bdew".parse().unwrap());
    MoAssign { holder, id: id.parse().unwrap(), source }
}

impl Stage {
    async fn begin() -> Self {
        let (directory, server) = (tempfile::tempdir().unwrap(), Server::start(World::published()).await);
        let (scheme, now) = {
            let world = server.world.lock().unwrap();
            (world.state.scheme, world.now)
        };
        let (listener, heard) = noted();
        let options = options(&server.url, Trust::Scheme(scheme), Some(directory.path()), now);
        let mut replica = Replica::open(Options { listener, ..options }).unwrap();
        replica.sync().await.unwrap();
        Self { directory, server, heard, replica }
    }

    /// The notes of what was sent.
    fn notes(&self) -> PathBuf {
        self.directory.path().join(self.replica.scheme().to_string()).join("receipts")
    }

    async fn send(&mut self, id: &str) -> Submission {
        let keys = [Box::new(key("registrar")) as Box<dyn Signer>];
        let pending = self.replica.write(&keys, assign(id), Vec::new()).unwrap();
        self.replica.send(&pending).await.unwrap()
    }

    /// Contacts; gives how much was heard so far.
    async fn sync(&mut self) -> usize {
        self.replica.sync().await.unwrap();
        self.heard.lock().unwrap().len()
    }

    fn others_go_on(&self, id: &str) {
        let mut world = self.server.world.lock().unwrap();
        world.wait(60);
        world.say(&["registrar"], assign(id)).unwrap();
    }
}

#[tokio::test]
async fn a_note_that_is_damaged_is_put_aside_and_everything_else_goes_on() {
    let mut stage = Stage::begin().await;
    std::fs::create_dir_all(stage.notes()).unwrap();
    std::fs::write(stage.notes().join("half.json"), "{\"type\": \"mo.as").unwrap();
    std::fs::write(stage.notes().join("endless.json"), vec![b' '; 1 << 20]).unwrap();
    assert_eq!(stage.sync().await, 2, "each is told");
    assert_eq!(stage.sync().await, 2, "once");
    for name in ["half.json", "endless.json"] {
        let aside = stage.notes().join(format!("{name}.damaged"));
        assert!(aside.exists(), "{}", aside.display());
        let heard = stage.heard.lock().unwrap().join("\n");
        assert!(heard.contains(aside.to_str().unwrap()), "{heard}");
    }
    assert!(stage.send("DEABC").await.receipt().is_some());
}

#[tokio::test]
async fn a_receipt_that_the_log_does_not_keep_is_told_once_and_stands_until_it_is_settled() {
    let mut stage = Stage::begin().await;
    let sent_at = stage.replica.now();
    *stage.server.lie.lock().unwrap() = Lie::Drops;
    assert!(matches!(stage.send("DEABC").await, Submission::Sent { .. }));
    assert_eq!((stage.sync().await, stage.replica.promised()), (0, Some(sent_at)), "it may still come");
    *stage.server.lie.lock().unwrap() = Lie::None;
    stage.others_go_on("DEXYZ");
    for _ in 0..3 {
        assert_eq!((stage.sync().await, stage.replica.promised()), (1, None));
        let [lost] = stage.replica.lost() else { panic!("{:?}", stage.replica.lost()) };
        assert!(lost.why.contains("is another one") && lost.evidence.exists(), "{lost}");
    }
    std::fs::remove_file(&stage.replica.lost()[0].note).unwrap();
    assert_eq!((stage.sync().await, stage.replica.lost().len()), (1, 0));
}
