//! What is served of a list in other people's formats, what is said of it, and what happens to a form that a version
//! does not have.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ctl_core::Digest;
use ctl_core::list::ListPayload;
use ctl_core::parts::AnchorStatus;
use ctl_core::role::Role;
use ctl_formats::cms::{SignedData, Trust, cms_pem};
use ctl_formats::rendition::Rendition;
use ctl_formats::sae::SaeList;
use ctl_governance::statement::body::Change;
use ctl_governance::statement::charter::SaeCmsCharter;
use ctl_pki::Certificate;
use ctl_server::pool::Ctl;
use ctl_server::publish::disk::PublicDirectory;
use ctl_server::publish::documents::{Chain, render};
use ctl_server::publish::edition::Edition;
use ctl_server::publish::replay::Replay;

use crate::common::world::certificates::{ca, for_signer, issue, sae_cms};
use crate::common::world::{self, DAY, World, na};
use crate::served::Served;

fn list() -> Role {
    Role::List(na())
}

#[tokio::test]
async fn a_list_says_in_which_forms_it_is_served_and_what_each_leaves_out() {
    let mut world = World::published();
    world.admitted("alpha-pki");
    let served = Served::start(&world).await;
    assert!(served.get("/v1/lists/na").await.json()["renditions"].is_null());
    served.sign(&list(), "signer-1").await;
    served.sign(&list(), "signer-2").await;
    let said = served.get("/v1/lists/na").await.json();
    let said = said["renditions"].as_array().unwrap();
    assert_eq!(said.len(), Rendition::of(&list()).count());
    for (one, rendition) in said.iter().zip(Rendition::of(&list())) {
        let path = one["path"].as_str().unwrap();
        if rendition.suffix == "sae.cms" {
            // Off by default.
            assert!(one["absent"].as_str().unwrap().contains("the charter does not have"));
            served.get(path).await.problem(404);
            continue;
        }
        assert_eq!(path, format!("/{}", rendition.path(&list()).unwrap()));
        let answer = served.get(path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), one["media_type"].as_str().unwrap());
        assert_eq!(Digest::of(&answer.body).to_string(), one["sha256"], "{path}");
        assert!(one["omissions"].is_array() && one.get("absent").is_none());
    }
    let p7c = said.iter().find(|one| one["path"] == "/v1/lists/na/ctl.p7c").unwrap();
    assert_eq!(p7c["media_type"], "application/pkcs7-mime; smime-type=certs-only");
    assert!(p7c["omissions"][0].as_str().unwrap().contains("not said: what each anchor is listed for"));
}

#[test]
fn a_form_that_the_next_version_does_not_have_is_taken_away_with_its_reason() {
    let mut world = World::published();
    let certificate = world.admitted("alpha-pki");
    world.publish_list();
    let to = AnchorStatus::Withdrawn;
    let proposal = world
        .propose("elector-1", Change::ChangeStatus { certificate, list: na(), not_issued_after: None, to });
    world.decide(proposal.unwrap());
    world.publish_list();

    let public = tempfile::tempdir().unwrap();
    let mut edition = Edition::new(PublicDirectory::new(public.path()), 0);
    let (mut replay, mut seen) = (Replay::default(), Vec::new());
    let there = |path: &str| public.path().join(path).exists();
    let path = |suffix: &str| format!("v1/lists/na/ctl.{suffix}");
    for entry in &world.entries {
        let Some(publication) = replay.follow(&entry.bytes).unwrap() else { continue };
        if *publication.role() != list() {
            continue;
        }
        render(&mut edition, &publication, &Chain::default()).unwrap();
        edition.write().unwrap();
        let said: BTreeMap<String, serde_json::Value> = edition
            .site
            .renditions(&list())
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .map(|one| (one["path"].as_str().unwrap().to_owned(), one["absent"].clone()))
            .collect();
        seen.push((
            there(&path("ta.der")),
            edition.site.file(&path("ta.der")).is_some(),
            said[&format!("/{}", path("ta.der"))].as_str().map(str::to_owned),
        ));
        // An empty file says "nobody"; a missing one would leave its reader with the older one.
        assert!(there(&path("pem")) && there(&path("p7c")) && there(&path("sae.der")));
    }
    let [first, second] = &seen[..] else { panic!("{seen:?}") };
    assert_eq!(*first, (true, true, None));
    assert_eq!((second.0, second.1), (false, false));
    assert!(second.2.as_ref().unwrap().contains("at least one anchor"), "{second:?}");
}

/// A scheme whose list, with one root, is signed in CMS with these certificates.
fn signed_in_cms(sae_cms: SaeCmsCharter) -> World {
    let mut charter = world::charter();
    charter.lists.get_mut(&na()).unwrap().sae_cms = Some(sae_cms);
    let mut world = World::published_with(charter);
    world.admitted("alpha-pki");
    world
}

