//! Check: somebody brings a certificate, a chain or a list, and reads what this scheme makes of it.

use ctl_core::parts::DistrustKind;
use ctl_policy::Severity;
use ctl_screening::examine::{
    Answer, Examination, Examined, FileFound, Judged, MAX_BYTES, MAX_CERTIFICATES, Member, Origin,
    Signatures, Source, Standing, StandsAs, Validity, Way,
};
use maud::{Markup, html};

use crate::{Frame, parts, place};

/// The page on which something is brought.
#[must_use]
pub fn check(frame: &Frame<'_>) -> String {
    let body = html! {
        p.lead {
            "Bring a certificate, a chain or a list, and read what it is, what is wrong with it, and which list trusts it for "
            "what. Nothing that you bring is kept."
        }
        (form())
        section aria-labelledby="read" {
            h2 id="read" { "What is read" }
            ul {
                li { "certificates in PEM or DER, one or several; a chain is best judged with its sub-CAs" }
                li { "PKCS#7 (" code { ".p7b" } ", " code { ".p7c" } ", EST)" }
                li { "this scheme's lists (" code { "ctl.json" } ", " code { "ctl.jws" } "), SAE's list of version 0 or 1, bare or in CMS" }
                li { "root pools of OPCP and OPNC, and lists of trust anchors (RFC 5914)" }
            }
            p { "Never bring a private key. Nobody is asked whether a certificate was revoked: that takes the issuer's CRL or OCSP responder." }
            p.json {
                "From a command line: " code { "curl -F file=@chain.pem -H 'Accept: application/json' …" (place::CHECK) }
            }
        }
    };
    frame.page("Check", &body)
}

/// The page that says what was found.
#[must_use]
pub fn checked(frame: &Frame<'_>, found: &Examination) -> String {
    let body = html! {
        @if let Some(file) = &found.file { (origin(frame, file)) }
        (glance(frame, found))
        (brought(found))
        @for (number, one) in (1_usize..).zip(&found.certificates) { (certificate(frame, number, one)) }
        @if found.left_aside > 0 {
            p { strong { "Not examined: " (parts::count(found.left_aside, "more certificate")) } ". At once, " (MAX_CERTIFICATES) " are." }
        }
        @if !found.certificates.is_empty() {
            p { "Judged for " (parts::moment(found.at)) ". Nobody was asked whether a certificate was revoked." }
        }
        section aria-labelledby="again" {
            h2 id="again" { "Check something else" }
            (form())
        }
    };
    frame.page("What was found", &body)
}

fn form() -> Markup {
    html! {
        form.check method="post" action=(place::CHECK) enctype="multipart/form-data" {
            label for="text" { "Paste it (PEM or JSON)" }
            textarea id="text" name="text" rows="8" spellcheck="false" autocomplete="off" {}
            label for="file" { "Or choose its file, or drop it here" }
            input id="file" name="file" type="file" aria-describedby="limits";
            p id="limits" {
                small { "At most " (MAX_BYTES / 1024 / 1024) " MB; " (MAX_CERTIFICATES) " certificates are examined. One of the two fields, not both." }
            }
            button type="submit" { "Check" }
        }
    }
}

/// The answer in short, one line for each certificate.
fn glance(frame: &Frame<'_>, found: &Examination) -> Markup {
    html! {
        @if !found.certificates.is_empty() {
            ol.answers {
                @for (number, one) in (1_usize..).zip(&found.certificates) {
                    li {
                        a href={ "#certificate-" (number) } { bdi { (one.subject) } }
                        @for judged in &one.lists { " · " span.use { (parts::list(frame.state, &judged.list)) ": " (verdict(&judged.answer)) } }
                        @match one.count(Severity::Error) {
                            0 => {}
                            1 => { " " span.badge.warning { "breaks a rule" } }
                            many => { " " span.badge.warning { "breaks " (many) " rules" } }
                        }
                    }
                }
            }
        }
    }
}

