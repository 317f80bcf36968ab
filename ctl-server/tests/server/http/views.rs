//! What the log says, shown in pages, and what is only kept for it.

use super::*;

#[tokio::test]
async fn blobs_are_kept_only_for_digests_that_the_log_names() {
    let (world, application) = discussed();
    let served = Served::start(&world).await;
    let blob = [&[7; 32][..], b"a rationale"].concat();
    let digest = Digest::of(&blob);
    let path = format!("/v1/blobs/{digest}");
    let put = async |body: &[u8]| served.send("PUT", &path, &[], body).await;
    let tag = format!("\"{digest}\"");
    let again = async |tag: &str| served.send("GET", &path, &[("If-None-Match", tag)], b"").await;
    put(&blob).await.problem(404);
    served.get(&path).await.problem(404);
    again(&tag).await.problem(404);

    let reference = BlobRef { access: BlobAccess::Public, sha256: digest };
    let said = CommentAdd { about: application, comment: reference };
    let said = crate::common::statement(&served.ledger.snapshot(), served.now(), "mo-one", 1, said);
    assert_eq!(served.post("/v1/statements", &bytes_of(&said)).await.status, 201);
    served.get(&path).await.problem(404);
    put(b"something else that is longer than a salt").await.problem(422);
    assert_eq!(put(&blob).await.status, 201);
    assert_eq!(put(&blob).await.status, 204);
    let got = served.get(&path).await;
    assert_eq!((got.status, &got.body), (200, &blob));
    assert_eq!(got.header("content-disposition"), "attachment", "no page of this server");
    assert_eq!((got.header("etag"), got.header("cache-control")), (&*tag, "public, max-age=300"));
    let has = again(&tag).await;
    assert_eq!((has.status, has.body.len(), has.header("etag")), (304, 0, &*tag), "who has it gets no bytes");
    assert_eq!(again("\"other\"").await.body, blob);

    served.blobs.erase(&digest).unwrap();
    served.get(&path).await.problem(410);
    again(&tag).await.problem(410);
    again("*").await.problem(410);
    put(&blob).await.problem(410);
    served.get("/v1/blobs/xyz").await.problem(404);
    served.send("PUT", "/v1/blobs/xyz", &[], &blob).await.problem(404);
}

#[tokio::test]
async fn views_show_what_the_log_says_in_pages() {
    let mut world = World::published();
    let anchor = world.admitted("alpha-pki");
    world.publish_list();
    for id in ["USAAA", "USBBB", "USCCC"] {
        world.say(&["registrar"], crate::common::assignment(id)).unwrap();
    }
    let served = Served::start(&world).await;
    let lists = served.get("/v1/lists").await.json();
    assert_eq!(lists["scheme"], world.state.scheme.to_string());
    assert_eq!((&lists["lists"][0]["list"], &lists["lists"][0]["sequence"]), (&"na".into(), &1.into()));
    assert_eq!(lists["lists"][0]["anchors"]["qualified"], 1);
    let list = served.get("/v1/lists/na").await.json();
    assert_eq!(list["anchors"][0]["fingerprint"], anchor.to_string());
    let shown = served.get(&format!("/v1/anchors/{anchor}")).await.json();
    assert_eq!((&shown["lists"][0]["list"], &shown["lists"][0]["kind"]), (&"na".into(), &"root".into()));
    served.get(&format!("/v1/anchors/{}", Digest::ZERO)).await.problem(404);
    let diff = served.get("/v1/lists/na/diff?from=0&to=1").await.json();
    assert_eq!(diff["anchors"]["added"][0]["id"], anchor.to_string());

    let proposals = served.get("/v1/proposals").await.json();
    assert_eq!(proposals["proposals"][0]["decision"]["outcome"], "accepted");
    let applications = served.get("/v1/applications").await.json();
    assert_eq!(applications["applications"][0]["stage"], "accepted");
    let one = applications["applications"][0]["application"].as_u64().unwrap();
    assert_eq!(served.get(&format!("/v1/applications/{one}")).await.json()["stage"], "accepted");
    served.get("/v1/applications/0").await.problem(404);

    let mut seen = Vec::new();
    let mut path = "/v1/registry/mo?limit=2".to_owned();
    loop {
        let page = served.get(&path).await.json();
        seen.extend(
            page["identifiers"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/registry/mo?limit=2&after={next}");
    }
    assert_eq!(seen, ["USAAA", "USBBB", "USCCC"]);
    assert_eq!(served.get("/v1/registry/mo/USBBB").await.json()["holder"], "mo-one");
    served.get("/v1/registry/mo/USZZZ").await.problem(404);
    let people = served.get("/v1/participants?limit=1000").await.json();
    assert_eq!(people["participants"].as_array().unwrap().len(), world.state.participants.size());
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["status"]), (200, &"ready".into()));
}

