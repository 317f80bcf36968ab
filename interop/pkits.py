"""NIST's PKITS with keys that this product judges.

PKITS signs with RSA and, in a few tests, DSA, which are unsupported here by design. Every key is replaced by a
P-256 key of its own, made from the original key's bytes, and everything that the original key signed is signed
anew. Only three things in each certificate and CRL change: the two algorithm identifiers, the public key and
the signature; every other byte stays (key identifiers too, which are then just names). A signature that was bad
in the original is bad in the translation.
"""

import csv
import hashlib
from pathlib import Path

import cryptography_vectors
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import dsa, ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

import der

TABLE = Path(__file__).parent / "pkits.csv"
ANCHOR = "TrustAnchorRootCertificate"
ANCHOR_CRL = "TrustAnchorRootCRL"
# All that PKITS means to be in force is, from 2010 to 2030.
TIME = 1_700_000_000
POLICY = "2.16.840.1.101.3.2.1.48."
ECDSA_WITH_SHA256 = bytes.fromhex("300a06082a8648ce3d040302")
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
DSA_KEY = bytes.fromhex("06072a8648ce380401")


def tests():
    """The test table: a dict per subtest, `policies` as object identifiers."""
    with open(TABLE, newline="") as file:
        for row in csv.DictReader(line for line in file if not line.startswith("#")):
            row["certificates"] = row["certificates"].split()
            row["crls"] = row["crls"].split()
            row["policies"] = [POLICY + number for number in row["policies"].split()]
            row["flags"] = row["flags"].split()
            row["valid"] = row["valid"] == "yes"
            yield row


class Key:
    """A key of PKITS and the P-256 key in its place."""

    def __init__(self, spki):
        secret = int.from_bytes(hashlib.sha256(b"PKITS" + spki).digest()) % (ORDER - 1) + 1
        self.private = ec.derive_private_key(secret, ec.SECP256R1())
        self.spki = self.private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        try:
            self.original = load_der_public_key(spki)
        except ValueError:
            # A DSA key without parameters inherits those of its issuer: set when they are found.
            if DSA_KEY not in spki:
                raise
            self.original = None

    def made(self, tbs, signature):
        """Whether the original key made this signature (always with SHA-1 or SHA-256 here)."""
        for digest in (hashes.SHA256(), hashes.SHA1()):
            try:
                if isinstance(self.original, rsa.RSAPublicKey):
                    self.original.verify(signature, tbs, padding.PKCS1v15(), digest)
                elif isinstance(self.original, dsa.DSAPublicKey):
                    self.original.verify(signature, tbs, digest)
                else:
                    return False
                return True
            except InvalidSignature:
                pass
        return False

    def sign(self, tbs):
        return self.private.sign(tbs, ec.ECDSA(hashes.SHA256(), deterministic_signing=True))


class Pkits:
    """The translated suite: `certificates` and `crls` by name, in DER; `unsigned` names what is badly signed."""

    def __init__(self):
        folder = Path(cryptography_vectors.__file__).parent / "x509" / "PKITS_data"
        originals = {path.stem: path.read_bytes() for path in sorted((folder / "certs").glob("*.crt"))}
        crls = {path.stem: path.read_bytes() for path in sorted((folder / "crls").glob("*.crl"))}
        self.keys = {}
        self.owners = {}
        self.unsigned = []
        self.inherited = []
        for name, certificate in originals.items():
            tbs = der.children(der.children(certificate)[0])
            spki = tbs[6]
            key = self.keys.setdefault(spki, Key(spki))
            if key.original is None:
                self.inherited.append(name)
            # Under the subject's name, for a guess at who signed; the name as it is compared: without case and spaces.
            self.owners.setdefault(folded(tbs[5]), []).append(key)
        self.certificates = {name: self.translate(name, file, 3, 6) for name, file in originals.items()}
        self.crls = {name: self.translate(name, file, 2, None) for name, file in crls.items()}

    def translate(self, name, file, issuer, spki):
        """The file with its key (at `spki` in the signed part, if any), algorithm and signature replaced."""
        tbs, _, signature = der.children(file)
        fields = der.children(tbs)
        likely = self.owners.get(folded(fields[issuer]), [])
        # A bit string's first byte counts its unused bits.
        bits = der.content(signature)[1:]
        signer = next((key for key in [*likely, *self.keys.values()] if key.made(tbs, bits)), None)
        fields[issuer - 1] = ECDSA_WITH_SHA256
        if spki is not None:
            fields[spki] = self.keys[fields[spki]].spki
        tbs = der.encode(0x30, *fields)
        if signer is None:
            self.unsigned.append(name)
            # Well formed and by a key that may sign, over something else.
            signed = (likely or list(self.keys.values()))[0].sign(tbs + b"not this")
        else:
            signed = signer.sign(tbs)
        return der.encode(0x30, tbs, ECDSA_WITH_SHA256, der.encode(0x03, b"\0", signed))


def folded(name):
    return name.lower().replace(b" ", b"")