fn verdict(answer: &Answer) -> Markup {
    html! {
        @match answer {
            Answer::Trusted { .. } => span.badge.usable { "trusted" },
            Answer::NotTrusted { .. } => span.badge.withdrawn { "not trusted" },
            Answer::NotAsked { .. } => span.badge.warning { "not judged" },
        }
    }
}

/// What it is as a whole.
fn brought(found: &Examination) -> Markup {
    html! {
        @if let Some(why) = &found.refused {
            section.alarm aria-label="Not read" {
                p { strong { "It could not be read, so nothing is said of what is in it." } }
                p { bdi { (why) } }
            }
        }
        dl {
            @if let Some(read) = &found.read {
                dt { "Read as" } dd { (read.words) @if let Some(sequence) = read.sequence { ", number " (sequence) } }
                @let different = found.certificates.len() + found.left_aside;
                dt { "Certificates" } dd { (read.items) @if different < read.items { ", " (different) " different ones that can be read" } }
                @if let Some((from, until)) = read.validity {
                    dt { "It says that it holds" } dd { (parts::day(from)) " to " (parts::day(until)) }
                }
            }
            dt { "Size" } dd { (found.size) " bytes" }
            dt { "SHA-256" } dd { (parts::digest(&found.sha256)) }
        }
        @if let Some(read) = &found.read {
            @if !read.told.is_empty() { ul { @for told in &read.told { li { bdi { (told) } } } } }
        }
        @if !found.unreadable.is_empty() {
            section.alarm aria-label="Certificates that cannot be read" {
                @for (place, why) in &found.unreadable { p { bdi { (place) } " cannot be read: " bdi { (why) } } }
                @if found.unreadable_more > 0 { p { "And " (found.unreadable_more) " more." } }
            }
        }
    }
}

/// Whether this scheme has published the file.
fn origin(frame: &Frame<'_>, file: &FileFound) -> Markup {
    let state = frame.state;
    let bad = |words: Markup| html! { section.alarm aria-label="Not this scheme's list" { p { (words) } } };
    html! {
        @match &file.origin {
            Origin::Version { list, sequence, latest, next_update } => {
                p.lead {
                    "This is " a href=(place::version(list, *sequence)) { "version " (sequence) } " of " (parts::list(state, list))
                    ", as this scheme published it. "
                    @if sequence == latest {
                        "It is in force; the next update "
                        @if *next_update < frame.now { strong { "was due" } } @else { "is due" } " " (parts::moment(*next_update)) "."
                    } @else {
                        "It is " strong { "not in force any more" } ": version " (latest) " is. See "
                        a href=(place::changes(list, *sequence, *latest)) { "what changed since" } "."
                    }
                }
                (verify(file))
            }
            Origin::Another { list, sequence } => (bad(html! {
                strong { "Do not use it." } " It says that it is version " (sequence) " of " (parts::list(state, list))
                ", and this scheme published something else under that number."
            })),
            Origin::Unpublished { list, sequence, latest } => (bad(html! {
                strong { "Do not use it." } " It says that it is version " (sequence) " of list " (list) " of this scheme, which has published "
                @if let Some(latest) = latest { "none after " (latest) "." } @else { "no version of that list." }
            })),
            Origin::NotKnown { list, sequence } => (bad(html! {
                "It says that it is version " (sequence) " of " (parts::list(state, list))
                ". What was published under that number cannot be looked up here: verify its signatures before you use it."
            })),
            Origin::OtherScheme { scheme, list, sequence } => (bad(html! {
                "It says that it is version " (sequence) " of list " (list) " of another scheme, " (parts::digest(scheme))
                ": ask there whether it is genuine."
            })),
            Origin::Served => {}
            Origin::Unknown => p {
                "This scheme does not serve this file now. It may be an older version in this format, or somebody else's list; "
                "below is what this scheme says of the certificates in it."
            },
        }
        @if let Some(path) = &file.served_at {
            p { "It is, byte for byte, what is served now at " a href={ "/" (path) } { code { "/" (path) } } "." }
        }
    }
}