#[tokio::test]
async fn time_alone_changes_what_readers_see() {
    let (mut world, application) = discussed();
    let proposal = world.proposal_to_admit(application);
    world.say(&["elector-1"], proposal).unwrap();
    let served = Served::start(&world).await;
    let decision = async || served.get("/v1/proposals").await.json()["proposals"][0]["decision"].clone();
    assert!(decision().await.is_null());
    served.pass(7 * world::DAY);
    assert_eq!(decision().await["outcome"], "rejected");
    let stage = served.get(&format!("/v1/applications/{application}")).await.json()["stage"].clone();
    assert_eq!(stage, "rejected");
}

#[tokio::test]
async fn an_overdue_list_is_in_the_body_of_readyz_and_not_its_status() {
    let served = with_list().await;
    served.pass(31 * world::DAY);
    served.fresh().await;
    let ready = served.get("/readyz").await;
    assert_eq!((ready.status, &ready.json()["lists"][0]["overdue"]), (200, &true.into()));
}

#[tokio::test]
async fn every_metric_has_help_and_a_value() {
    let served = with_list().await;
    served.draft(&Role::Registry, None).await;
    served.get("/v1/lists/na/ctl.json").await;
    served.get("/nowhere").await;
    served.get("/another/nowhere").await;
    served
        .until("housekeeping", async |served| {
            let text = served.get("/metrics").await.text();
            (!text.contains("ctl_data_bytes 0\n")).then_some(())
        })
        .await;
    let answer = served.get("/metrics").await;
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} ")));
        line.unwrap_or_else(|| panic!("{name} is not in {text}"))
            .rsplit(' ')
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap()
    };
    assert!(value("ctl_ledger_entries") >= world::CAST.len() as f64 / 10.0);
    assert_eq!(value("ctl_ledger_writable"), 1.0);
    assert_eq!(value("ctl_list_sequence{list=\"na\"}"), 1.0);
    let published = &served.ledger.snapshot().state.published[&Role::List(na())];
    let next_update = value("ctl_list_next_update_timestamp_seconds{list=\"na\"}");
    assert_eq!(next_update, published.open.expires.unix() as f64);
    assert_eq!(value("ctl_list_published_timestamp_seconds{list=\"na\"}"), published.at.unix() as f64);
    assert_eq!(value("ctl_anchors{list=\"na\",status=\"qualified\"}"), 1.0);
    assert_eq!(value("ctl_anchors{list=\"na\",status=\"withdrawn\"}"), 0.0);
    assert!(value("ctl_checkpoint_timestamp_seconds") > 1.7e9);
    assert!(value("ctl_metadata_expires_timestamp_seconds{role=\"timestamp\"}") > 1.7e9);
    assert!(value("ctl_draft_opened_timestamp_seconds{role=\"registry\"}") > 1.7e9);
    assert_eq!(
        value(
            "ctl_http_requests_total{method=\"GET\",route=\"/v1/lists/{list}/ctl.{format}\",status=\"200\"}"
        ),
        1.0
    );
    // Paths that do not exist are one series, however many there are.
    assert_eq!(value("ctl_http_requests_total{method=\"GET\",route=\"unknown\",status=\"404\"}"), 2.0);
    assert_eq!(value("ctl_http_request_duration_seconds_count{route=\"unknown\"}"), 2.0);

    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()) {
        let help = text.lines().find_map(|line| line.strip_prefix(&format!("# HELP {name} ")));
        assert!(help.is_some_and(|help| help.ends_with('.')), "{name} has no good help");
        assert!(text.lines().any(|line| line.starts_with(name)), "{name} has no value");
    }
}

