//! Judges one certificate by CRLs or by an OCSP response from files: what the watch does without the network.
//!
//! ```text
//! revocation crl TIME CERTIFICATE ISSUER CRL...
//! revocation ocsp TIME CERTIFICATE ISSUER RESPONSE [NONCE-HEX]
//! revocation request CERTIFICATE ISSUER sha1|sha256 OUT [NONCE-HEX]
//! ```
//!
//! TIME is in Unix seconds. The first line printed is the outcome: `good`, `revoked TIME REASON` or
//! `undetermined RULE`; then everything else that was found, one a line. The status is 0 for good, 1 for the other
//! two and 2 when the files cannot be used.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::error::Error;
use std::fs;
use std::process::ExitCode;

use ctl_pki::crl::{self, Crl, MAX_CRL_SIZE};
use ctl_pki::ocsp::{self, Hash, MAX_OCSP_SIZE, OcspResponse, Question};
use ctl_pki::revocation::Outcome;
use ctl_pki::{Certificate, certificate_from_bytes};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(words: &[&str]) -> Result<bool, Box<dyn Error>> {
    match words {
        ["crl", time, certificate, issuer, crls @ ..] => {
            let (certificate, issuer) = (read(certificate)?, read(issuer)?);
            let crls = crls
                .iter()
                .map(|file| Ok(Crl::from_bytes(&fs::read(file)?, MAX_CRL_SIZE)?))
                .collect::<Result<Vec<_>, Box<dyn Error>>>()?;
            let crls: Vec<&Crl> = crls.iter().collect();
            let judgement =
                crl::judge(&certificate, &[&issuer], &crls, time.parse()?, &crl::Limits::default());
            show(&judgement.outcome, crl::Reason::rule);
            for considered in &judgement.crls {
                considered
                    .problems
                    .iter()
                    .for_each(|problem| println!("problem {}: {problem}", problem.rule()));
                considered.notes.iter().for_each(|note| println!("note {}: {note}", note.rule()));
            }
            Ok(judgement.outcome.is_good())
        }
        ["ocsp", time, certificate, issuer, response, nonce @ ..] => {
            let (certificate, issuer) = (read(certificate)?, read(issuer)?);
            let nonce = nonce.first().map(hex::decode).transpose()?;
            let question = Question::about(&certificate, &issuer);
            let question = match &nonce {
                Some(nonce) => question.with_nonce(nonce),
                None => question,
            };
            let response = OcspResponse::from_der(&fs::read(response)?, MAX_OCSP_SIZE)?;
            let judgement = ocsp::judge(&response, &question, &[], time.parse()?, &ocsp::Limits::default());
            show(&judgement.outcome, ocsp::Reason::rule);
            println!("nonce {:?}", judgement.nonce);
            judgement.problems.iter().for_each(|problem| println!("problem {}: {problem}", problem.rule()));
            judgement.notes.iter().for_each(|note| println!("note {}: {note}", note.rule()));
            Ok(judgement.outcome.is_good())
        }
        ["request", certificate, issuer, hash, out, nonce @ ..] => {
            let (certificate, issuer) = (read(certificate)?, read(issuer)?);
            let nonce = nonce.first().map(hex::decode).transpose()?;
            let hash = match *hash {
                "sha1" => Hash::Sha1,
                "sha256" => Hash::Sha256,
                other => return Err(format!("unknown hash {other}; sha1 and sha256 are known").into()),
            };
            let question = Question::about(&certificate, &issuer);
            let question = match &nonce {
                Some(nonce) => question.with_nonce(nonce),
                None => question,
            };
            fs::write(out, question.request(hash)?)?;
            Ok(true)
        }
        _ => Err("usage: revocation crl|ocsp|request …, see the head of the source".into()),
    }
}

fn read(file: &str) -> Result<Certificate, Box<dyn Error>> {
    Ok(certificate_from_bytes(&fs::read(file)?).map_err(|error| format!("{file}: {error}"))?)
}

fn show<R: std::fmt::Display>(outcome: &Outcome<R>, rule: fn(&R) -> &'static str) {
    match outcome {
        Outcome::Good => println!("good"),
        Outcome::Revoked { time, reason } => {
            println!("revoked {time} {}", reason.map_or("none", |reason| reason.name()));
        }
        Outcome::Undetermined(reason) => println!("undetermined {}", rule(reason)),
    }
}
