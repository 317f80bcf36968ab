//! Stories of a governance body that looks at somebody else's list, and of an operator who applies with what came of it.

use clap::Parser;
use ctl_admin::applicant::application::Withdraw;
use ctl_admin::applicant::application_file::ApplyFile;
use ctl_admin::import::{self, Report, Standing};
use ctl_core::parts::{AnchorStatus, DistrustKind, Distrusted};
use ctl_formats::sae::{SaeEntry, SaeListV1, SaeStatus, SaeType, SaeValidity};
use ctl_governance::application::Stage as Stands;
use ctl_pki::Certificate;

use super::*;

/// The options as the command line reads them.
#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: import::Options,
}

fn options(words: &[&str]) -> import::Options {
    Line::try_parse_from([&["import"], words].concat()).unwrap().options
}

async fn import(stage: &Stage, words: &[&str]) -> Result<Report, AdminError> {
    let mut session = stage.session();
    let now = session.now();
    import::run(&options(words), Some(&mut session), now).await
}

fn certificate(operator: &str) -> Certificate {
    root(operator).root().certificate().clone()
}

fn sae(roots: &[(&str, SaeType)], now: ctl_core::Timestamp) -> Vec<u8> {
    let entries = roots.iter().map(|(operator, kind)| SaeEntry {
        kind: *kind,
        status: SaeStatus::Active,
        certificate: certificate(operator),
    });
    let validity = SaeValidity::new(now.minus_seconds(DAY), now.plus_seconds(DAY)).unwrap();
    SaeListV1 { version: 1, sequence: 9, validity, entries: entries.collect() }.to_der()
}

#[tokio::test]
async fn a_foreign_list_is_held_against_ours_and_what_is_new_goes_on_to_an_application() {
    let stage = Stage::new().await;
    let listed = stage.admit("beta-pki").await;
    let what = Distrusted {
        kind: DistrustKind::Spki,
        sha256: Digest::from_bytes(certificate("mallory").spki_sha256()),
    };
    {
        let mut world = stage.server.world.lock().unwrap();
        let proposal = world.propose("elector-1", Change::Distrust { list: na(), what }).unwrap();
        world.decide(proposal);
    }
    let (application, _) = stage.apply("alpha-pki").await;
    let now = stage.session().now();
    let file = stage.path("sae.der").display().to_string();
    let v2g = SaeType::V2g;
    let roots = [
        ("beta-pki", v2g),
        ("alpha-pki", v2g),
        ("mallory", SaeType::Msp),
        ("new", v2g),
        ("new", SaeType::Msp),
    ];
    std::fs::write(&file, sae(&roots, now)).unwrap();

    let report = import(&stage, &[&file]).await.unwrap();
    let standing: Vec<_> = report.certificates.iter().map(|one| one.standing.clone().unwrap()).collect();
    let list = na();
    assert_eq!(
        standing,
        [
            vec![Standing::Listed { list: list.clone(), status: AnchorStatus::Qualified }],
            vec![Standing::Applied { list: list.clone(), application, stage: Stands::Submitted }],
            vec![Standing::Distrusted { list: list.clone(), what: DistrustKind::Spki }],
            vec![],
        ]
    );
    let text = report.text();
    for part in [
        "SAE list, version 1, number 9, holds from",
        "not signed: somebody's word",
        "entry 4; entry 5: ",
        "said      v2g, mo, active",
        "listed on na: qualified",
        "DISTRUSTED on na: its key is",
        "here      unknown",
        "4 certificates, 0 that cannot be read; against na: 1 listed, 1 applied for, 1 distrusted, 1 unknown; 0 listed here",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }

    // Whoever leaves one of ours out is told of.
    std::fs::write(&file, sae(&roots[1..], now)).unwrap();
    let folder = stage.path("new ones").display().to_string();
    let report = import(&stage, &[&file, "--list", "na", "--prepare", &folder]).await.unwrap();
    let [missing] = report.missing.as_slice() else { panic!("{}", report.text()) };
    assert_eq!((missing.fingerprint, missing.name.as_str()), (listed, "Their root"));
    let [written] = report.prepared.as_slice() else { panic!("{}", report.text()) };
    assert!(!written.kept && written.complete);

    // The advice, followed: the operator reads the file and signs it.
    let text = report.text();
    let advice = text.lines().find(|line| line.contains("ctl-admin apply file")).unwrap();
    let file = advice.split("ctl-admin apply file '").nth(1).unwrap().strip_suffix("' --key KEY").unwrap();
    assert_eq!(Path::new(file), written.file);
    let apply = ApplyFile { file: file.into(), policy: Vec::new() };
    let mut session = stage.session();
    let prepared = apply.prepare(&mut session, &signing(&["alpha-pki"])).await.unwrap();
    let shown = prepared.text();
    for part in ["no proof that you hold its key", "iso15118-2", "\"mo\"", "\"v2g\""] {
        assert!(shown.contains(part), "{part} is missing in\n{shown}");
    }
    let index = recorded(prepared.send(&mut session, &signing(&["alpha-pki"])).await);
    let report = import(&stage, &[&stage.path("sae.der").display().to_string()]).await.unwrap();
    let last = report.certificates.last().unwrap().standing.clone().unwrap();
    assert_eq!(last, [Standing::Applied { list, application: index, stage: Stands::Submitted }]);

    // Whoever has taken it back has not applied, and it is not new either.
    Withdraw { application: index }.run(&mut session, &signing(&["alpha-pki"])).await.unwrap();
    let report = import(&stage, &[&stage.path("sae.der").display().to_string()]).await.unwrap();
    let text = report.text();
    assert!(text.contains(&format!("here      application {index} for na was withdrawn")), "{text}");
    assert!(text.contains("1 applied for, 1 distrusted, 0 unknown"), "{text}");
}

