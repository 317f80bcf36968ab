//! What whoever is called does next, by what was found.

use crate::code::{Code, Family};

impl Code {
    /// What to do next, in a few sentences; the same for what is looked into in the same way.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            Self::CaIssuersUnreachable => Family::Transport.advice(),
            Self::EndpointDown => {
                "Look at the service and its log, then at what stands before it: proxy, load balancer, CDN. Look whether it \
                 answers elsewhere."
            }
            other => other.family().advice(),
        }
    }
}

impl Family {
    const fn advice(self) -> &'static str {
        match self {
            Self::Transport => {
                "Look whether it can be reached from elsewhere. If it can, look at the way from here; if not, at its name in DNS, \
                 its machine, its firewall and its TLS certificate."
            }
            Self::Protocol => {
                "It answers, and not with what it should. Look at the answer in the evidence, then at what stands before the \
                 service: proxy, load balancer, CDN."
            }
            Self::Binding => {
                "Devices must not believe this answer. Look which key signs, whether its certificate is still valid and may \
                 sign this, and whether the answer is about what was asked. If nobody can explain it, take it for an attack."
            }
            Self::Freshness => {
                "The answer is not of now. Look whether the signer runs, whether what it makes gets to this address, and at the \
                 clocks of both."
            }
            Self::Semantics => {
                "It says something wrong of a certificate. Compare it with the CA's own records. A revoked certificate that is \
                 called good can be used: treat that as a security incident."
            }
            Self::Caching => {
                "A cache gives out what is too old. Look at Cache-Control and Expires, and empty the cache."
            }
            Self::History => {
                "It takes back what it said before. Look whether a backup was restored, or two machines answer that do not \
                 agree. If an entry is gone, find out who removed it."
            }
            Self::Chain => {
                "What it hands out is not what the list names. Compare both, and correct the one that is wrong."
            }
            Self::Watch => {
                "Look at the service's own status (readyz), its log and its last publication; the runbook has a step for each \
                 alert."
            }
        }
    }
}
