//! A scheme in which every word that somebody may choose is an attack on who shows it: markup, addresses that are code,
//! text in both directions, a text of eight megabytes, bytes that are no UTF-8. Who shows it must show nothing else than
//! text. `OWNED` stands in all that would run, so that a test finds it where it may not be.

use ctl_core::names::Label;
use ctl_core::parts::{Constraints, Der, Purpose, Services, Standard, Use};
use ctl_core::{Digest, Timestamp};
use ctl_governance::statement::body::{
    ApplicationSubmit, Candidate, Change, Choice, CommentAdd, EvidenceAttach, MoAssign,
};
use ctl_governance::statement::parts::{EvidenceKind, ParticipantKind as Kind};
use ctl_sandbox::{Pki, PkiKind, PkiSpec};

use super::{DAY, Years};
use crate::scheme::participant;

/// Names that statements may hold, as they are safe on a terminal. None of them is on a page.
const NAMES: [&str; 8] = [
    "<script>OWNED=1</script>",
    "\"><img src=//evil.example/x onerror=OWNED=1>",
    "</title></bdi></table><h1>OWNED</h1>",
    "'; OWNED=1; //",
    "{{OWNED}} ${OWNED} <%= OWNED %>",
    "&lt;b&gt; &amp; &#x3c;svg onload=OWNED=1&#x3e;",
    "<a href=javascript:OWNED=1>a</a>",
    "שלום עולם تجربة",
];

/// Texts of people. They may hold anything.
fn texts() -> Vec<Vec<u8>> {
    let mut texts: Vec<Vec<u8>> = NAMES.iter().map(|name| name.as_bytes().to_vec()).collect();
    texts.push("<svg/onload=OWNED=1>\n<style>*{display:none}</style>\n<meta http-equiv=refresh content=0;url=//evil.example>".into());
    texts.push("\u{202e}gnp.exe\u{202c} \u{2066}left\u{2069} \u{200b}\u{feff}\u{0}\u{1b}[31mred\u{1b}[0m \u{85}\u{2028}next".into());
    texts.push(b"broken \xff\xfe\xc3\x28 \xed\xa0\x80 <b>OWNED</b> \xf4\x90\x80\x80".to_vec());
    // One line without a place to break it, almost as long as a text may be.
    texts.push("OWNED<".repeat((8 << 20) / 6 - 20).into_bytes());
    texts.push("a\n".repeat(1 << 20).into_bytes());
    texts.push("\u{301}".repeat(10_000).into_bytes());
    texts
}

impl Years {
    /// Such a scheme, some weeks old.
    #[must_use]
    pub fn hostile(now: Timestamp) -> Self {
        let mut years = Self::founded(now.minus_seconds(40 * DAY));
        years.scheme.publish();
        let texts = texts();
        for (n, name) in NAMES.iter().enumerate() {
            let (operator, mo) = (format!("operator-{n}"), format!("mo-{n}"));
            years.scheme.register("admissions", participant(&operator, &operator, name, Kind::PkiOperator));
            years.scheme.register("admissions", participant(&mo, &mo, name, Kind::Mo));
            let id = format!("DE00{n}").parse().unwrap();
            let assign = MoAssign { holder: mo.parse().unwrap(), id, source: "bdew".parse().unwrap() };
            years.scheme.say("registrar", assign);
        }
        let mut open = Vec::new();
        for (n, name) in NAMES.iter().enumerate() {
            open.push(years.hostile_application(n, name, &texts));
        }
        years.pass(8 * DAY);
        for (n, index) in open.into_iter().enumerate() {
            let application = years.application(index);
            let change = Change::Admit {
                application: index,
                certificate: application.fingerprint,
                constraints: Constraints::default(),
                evidence: application.evidence.iter().map(|evidence| evidence.index).collect(),
                list: application.list.clone(),
                screening: application.screening.as_ref().unwrap().index,
                uses: vec![Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g }],
                waived: application.errors().into_iter().map(|(id, _)| id).collect(),
            };
            let proposal = years.propose("elector-alpha", change, NAMES[n]);
            let about = |comment| CommentAdd { about: proposal, comment };
            let text = years.text(&texts[(n + 8) % texts.len()]);
            years.say("elector-beta", about(text));
            // One is still voted on.
            let choices = if n == 0 { &[Choice::Reject][..] } else { &[Choice::Approve; 5] };
            years.vote(proposal, choices);
        }
        years.scheme.publish();
        years.pass(15 * DAY);
        years.scheme.publish();
        years
    }

    /// An application with a hostile certificate, evidence and comments.
    fn hostile_application(&mut self, n: usize, name: &str, texts: &[Vec<u8>]) -> u64 {
        let begin = self.scheme.now.unix() - DAY as i64;
        let spec = PkiSpec::new(PkiKind::V2g, name, "DE", "<b>", "hostile", begin);
        let pki = Pki::generate(&spec).unwrap();
        let operator = format!("operator-{n}");
        let url = "http://evil.example/\"><img/src='x'onerror=OWNED=1>".parse().unwrap();
        let services = Services { ocsp: vec![url], ..Services::default() };
        let candidate = Candidate::Root {
            constraints: Constraints::default(),
            services,
            uses: vec![Use { standard: Standard::Iso15118_2, purpose: Purpose::V2g }],
        };
        let certificate = Der(pki.root().certificate().der().to_vec());
        let label: Label = name.parse().unwrap();
        let submit = ApplicationSubmit {
            candidate,
            certificate,
            list: "eu".parse().unwrap(),
            name: label,
            possession: None,
        };
        let index = self.say(&operator, submit);
        self.screen(index);
        let attach = |kind, blob, fingerprint| EvidenceAttach {
            application: index,
            blob,
            dated: None,
            fingerprint,
            kind,
        };
        for text in texts {
            let comment = self.text(text);
            self.say("elector-gamma", CommentAdd { about: index, comment });
        }
        let blob = Some(self.text(&texts[n]));
        self.say(&operator, attach(EvidenceKind::CertificatePolicy, blob, None));
        let blob = Some(self.text(&texts[(n + 8) % texts.len()]));
        self.say(&operator, attach(EvidenceKind::ConformanceReport, blob, None));
        let heard: Digest = self.application(index).fingerprint;
        self.say("elector-beta", attach(EvidenceKind::SecondChannelFingerprint, None, Some(heard)));
        self.screen(index);
        index
    }
}
