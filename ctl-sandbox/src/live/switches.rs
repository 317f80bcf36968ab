//! The table of faults: what the sandbox does when a switch is on, and what can be switched nowhere.

use super::{Code, Kind};
use Code::*;

/// A fault that can be switched on and off.
#[derive(Clone, Copy, Debug)]
pub struct Switch {
    /// At which kind of service.
    pub kind: Kind,
    /// By the name of what a watch finds.
    pub code: Code,
    /// What the service does.
    pub does: &'static str,
    /// What a watch may find besides, because it cannot be otherwise: an answer that calls a good certificate
    /// revoked also disagrees with the CRL.
    pub besides: &'static [Code],
}

const EVERY: &[Kind] = &Kind::ALL;
const TLS: &[Kind] = &[Kind::Est, Kind::RootPool, Kind::Https];
const WITH_BODY: &[Kind] = &[Kind::Ocsp, Kind::Crl, Kind::CaIssuers, Kind::Est, Kind::RootPool];
const BUT_CA_ISSUERS: &[Kind] = &[Kind::Ocsp, Kind::Crl, Kind::Est, Kind::RootPool];
const SIGNED: &[Kind] = &[Kind::Ocsp, Kind::Crl];
const OCSP: &[Kind] = &[Kind::Ocsp];
const CRL: &[Kind] = &[Kind::Crl];
const CA_ISSUERS: &[Kind] = &[Kind::CaIssuers];
const HTTPS: &[Kind] = &[Kind::Https];
const EST: &[Kind] = &[Kind::Est];
const ROOT_POOL: &[Kind] = &[Kind::RootPool];