/// What the signatures are worth, and how to see it on one's own.
fn verify(file: &FileFound) -> Markup {
    html! {
        p {
            @match &file.signatures {
                Signatures::Enough { counted, needed } => { (parts::count(*counted, "good signature")) " of those who may sign it; " (needed) " needed. " }
                Signatures::TooFew { words } => {
                    strong { "A device would not take this file: " } (words) ". An older version may have been signed by others than today. "
                }
                Signatures::None => { "It carries no signatures: devices take " code { "ctl.jws" } " or the TUF repository. " }
                Signatures::NotJudged => {}
            }
            "Verify it on your own machine, from a root.json that you have from before: "
            code { "ctl-admin verify ctl.jws --root root.json" } "."
        }
    }
}

fn certificate(frame: &Frame<'_>, number: usize, one: &Examined) -> Markup {
    let name = format!("certificate-{number}");
    html! {
        section aria-labelledby=(name) {
            h2 id=(name) { (number) ". " bdi { (one.subject) } }
            (trust(frame, one))
            @for standing in &one.standing { (stands(frame, standing)) }
            @for note in &one.notes { p { bdi { (note) } } }
            (profile(one))
            details {
                summary { "What it says of itself" }
                dl {
                    dt { "Found at" } dd { (one.place) @if !one.said.is_empty() { ": " bdi { (one.said) } } }
                    dt { "Issuer" } dd { bdi { (one.issuer) } }
                    dt { "Serial number" } dd { code.digest { (one.serial) } }
                    dt { "Valid" } dd { (parts::day(one.not_before)) " to " (parts::day(one.not_after)) }
                    dt { "SHA-256" } dd { (parts::digest(&one.fingerprint)) }
                    dt { "SHA-256 of the public key" } dd { (parts::digest(&one.spki)) }
                }
            }
        }
    }
}

/// What each list makes of it.
fn trust(frame: &Frame<'_>, one: &Examined) -> Markup {
    html! {
        @match one.validity {
            Validity::Now => {}
            Validity::Over => p { span.badge.withdrawn { "ended" } " on " (parts::day(one.not_after)) },
            Validity::NotYet => p { span.badge.warning { "not valid yet" } " before " (parts::day(one.not_before)) },
        }
        @if one.lists.is_empty() { p { "This scheme has no list." } }
        @for judged in &one.lists { (answer(frame, judged)) }
    }
}

fn answer(frame: &Frame<'_>, judged: &Judged) -> Markup {
    let list = parts::list(frame.state, &judged.list);
    html! {
        @match &judged.answer {
            Answer::Trusted { ways } => {
                h3 { (list) ": " (verdict(&judged.answer)) }
                @for way in ways { (self::way(way)) }
            }
            Answer::NotTrusted { reasons, path } => {
                h3 { (list) ": " (verdict(&judged.answer)) }
                ul { @for reason in reasons { li { bdi { (reason) } } } }
                @if path.len() > 1 { details { summary { "The path that comes nearest" } (self::path(path)) } }
            }
            Answer::NotAsked { why } => {
                h3 { (list) ": " (verdict(&judged.answer)) }
                p { (why) }
            }
        }
    }
}