/// By how many keys of the charter's CA a CMS is signed.
fn keys(signed: &SignedData, served: &Served) -> usize {
    let issuer = Certificate::from_der(&ca("list signing CA").0).unwrap();
    let verified = signed.verify(Trust::IssuedBy(&[issuer]), served.now());
    assert_eq!(verified.refusal(), None);
    verified.keys().len()
}

#[tokio::test]
async fn a_list_is_signed_in_cms_in_the_same_ceremony_and_served_with_as_many_signatures() {
    let world = signed_in_cms(sae_cms());
    let served = Served::start(&world).await;
    let draft = served.draft(&list(), None).await;
    let view = served.get("/v1/drafts/na").await.json();
    assert!(view["sae_cms_attributes"].is_string() && view["sae_cms_absent"].is_null());
    let path = "/v1/drafts/na/signatures";
    let whole = served.submission(&draft, "signer-1");
    for (why, change) in [
        ("sign it as well", serde_json::Value::Null),
        ("does not verify", served.submission(&draft, "signer-1")["metadata_signature"].clone()),
        ("by the same key", served.submission(&draft, "signer-2")["sae_cms_signature"].clone()),
    ] {
        let mut body = whole.clone();
        body["sae_cms_signature"] = change;
        if body["sae_cms_signature"].is_null() {
            body.as_object_mut().unwrap().remove("sae_cms_signature");
        }
        let refused = served.post(path, body.to_string().as_bytes()).await;
        assert_eq!(refused.status, 422, "{why}");
        assert!(refused.text().contains(why), "{why}: {}", refused.text());
    }
    served.sign(&list(), "signer-1").await;
    assert!(served.sign(&list(), "signer-3").await.json()["published"].is_u64());
    let answer = served.get("/v1/lists/na/ctl.sae.cms").await;
    assert_eq!(answer.header("content-type"), "application/x-pem-file");
    let signed = SignedData::read(&answer.body).unwrap();
    assert_eq!(keys(&signed, &served), 2);
    assert_eq!(signed.content(), served.get("/v1/lists/na/ctl.sae.der").await.body);
}

#[tokio::test]
async fn the_pools_signed_list_is_that_cms_for_as_long_as_a_version_has_one() {
    // The certificate of one who may sign ends before the second version does.
    let mut cms = sae_cms();
    let end = signed_in_cms(sae_cms()).now.plus_seconds(40 * DAY).unix();
    cms.signers.insert("signer-3".parse().unwrap(), issue(for_signer("signer-3").valid(1_577_836_800, end)));
    let served = Served::start_pooling(&signed_in_cms(cms), &[("na", Ctl::American)]).await;
    served.get("/v1/lists/na/ctl.sae.cms").await.problem(404);
    for signer in ["signer-3", "signer-1"] {
        served.sign(&list(), signer).await;
    }
    let told = served.get("/v1/root/ctl").await;
    assert_eq!((told.status, told.header("content-type")), (200, "application/json"));
    let same = served.get_with("/v1/root/ctl", &[("If-None-Match", told.header("etag"))]).await;
    assert_eq!(same.status, 304);
    let (told, of) = (told.json(), |told: &serde_json::Value, member: &str| {
        STANDARD.decode(told[member].as_str().unwrap()).unwrap()
    });
    let der = of(&told, "CTL");
    assert_eq!(cms_pem(&der), served.get("/v1/lists/na/ctl.sae.cms").await.text());
    let signed = SignedData::read(&der).unwrap();
    assert_eq!(keys(&signed, &served), 2);
    assert_eq!(of(&told, "signerCertificate"), signed.certificates()[0].der());
    let payload = ListPayload::read(&served.get("/v1/lists/na/ctl.json").await.body).unwrap();
    assert_eq!(told["timeStamp"], payload.issued_at.to_string());
    let inside = SaeList::from_der(signed.content()).unwrap();
    let inside: Vec<&[u8]> = inside.certificates().map(Certificate::der).collect();
    let listed: Vec<&[u8]> = payload.anchors.iter().map(|anchor| &*anchor.certificate.0).collect();
    // One root, which SAE's list has once for each of its types.
    assert!(listed.len() == 1 && !inside.is_empty() && inside.iter().all(|der| *der == listed[0]));

    served.pass(16 * DAY);
    served.draft(&list(), None).await;
    let absent = served.get("/v1/drafts/na").await.json()["sae_cms_absent"].as_str().unwrap().to_owned();
    assert!(absent.contains("signer-3") && absent.contains("is not valid from"), "{absent}");
    for signer in ["signer-1", "signer-2"] {
        served.sign(&list(), signer).await;
    }
    // Neither is left from the version before.
    served.get("/v1/lists/na/ctl.sae.cms").await.problem(404);
    let refused = served.get("/v1/root/ctl").await;
    assert_eq!(refused.status, 404);
    assert!(refused.text().contains("ctl.jws"), "{}", refused.text());
    let said = served.get("/v1/lists/na").await.json()["renditions"].to_string();
    assert!(said.contains(&absent.replace('"', "\\\"")), "{said}");
}