type Row = (&'static [Kind], Code, &'static [Code], &'static str);

const ROWS: &[Row] = &[
    (EVERY, DnsFailure, &[], "the name does not resolve (in the hosts table that the sandbox offers)"),
    (
        EVERY,
        AddressForbidden,
        &[],
        "the name resolves to 169.254.169.254 (in the hosts table that the sandbox offers)",
    ),
    (
        EVERY,
        TcpRefused,
        &[],
        "nobody listens at the address that the name leads to; who calls the usual one is cut off after the request",
    ),
    (
        EVERY,
        TcpTimeout,
        &[],
        "nobody accepts connections at the address that the name leads to; who calls the usual one is never answered",
    ),
    (TLS, TlsFailure, &[], "the TLS certificate comes from a CA that nobody knows"),
    (TLS, TlsCertificateExpiring, &[], "the TLS certificate ends in three days"),
    (BUT_CA_ISSUERS, HttpStatus, &[], "status 404, as after a migration"),
    (CA_ISSUERS, HttpStatus, &[CaIssuersUnreachable], "status 404, as after a migration"),
    (EVERY, RedirectRefused, &[], "status 302 to another host"),
    (WITH_BODY, ContentType, &[], "the right body as text/html"),
    (WITH_BODY, BodyEmpty, &[], "status 200 and no body"),
    (WITH_BODY, BodyTruncated, &[], "the connection is closed after half of the announced body"),
    (WITH_BODY, BodyTooLarge, &[], "a body of 17 MiB"),
    (EVERY, Slow, &[], "the answer comes after a delay (eleven seconds unless configured)"),
    (WITH_BODY, AddressDisagreement, &[], "the name has a second address, which answers otherwise"),
    (EVERY, ClockOffset, &[], "the Date header is an hour ahead"),
    // OCSP: form
    (
        OCSP,
        PostGetDisagree,
        &[CanaryGoodNotGood, OcspCrlDisagree],
        "GET says that certificates in order are on hold, POST that they are good",
    ),
    (OCSP, GetEncoding, &[], "a GET whose base64 holds a +, a / or an = is malformed"),
    (OCSP, GetDoubleSlash, &[], "two slashes in a row become one on the way, however a GET writes them"),
    (OCSP, ResponderMalformedRequest, &[], "status malformedRequest"),
    (OCSP, ResponderInternalError, &[], "status internalError"),
    (OCSP, ResponderTryLater, &[], "status tryLater"),
    (OCSP, ResponderSigRequired, &[], "status sigRequired"),
    (OCSP, ResponderUnauthorized, &[], "status unauthorized"),
    (OCSP, GarbageAccepted, &[], "a request that cannot be read is answered with good"),
    (SIGNED, DerInvalid, &[], "DER, but of something else"),
    (CRL, PemInsteadOfDer, &[], "the CRL as PEM"),
    (SIGNED, HtmlInsteadOfDer, &[], "a page that asks to log in, with status 200"),
    (SIGNED, Base64InsteadOfDer, &[], "the right body as bare base64"),
    (SIGNED, TrailingBytes, &[], "two bytes after the DER"),
    (OCSP, ResponseTypeUnknown, &[], "the response is of a type that nobody knows"),
    (SIGNED, UnknownCriticalExtension, &[], "a critical extension that nobody knows"),
    // OCSP: who speaks of what
    (OCSP, CertidMismatch, &[], "the answer is about another serial number of another issuer"),
    (SIGNED, SignatureInvalid, &[], "one bit of the signature is wrong"),
    (SIGNED, AlgorithmNotAllowed, &[], "signed with SHA-1"),
    (OCSP, ResponderIdMismatch, &[], "the responder id is that of a key nobody has"),
    (
        OCSP,
        DelegateWrongIssuer,
        &[],
        "the delegate's certificate is signed by another key under the CA's name",
    ),
    (OCSP, DelegateMissingOcspSigning, &[], "the delegate's certificate has no extended key usage"),
    (OCSP, DelegateMissingNocheck, &[], "the delegate's certificate has no id-pkix-ocsp-nocheck"),
    (OCSP, DelegateExpired, &[], "the delegate's certificate ended an hour ago"),
    (OCSP, DelegateExpiring, &[], "the delegate's certificate ends in three days"),
    (OCSP, DelegateIsCa, &[], "the delegate's certificate is a CA's"),
    (OCSP, NonceWrong, &[], "another nonce comes back"),
    (OCSP, NonceAbsent, &[], "no nonce comes back"),
    // OCSP and CRL: time
    (OCSP, ThisUpdateFuture, &[ProducedBeforeThisUpdate], "thisUpdate is an hour ahead"),
    (CRL, ThisUpdateFuture, &[], "thisUpdate is an hour ahead"),
    (SIGNED, NextUpdateMissing, &[], "no nextUpdate"),
    (SIGNED, NextUpdatePast, &[], "nextUpdate has passed"),
    (OCSP, ProducedAtFuture, &[], "producedAt is an hour ahead"),
    (OCSP, ProducedBeforeThisUpdate, &[], "producedAt is an hour before thisUpdate"),
    (OCSP, IntervalTooShort, &[], "the answer holds for four hours"),
    (SIGNED, IntervalTooLong, &[], "the answer holds for two years"),
    (OCSP, RenewedTooLate, &[], "the answer is of two days ago and ends in two hours"),
    (SIGNED, RevocationDateFuture, &[], "a revocation is dated to tomorrow"),
    // OCSP: meaning
    (
        OCSP,
        CanaryGoodNotGood,
        &[OcspCrlDisagree, StatusFlipBack],
        "certificates in order are said to be on hold",
    ),
    (
        OCSP,
        CanaryRevokedNotRevoked,
        &[OcspCrlDisagree, StatusFlipBack],
        "revoked certificates are said to be good",
    ),
    (
        OCSP,
        StatusFlipBack,
        &[OcspCrlDisagree, CanaryRevokedNotRevoked],
        "certificates that were revoked are good again",
    ),
    (OCSP, UnissuedSerialGood, &[], "serial numbers that nobody issued are good"),
    (OCSP, IssuedSerialUnknown, &[CanaryGoodNotGood], "certificates in order are unknown"),
    (CRL, OcspCrlDisagree, &[], "the CRL puts certificates in order on hold that OCSP calls good"),
    (OCSP, RevocationReasonMissing, &[], "revoked certificates are revoked without a reason"),
    (SIGNED, ReasonIllegal, &[], "a revocation has the reason 7, which there is not"),
    // OCSP: caches
    (SIGNED, CacheControlMissing, &[], "neither Cache-Control nor Expires"),
    (SIGNED, ExpiresAfterNextUpdate, &[], "Cache-Control and Expires reach a day beyond nextUpdate"),
    (OCSP, StaleFromCache, &[NextUpdatePast], "GET has an answer that has ended, POST a fresh one"),
    // CRL
    (CRL, VersionNotV2, &[], "a CRL of version 1"),
    (CRL, IssuerMismatch, &[], "the issuer's name is another's"),
    (CRL, TimeEncoding, &[], "thisUpdate and nextUpdate are GeneralizedTime"),
    (CRL, ExtensionCriticality, &[], "the CRL number is critical"),
    (CRL, AlgorithmParameters, &[], "the algorithm is given NULL as parameters, inside and outside"),
    (CRL, CrlNumberInvalid, &[], "the CRL number has 21 bytes"),
    (CRL, CrlAccessInvalid, &[], "authority information access names an OCSP responder"),
    (CRL, AkiMissing, &[], "no authority key identifier"),
    (CRL, IdpInvalid, &[], "the issuing distribution point is there and says nothing"),
    (CRL, AkiMismatch, &[], "the authority key identifier is another key's"),
    (CRL, AlgorithmMismatch, &[], "the algorithm inside is ecdsa-with-SHA384, outside ecdsa-with-SHA256"),
    (CRL, CrlNumberMissing, &[], "no CRL number"),
    (CRL, CrlNumberNotIncreasing, &[], "every request finds a newer CRL with a smaller number"),
    (CRL, SameNumberDifferentBytes, &[], "every request finds another CRL with the same number"),
    (CRL, ThisUpdateRegressed, &[], "every request finds a CRL a minute older than the one before it"),
    (
        CRL,
        IdpMissingWhenSharded,
        &[],
        "no issuing distribution point (for PKIs with several distribution points)",
    ),
    (CRL, IdpUrlMismatch, &[], "the issuing distribution point is another address"),
    (
        CRL,
        IdpScope,
        &[],
        "the scope leaves out what the CA issues: users where it issues CAs, CAs where it issues users",
    ),
    (CRL, IndirectCrl, &[], "an indirect CRL"),
    (CRL, DeltaWithoutBase, &[], "a delta CRL"),
    (CRL, DuplicateSerial, &[], "one serial number stands there twice"),
    (CRL, EmptyRevokedSequence, &[EntryVanished], "revokedCertificates is there and empty"),
    (CRL, EntryVanished, &[], "at every request another entry is missing"),
    (
        CRL,
        DistributionPointsDisagree,
        &[],
        "the second address serves another CRL (for PKIs with mirrored distribution points)",
    ),
    (CRL, SizeJump, &[], "the CRL is a hundred times larger, at every other request two thousand times"),
    // the rest
    (CA_ISSUERS, CaIssuersUnreachable, &[], "what is served is no certificate"),
    (CA_ISSUERS, CaIssuersWrongCertificate, &[], "the certificate of another CA"),
    (EST, EstCacertsMismatch, &[], "the root is another with the same name"),
    (ROOT_POOL, RootPoolMismatch, &[], "the root is another with the same name"),
    (HTTPS, EndpointDown, &[], "status 503"),
];

/// Every fault that can be switched on and off.
pub fn switches() -> impl Iterator<Item = Switch> {
    ROWS.iter().flat_map(|&(kinds, code, besides, does)| {
        kinds.iter().map(move |&kind| Switch { kind, code, does, besides })
    })
}

/// The fault of this name at this kind of service.
#[must_use]
pub fn switch(kind: Kind, code: Code) -> Option<Switch> {
    switches().find(|switch| (switch.kind, switch.code) == (kind, code))
}

/// What no running service can cause, and why.
pub const NOT_SWITCHED: &[(Code, &str)] = &[
    (CrlSignMissing, "the CA's own certificate must lack cRLSign: make the PKI with `Oddity::NoCrlSign`"),
    (CaExpiring, "the CA's own certificate must end soon: make the PKI with `Oddity::RootEnds`"),
    (
        ProbeOverrun,
        "a watch gives up before the next probe is due; `slow` and `tcp_timeout` come as near as a service can",
    ),
    (ProbeMissed, "the watch's own"),
    (NeverProbed, "the watch's own"),
    (ListStale, "the trust list manager's own"),
    (CheckpointOld, "the trust list manager's own"),
    (LogInconsistent, "the trust list manager's own"),
    (PublicationDelayed, "the trust list manager's own"),
];