fn way(way: &Way) -> Markup {
    html! {
        p {
            "For " @for r#use in &way.uses { (parts::r#use(*r#use)) }
            @if way.path.len() > 1 { " through this path to " bdi { (way.anchor) } ":" }
            @else { ", as a root of the list." }
        }
        @if way.path.len() > 1 { (path(&way.path)) }
        @if !way.not_for.is_empty() || !way.warnings.is_empty() {
            ul {
                @for (r#use, why) in &way.not_for { li { "Not for " (parts::r#use(*r#use)) ": " bdi { (why) } } }
                @for warning in &way.warnings { li { "Note: " bdi { (warning) } } }
            }
        }
    }
}

/// From the certificate up.
fn path(path: &[Member]) -> Markup {
    html! {
        ol.road {
            @for member in path {
                li {
                    @match member.source {
                        Source::Given => bdi { (member.subject) },
                        _ => a href=(place::certificate(&member.fingerprint)) { bdi { (member.subject) } },
                    }
                    " " small {
                        @match member.source {
                            Source::Given => "as you brought it",
                            Source::Anchor => "root on the list",
                            Source::CrossCertificate => "cross-certificate on the list",
                            Source::Disclosed => "sub-CA that its operator disclosed",
                        }
                    }
                }
            }
        }
    }
}

/// Where the scheme knows it from.
fn stands(frame: &Frame<'_>, standing: &Standing) -> Markup {
    let on = html! { @if let Some(list) = &standing.list { " on " (parts::list(frame.state, list)) } };
    let unpublished = |published: bool| {
        html! { @if !published { ". " strong { "No published version has it yet" } } }
    };
    html! {
        p {
            @match &standing.stands {
                StandsAs::Anchor { name, status, since, entry, published } => {
                    "It is the root " bdi { (name) } (on) ": " (parts::status(*status)) " since " (parts::day(*since)) ", "
                    (parts::entry(*entry)) (unpublished(*published)) "."
                }
                StandsAs::CrossCertificate { name, status, since, entry, published } => {
                    "It is the cross-certificate " bdi { (name) } (on) ": " (parts::status(*status)) " since " (parts::day(*since)) ", "
                    (parts::entry(*entry)) (unpublished(*published)) "."
                }
                StandsAs::SameKey { name, fingerprint, status } => {
                    "Another certificate with the same key is "
                    a href=(place::certificate(fingerprint)) { bdi { (name) } } (on) ": " (parts::status(*status)) "."
                }
                StandsAs::Distrusted { kind, entry } => {
                    strong { "Its " @match kind { DistrustKind::Certificate => "certificate", DistrustKind::Spki => "key" } " is distrusted" }
                    (on) ", " (parts::entry(*entry)) "."
                }
                StandsAs::SubCa { root, entry, revoked } => {
                    "It is a sub-CA that its operator disclosed in " (parts::entry(*entry)) ", below the root "
                    a href=(place::certificate(root)) { (root.short()) } "."
                    @if let Some(entry) = revoked { " " strong { "Its operator has revoked it" } ", " (parts::entry(*entry)) "." }
                }
                StandsAs::Application { entry, open } => {
                    @if *open { "It applies" } @else { "It applied" } " for a place" (on) ": "
                    a href=(place::application(*entry)) { "application " (entry) } "."
                }
            }
        }
    }
}

/// The profile that it follows, and what it breaks of it.
fn profile(one: &Examined) -> Markup {
    let count = |severity: Severity, word: &str| match one.count(severity) {
        0 => None,
        1 => Some(format!("1 {word}")),
        many => Some(format!("{many} {word}s")),
    };
    let counts = [(Severity::Error, "error"), (Severity::Warning, "warning"), (Severity::Notice, "notice")];
    let counts: Vec<String> =
        counts.into_iter().filter_map(|(severity, word)| count(severity, word)).collect();
    html! {
        h3 {
            @match (&one.profile, &one.profile_title) {
                (Some(name), Some(title)) => { "Profile " code { (name) } ": " (title) }
                _ => "No profile of Plug & Charge fits it",
            }
        }
        p { small { "Because: " bdi { (one.because) } } }
        @if one.findings.is_empty() {
            p { "It keeps every rule of " @if one.profile.is_some() { "this profile" } @else { "RFC 5280" }
                @if !one.issuer_known { ", as far as can be told without its issuer: rules that compare it with that were not looked at" } "."
            }
        } @else {
            @if !one.issuer_known { p { "Rules that compare it with its issuer were not looked at: bring that, too." } }
            details {
                summary { (counts.join(", ")) @if one.findings_cut > 0 { ", and " (one.findings_cut) " more that are not graver" } }
                (parts::wide("Findings", &html! {
                    table {
                        thead { tr { th scope="col" { "Rule" } th scope="col" { "Found" } th scope="col" { "Expected" } th scope="col" { "Source" } } }
                        tbody {
                            @for finding in &one.findings {
                                tr {
                                    th scope="row" { code { (finding.rule) } " " small { (finding.severity.word()) ", " (finding.place) } }
                                    td { bdi { (finding.found) } }
                                    td { bdi { (finding.expected) } }
                                    td { small { (finding.source) } }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}
