//! Whether the server says that it is ready when it is, and only then.

use ctl_server::ledger::RecordError;

use super::*;

/// What `/readyz` says: its status and its problems.
async fn ready(served: &Served) -> (u16, String) {
    let answer = served.get("/readyz").await;
    (answer.status, answer.json()["problems"].to_string())
}

#[tokio::test]
async fn an_entry_that_is_recorded_and_not_served_is_told_after_a_while() {
    let (world, application) = discussed();
    let mut served = Served::start(&world).await;
    // The server opens the drafts that are due: of the list, the notices and the registry.
    let size = world.state.size() + 3;
    let ledger = served
        .until("what is due is drafted and served", async |served| {
            let ledger = served.get("/readyz").await.json()["ledger"].clone();
            (ledger["entries"] == size && ledger["served"] == size).then_some(ledger)
        })
        .await;
    assert_eq!(ledger["verified"], ledger["entries"], "{ledger}");
    served.stop_publisher().await;
    assert_eq!(ready(&served).await.0, 200);
    let first = served.ledger.record(comment(&served, application, 1)).await.unwrap();
    served.clock.pass(9);
    assert_eq!(ready(&served).await.0, 200, "it may still be on its way");
    // What comes later does not make the first any younger.
    served.ledger.record(comment(&served, application, 2)).await.unwrap();
    served.clock.pass(1);
    let (status, problems) = ready(&served).await;
    assert_eq!(status, 503);
    let said = format!("has {} entries, {} are recorded", first.index, first.index + 2);
    assert!(problems.contains(&said), "{problems}");
}

#[tokio::test]
async fn a_part_that_fails_makes_the_server_not_ready() {
    let (world, _) = discussed();
    let served = Served::start(&world).await;
    assert_eq!(ready(&served).await.0, 200);
    served.supervisor.watch("the deserter", tokio::spawn(async {})).await.unwrap();
    let (status, problems) = ready(&served).await;
    assert!(status == 503 && problems.contains("the deserter"), "{problems}");
}

#[tokio::test]
async fn a_writer_that_panics_is_noticed() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let lost = served.ledger.observe(|_| panic!("a defect")).await;
    assert!(matches!(lost, Err(RecordError::Closed)), "{lost:?}");
    served.ledger.writer_stopped().await;
    assert_eq!(ready(&served).await.0, 503);
    served.post("/v1/statements", &bytes_of(&comment(&served, application, 1))).await.problem(503);
}

#[tokio::test]
async fn a_machine_that_was_paused_publishes_and_records_again_without_a_restart() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    served.fresh().await;
    let late = comment(&served, application, 1);
    // Ten hours of which the machine knows nothing, until it is told the time.
    let morning = served.now().plus_seconds(10 * 3600);
    served.clock.set(morning);
    let (status, problems) = ready(&served).await;
    assert!(status == 503 && problems.contains("the clock jumped"), "{problems}");
    served.post("/v1/statements", &bytes_of(&late)).await.problem(503);
    // It stands by it for a twenty-fourth of that.
    served.pass(25 * 60);
    served
        .until("the server to believe its clock", async |served| (ready(served).await.0 == 200).then_some(()))
        .await;
    assert!(served.now() >= morning);
    served.fresh().await;
    let statement = bytes_of(&comment(&served, application, 2));
    assert_eq!(served.post("/v1/statements", &statement).await.status, 201);
}
