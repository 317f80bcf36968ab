"""Certificates of any shape, right and wrong ones. The bytes are put together here, so that nothing stops
what a library would refuse to build; keys and signatures are those of PyPI's cryptography."""

import base64
import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import der

# When the graphs are judged: no clock decides here.
TIME = 1_800_000_000
YEAR = 31_556_952
DIGITAL_SIGNATURE, KEY_AGREEMENT, CERT_SIGN, CRL_SIGN = 0, 4, 5, 6
ANY_POLICY = "2.5.29.32.0"
ORDERS = {
    "P-256": 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    "P-384": 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
}
UTF8, PRINTABLE, IA5 = 0x0C, 0x13, 0x16


class Key:
    """A key pair that is the same in each run."""

    def __init__(self, kind, name):
        seed = hashlib.sha512(name.encode()).digest()
        if kind == "Ed25519":
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(seed[:32])
            self.algorithm = der.sequence(der.oid("1.3.101.112"))
        else:
            curve, digest, arc = {"P-256": (ec.SECP256R1(), hashes.SHA256(), "2"),
                                  "P-384": (ec.SECP384R1(), hashes.SHA384(), "3")}[kind]
            secret = int.from_bytes(seed) % (ORDERS[kind] - 1) + 1
            self.private = ec.derive_private_key(secret, curve)
            self.scheme = ec.ECDSA(digest, deterministic_signing=True)
            self.algorithm = der.sequence(der.oid("1.2.840.10045.4.3." + arc))
        self.kind = kind
        self.spki = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.identifier = hashlib.sha1(der.content(der.children(self.spki)[1])[1:]).digest()

    def sign(self, data):
        return self.private.sign(data) if self.kind == "Ed25519" else self.private.sign(data, self.scheme)


def name(*attributes):
    """A distinguished name of (type, value) or (type, value, tag of the string); a list is one RDN of several."""
    rdns = []
    for rdn in attributes:
        pairs = rdn if isinstance(rdn, list) else [rdn]
        encoded = [der.sequence(der.oid(kind), der.encode(tag[0] if tag else UTF8, value.encode()))
                   for kind, value, *tag in pairs]
        rdns.append(der.encode(0x31, *sorted(encoded)))
    return der.sequence(*rdns)


def folded(encoded):
    """A name as it is compared, for the names that are made here: without case and type of string."""
    return bytes(PRINTABLE if byte == UTF8 else byte for byte in encoded.lower())


def extension(oid, value, critical=False):
    return der.sequence(der.oid(oid), *([der.boolean(True)] if critical else []), der.octets(value))


def basic_constraints(ca=True, path_length=None, critical=True):
    parts = ([der.boolean(True)] if ca else []) + ([] if path_length is None else [der.integer(path_length)])
    return extension("2.5.29.19", der.sequence(*parts), critical)


def key_usage(*bits, critical=True):
    return extension("2.5.29.15", der.named_bits(*bits), critical)


def subject_key_identifier(identifier):
    return extension("2.5.29.14", der.octets(identifier))


def authority_key_identifier(identifier=None, issuer=None, serial=None):
    parts = [] if identifier is None else [der.encode(0x80, identifier)]
    if issuer is not None:
        parts += [der.encode(0xA1, general_name("directory", issuer)),
                  der.encode(0x82, der.content(der.integer(serial)))]
    return extension("2.5.29.35", der.sequence(*parts))


def general_name(kind, value):
    if kind == "directory":
        return der.encode(0xA4, value)
    tag = {"email": 0x81, "dns": 0x82, "uri": 0x86, "ip": 0x87}[kind]
    return der.encode(tag, value if isinstance(value, bytes) else value.encode())


def subject_alt_name(*names, critical=False):
    return extension("2.5.29.17", der.sequence(*(general_name(*pair) for pair in names)), critical)


def name_constraints(permitted=(), excluded=(), critical=True):
    parts = []
    for tag, trees in ((0xA0, permitted), (0xA1, excluded)):
        if trees:
            parts.append(der.encode(tag, *(der.sequence(general_name(*pair)) for pair in trees)))
    return extension("2.5.29.30", der.sequence(*parts), critical)


def certificate_policies(*oids, critical=False):
    return extension("2.5.29.32", der.sequence(*(der.sequence(der.oid(oid)) for oid in oids)), critical)


def policy_mappings(*pairs, critical=True):
    return extension("2.5.29.33", der.sequence(*(der.sequence(*map(der.oid, pair)) for pair in pairs)), critical)


def policy_constraints(explicit=None, mapping=None, critical=True):
    parts = [der.encode(tag, der.content(der.integer(number)))
             for tag, number in ((0x80, explicit), (0x81, mapping)) if number is not None]
    return extension("2.5.29.36", der.sequence(*parts), critical)


def inhibit_any_policy(skip, critical=True):
    return extension("2.5.29.54", der.integer(skip), critical)


def extended_key_usage(*oids, critical=False):
    return extension("2.5.29.37", der.sequence(*map(der.oid, oids)), critical)


@dataclass
class Certificate:
    """What a certificate is to say, and who signs it."""
    subject: bytes
    issuer: bytes
    key: Key
    signer: Key
    serial: int
    not_before: int
    not_after: int
    extensions: dict = field(default_factory=dict)
    version: int = 3
    corrupt: bool = False
    inner_algorithm: bytes | None = None
    validity: bytes | None = None
    # What follows the public key: unique identifiers.
    after_key: bytes = b""
    # Where the key is to be said in another way.
    spki: bytes | None = None

    def ca(self):
        """What makes two certificates one CA's: name and key."""
        return folded(self.subject), self.key.spki

    def der(self):
        parts = [der.encode(0xA0, der.integer(self.version - 1))] if self.version > 1 else []
        parts += [der.integer(self.serial), self.inner_algorithm or self.signer.algorithm, self.issuer,
                  self.validity or der.sequence(der.time(self.not_before), der.time(self.not_after)), self.subject,
                  self.spki or self.key.spki, self.after_key]
        if self.extensions:
            parts.append(der.encode(0xA3, der.sequence(*self.extensions.values())))
        tbs = der.sequence(*parts)
        signature = self.signer.sign(tbs + b"not this" if self.corrupt else tbs)
        return der.sequence(tbs, self.signer.algorithm, der.encode(0x03, b"\0", signature))


def pem(*ders, kind="CERTIFICATE"):
    return "".join(f"-----BEGIN {kind}-----\n{base64.encodebytes(data).decode()}-----END {kind}-----\n"
                   for data in ders)


def der_of_pem(text):
    """The first certificate in it."""
    body = text.split("-----BEGIN CERTIFICATE-----")[1].split("-----END CERTIFICATE-----")[0]
    return base64.b64decode(body)