#[tokio::test]
async fn what_screening_found_is_shown_in_full_with_the_policy_that_says_why() {
    let mut charter = world::charter();
    for list in charter.lists.values_mut() {
        list.policy = crate::common::admission();
    }
    let mut world = World::published_with(charter);
    let change = Change::AccreditAuditor { auditor: "auditor".parse().unwrap(), expires_at: None };
    let proposal = world.propose("elector-1", change).unwrap();
    world.decide(proposal);
    let root = world.apply_with_root("alpha-pki").unwrap();
    let served = Served::start(&world).await;
    let policies = Arc::new(Policies::load(&[]).unwrap());
    let screener = Screener::new(served.ledger.clone(), served.blobs.clone(), policies);
    assert_eq!(screener.screen_all().await.unwrap(), 1);

    let shown = served.get(&format!("/v1/applications/{root}")).await.json();
    let screening = &shown["screening"];
    assert_eq!(screening["engine"], ctl_policy::ENGINE);
    assert_eq!(screening["outdated"], serde_json::Value::Null);
    assert_eq!(screening["observed"][0]["what"], "certificate");
    let findings = screening["findings"].as_array().unwrap();
    let audit = findings.iter().find(|finding| finding["id"] == "audit-report").unwrap();
    assert_eq!(audit["severity"], "error");
    assert_eq!(audit["waivable"], true);
    assert_eq!(audit["found"], "no audit report is attached");
    assert!(audit["expected"].as_str().unwrap().contains("accredited auditor"), "{audit}");
    assert!(audit["source"].as_str().unwrap().contains("This scheme"), "{audit}");
    assert_eq!(shown["effects"], serde_json::Value::Null, "a root has uses instead");

    // Whoever wants to compute it again gets the policy by the digest that the charter names.
    let digest = crate::common::admission().sha256;
    let policy = served.get(&format!("/v1/blobs/{digest}")).await;
    assert_eq!((policy.status, policy.text().as_str()), (200, ctl_policy::ADMISSION));
    assert_eq!(Digest::of(&policy.body), digest);
    let tag = policy.header("etag");
    let has = served.send("GET", &format!("/v1/blobs/{digest}"), &[("If-None-Match", tag)], b"").await;
    assert_eq!((tag, has.status, has.body.len()), (&*format!("\"{digest}\""), 304, 0));
    assert!(has.header("cache-control").contains("immutable"));
    // Once the report is erased, the record alone is shown.
    let report: Digest = screening["report"]["sha256"].as_str().unwrap().parse().unwrap();
    served.blobs.erase(&report).unwrap();
    // An expensive answer is told again for a moment.
    let short = served
        .until("the short form", async |served| {
            let shown = served.get(&format!("/v1/applications/{root}")).await.json();
            let short = shown["screening"]["findings"].as_array().unwrap().clone();
            short.iter().all(|finding| finding.get("found").is_none()).then_some(short)
        })
        .await;
    assert_eq!(short.len(), findings.len());

    let people = served.get("/v1/participants?limit=1000").await.json();
    let of = |id: &str| {
        let all = people["participants"].as_array().unwrap();
        all.iter().find(|one| one["id"] == id).unwrap()["accreditation"].clone()
    };
    assert_eq!(of("auditor")["in_force"], true);
    assert_eq!(of("auditor")["proposal"], proposal);
    assert_eq!(of("elector-2-auditor"), serde_json::Value::Null);
}

#[tokio::test]
async fn the_governance_shows_how_long_it_kept_whom_waiting() {
    let mut world = World::published_with(world::charter());
    let (alpha, beta) = (world.admitted("alpha-pki"), world.admitted("beta-pki"));
    world.publish_list();
    let body = CrossRequest { issuer_anchor: alpha, list: na(), requester_anchor: beta, terms: None };
    let request = world.say(&["beta-pki"], body).unwrap();
    let served = Served::start(&world).await;
    let found = served.get("/v1/sla/governance").await;
    assert_eq!(found.header("cache-control"), "no-cache");
    let found = found.json();
    let [alpha, beta] = found["applications"]["operators"].as_array().unwrap().as_slice() else { panic!() };
    assert_eq!((&alpha["operator"], &beta["operator"]), (&"alpha-pki".into(), &"beta-pki".into()));
    assert_eq!(alpha["publication"]["p50"], 28 * world::DAY, "waited for beta");
    assert_eq!(beta["publication"]["p50"], 14 * world::DAY);
    let open = &found["cross_certification"]["open"][0];
    assert_eq!((&open["request"], &open["issuer"]), (&request.into(), &"alpha-pki".into()));
    served.get("/v1/sla/governance/x").await.problem(404);
}