#[tokio::test]
async fn an_application_file_is_never_overwritten_and_is_about_one_certificate() {
    let stage = Stage::new().await;
    let source = stage.path("source");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("a.pem"), certificate("new").to_pem()).unwrap();
    // A sub-CA is no root: there is nothing to apply with.
    let pki = root("new");
    let sub_ca = pki
        .entities()
        .find(|(_, one)| one.certificate().is_ca() && one.certificate() != pki.root().certificate());
    std::fs::write(source.join("b.pem"), sub_ca.unwrap().1.certificate().to_pem()).unwrap();
    let (source, folder) = (source.display().to_string(), stage.path("out").display().to_string());
    let words = [source.as_str(), "--prepare", &folder];
    let report = import(&stage, &words).await.unwrap();
    assert_eq!((report.certificates.len(), report.prepared.len()), (2, 1), "{}", report.text());
    let file = report.prepared[0].file.clone();
    let edited = std::fs::read_to_string(&file).unwrap().replace("name = \"", "name = \"Our ");
    std::fs::write(&file, &edited).unwrap();
    let again = import(&stage, &words).await.unwrap();
    assert!(again.prepared[0].kept && again.text().contains("left as it is"));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), edited);

    let mut session = stage.session();
    let ask = async |session: &mut Replica| {
        let apply = ApplyFile { file: file.clone(), policy: Vec::new() };
        apply.prepare(session, &signing(&["alpha-pki"])).await.map(|prepared| prepared.text())
    };
    assert!(ask(&mut session).await.unwrap().contains("\"Our "));
    std::fs::write(&file, edited.replace("uses = [\"iso15118-2/v2g\"]", "uses = []")).unwrap();
    assert!(ask(&mut session).await.unwrap_err().to_string().contains("fill in what the root is for"));
    std::fs::write(&file, format!("{edited}\nsurprise = 1\n")).unwrap();
    assert!(ask(&mut session).await.unwrap_err().to_string().contains("surprise"));
    std::fs::write(&file, &edited).unwrap();
    std::fs::write(file.with_extension("pem"), certificate("mallory").to_pem()).unwrap();
    let error = ask(&mut session).await.unwrap_err();
    assert!(error.to_string().contains("and the application is for"), "{error}");
}

#[tokio::test]
async fn a_list_of_another_service_counts_for_what_its_root_json_verifies() {
    let stage = Stage::new().await;
    let fingerprint = stage.admit("beta-pki").await;
    let file = stage.path("ctl.jws").display().to_string();
    std::fs::write(&file, &stage.served()["v1/lists/na/ctl.jws"]).unwrap();
    let Trust::Root(root) = &stage.trust else { panic!("by root.json") };
    let root = root.display().to_string();
    let now = stage.session().now();
    let read = async |words: &[&str]| import::run(&options(words), None, now).await;

    let report = read(&[&file, "--root-json", &root]).await.unwrap();
    assert_eq!(report.certificates[0].fingerprint, fingerprint);
    assert_eq!(report.certificates[0].standing, None, "without a scheme nothing is known");
    let text = report.text();
    assert!(text.contains("signature verified") && text.contains("list na of scheme"), "{text}");
    let error = read(&[&file]).await.unwrap_err();
    assert!(error.to_string().contains("root-json") && error.exit_code() == exit::NO, "{error}");
    let text = read(&[&file, "--unverified"]).await.unwrap().text();
    assert!(text.contains("anchor 1 (unverified)") || text.contains("(unverified)\n"), "{text}");
    assert!(text.contains("NOT VERIFIED"), "{text}");

    let mut forged = std::fs::read(&file).unwrap();
    let at = forged.windows(9).position(|window| window == b"\"payload\"").unwrap() + 40;
    forged[at] ^= 1;
    std::fs::write(&file, forged).unwrap();
    assert_eq!(read(&[&file, "--root-json", &root]).await.unwrap_err().exit_code(), exit::NO);
    // What is not signed is none of that service's.
    std::fs::write(&file, &stage.served()["v1/lists/na/ctl.json"]).unwrap();
    let error = read(&[&file, "--root-json", &root]).await.unwrap_err();
    assert!(error.to_string().contains("it is not signed") && error.exit_code() == exit::NO, "{error}");
    assert!(read(&[&file]).await.unwrap().text().contains("a bare payload"));
}
