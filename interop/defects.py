"""One sub-CA certificate, and what can be wrong with how a certificate is written. Linters look at these."""

import certificates as x
import der
from certificates import CERT_SIGN, CRL_SIGN, DIGITAL_SIGNATURE, IA5, PRINTABLE, TIME, UTF8, YEAR, Certificate, Key

TELETEX = 0x14
ROOT = Key("P-256", "linted root")
SUB = Key("P-256", "linted sub")
EMAIL = "1.2.840.113549.1.9.1"


def sound():
    """A sub-CA of ISO 15118-2 that nobody finds fault with."""
    country = ("2.5.4.6", "DE", PRINTABLE)
    certificate = Certificate(
        x.name(country, ("2.5.4.10", "Example"), ("0.9.2342.19200300.100.1.25", "V2G", IA5), ("2.5.4.3", "Sub CA")),
        x.name(country, ("2.5.4.10", "Example"), ("0.9.2342.19200300.100.1.25", "V2G", IA5), ("2.5.4.3", "Root CA")),
        SUB, ROOT, 0x1234567890, TIME - YEAR, TIME + 3 * YEAR)
    certificate.extensions = {
        "basic constraints": x.basic_constraints(True, 1),
        "key usage": x.key_usage(CERT_SIGN, CRL_SIGN),
        "subject key identifier": x.subject_key_identifier(SUB.identifier),
        "authority key identifier": x.authority_key_identifier(ROOT.identifier),
    }
    return certificate


DEFECTS = {"nothing": sound().der()}


def defect(what):
    def register(change):
        certificate = sound()
        DEFECTS[what] = change(certificate) or certificate.der()
        return change
    return register


def extend(what, key, value):
    certificate = sound()
    if value is None:
        del certificate.extensions[key]
    else:
        certificate.extensions[key] = value
    DEFECTS[what] = certificate.der()


def tell(what, **fields):
    certificate = sound()
    for field, value in fields.items():
        setattr(certificate, field, value)
    DEFECTS[what] = certificate.der()


tell("serial number zero", serial=0)
tell("serial number negative", serial=-5)
tell("serial number of 20 bytes", serial=2 ** 158)
tell("serial number of 21 bytes", serial=2 ** 160)
tell("algorithms differ", inner_algorithm=Key("P-384", "any").algorithm)
tell("version 1 with extensions", version=1)
tell("version 2 with extensions", version=2)
tell("validity backwards", not_after=TIME - 2 * YEAR)
tell("validity of one second", not_after=TIME - YEAR)


def validity(first, second):
    return der.sequence(*(der.encode(tag, text.encode()) for tag, text in (first, second)))


START = (0x17, "260115080000Z")
tell("GeneralizedTime before 2050", validity=validity(START, (0x18, "20300115080000Z")))
tell("GeneralizedTime from 2050", validity=validity(START, (0x18, "20510115080000Z")))
tell("UTCTime without seconds", validity=validity(START, (0x17, "3001150800Z")))
tell("UTCTime with an offset", validity=validity(START, (0x17, "300115080000+0000")))
tell("GeneralizedTime with fractions", validity=validity(START, (0x18, "20510115080000.5Z")))
tell("no such day", validity=validity(START, (0x17, "300231080000Z")))
tell("issuer's unique identifier", after_key=der.encode(0x81, b"\0\1"))
tell("subject's unique identifier", after_key=der.encode(0x82, b"\0\1"))
tell("no issuer", issuer=x.name())
tell("no subject", subject=x.name())

COUNTRY, NAME = ("2.5.4.6", "DE", PRINTABLE), ("2.5.4.3", "Sub CA")
for what, attributes in {
    "organisation of 65 characters": [COUNTRY, ("2.5.4.10", "O" * 65), NAME],
    "organisation of 64 characters": [COUNTRY, ("2.5.4.10", "O" * 64), NAME],
    "common name of 65 characters": [COUNTRY, ("2.5.4.10", "Example"), ("2.5.4.3", "N" * 65)],
    "empty organisation": [COUNTRY, ("2.5.4.10", ""), NAME],
    "country of three letters": [("2.5.4.6", "DEU", PRINTABLE), ("2.5.4.10", "Example"), NAME],
    "no such country": [("2.5.4.6", "QQ", PRINTABLE), ("2.5.4.10", "Example"), NAME],
    "country as UTF8String": [("2.5.4.6", "DE", UTF8), ("2.5.4.10", "Example"), NAME],
    "PrintableString with an at sign": [COUNTRY, ("2.5.4.10", "Ex@mple", PRINTABLE), NAME],
    "TeletexString": [COUNTRY, ("2.5.4.10", "Example", TELETEX), NAME],
    "domain component as UTF8String": [COUNTRY, ("2.5.4.10", "Example"), ("0.9.2342.19200300.100.1.25", "V2G"), NAME],
    "one RDN with a type twice": [COUNTRY, [("2.5.4.10", "Example"), ("2.5.4.10", "Other")], NAME],
    "e-mail address outside the alternative name": [
        COUNTRY, ("2.5.4.10", "Example"), NAME, (EMAIL, "a@example.com", IA5)],
    "e-mail address as UTF8String": [COUNTRY, ("2.5.4.10", "Example"), NAME, (EMAIL, "a@example.com", UTF8)],
}.items():
    tell(what, subject=x.name(*attributes))


@defect("set out of order")
def _(certificate):
    rdn = [der.sequence(der.oid("2.5.4.10"), der.encode(UTF8, text)) for text in (b"B", b"A")]
    certificate.subject = der.sequence(der.encode(0x31, *rdn), *der.children(x.name(NAME)))


@defect("UTF8String that is none")
def _(certificate):
    certificate.subject = x.name(NAME).replace(b"Sub CA", b"Sub\xff\xfeA")


BASIC, USAGE, SUBJECT_ID, AUTHORITY_ID = "2.5.29.19", "2.5.29.15", "2.5.29.14", "2.5.29.35"
extend("basic constraints missing", "basic constraints", None)
extend("basic constraints not critical", "basic constraints", x.basic_constraints(True, 1, critical=False))
extend("not a CA, says so", "basic constraints", x.extension(BASIC, der.sequence(der.boolean(False)), True))
extend("not a CA, path length", "basic constraints", x.basic_constraints(False, 1))
extend("CA as 0x01", "basic constraints", x.extension(BASIC, bytes.fromhex("3006010101020101"), True))
extend("negative path length", "basic constraints", x.basic_constraints(True, -1))
extend("basic constraints not a sequence", "basic constraints", x.extension(BASIC, b"\5\0", True))
extend("bytes after basic constraints", "basic constraints",
       x.extension(BASIC, der.sequence(der.boolean(True)) + b"\5\0", True))
extend("not critical, says so", "subject key identifier",
       der.sequence(der.oid(SUBJECT_ID), der.encode(0x01, b"\0"), der.octets(der.octets(SUB.identifier))))
extend("critical as 0x01", "key usage",
       der.sequence(der.oid(USAGE), der.encode(0x01, b"\1"), der.octets(der.named_bits(CERT_SIGN, CRL_SIGN))))
extend("key usage missing", "key usage", None)
extend("key usage not critical", "key usage", x.key_usage(CERT_SIGN, CRL_SIGN, critical=False))
extend("key usage without keyCertSign", "key usage", x.key_usage(DIGITAL_SIGNATURE, CRL_SIGN))
extend("key usage of nothing", "key usage", x.extension(USAGE, bytes.fromhex("030100"), True))
extend("key usage with trailing zeros", "key usage", x.extension(USAGE, bytes.fromhex("03020006"), True))
extend("subject key identifier missing", "subject key identifier", None)
extend("subject key identifier critical", "subject key identifier",
       x.extension(SUBJECT_ID, der.octets(SUB.identifier), True))
extend("subject key identifier without bytes", "subject key identifier", x.extension(SUBJECT_ID, SUB.identifier))
extend("authority key identifier missing", "authority key identifier", None)
extend("authority key identifier critical", "authority key identifier",
       x.extension(AUTHORITY_ID, der.sequence(der.encode(0x80, ROOT.identifier)), True))
extend("authority by name and number", "authority key identifier", x.authority_key_identifier(None, x.name(NAME), 7))
extend("authority by number only", "authority key identifier", x.extension(AUTHORITY_ID, der.sequence(
    der.encode(0x80, ROOT.identifier), der.encode(0x82, b"\7"))))
extend("authority key identifier empty", "authority key identifier", x.authority_key_identifier())
extend("unknown critical extension", "unknown", x.extension("1.3.6.1.4.1.32473.77", b"\5\0", True))
extend("unknown extension", "unknown", x.extension("1.3.6.1.4.1.32473.77", b"\5\0"))
extend("basic constraints twice", "twice", x.basic_constraints(True, 1))
extend("name constraints not critical", "name constraints",
       x.name_constraints([("dns", "example.com")], critical=False))
extend("name constraints empty", "name constraints", x.name_constraints())
extend("a policy twice", "policies", x.certificate_policies("1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.32473.1"))
extend("no policy in certificate policies", "policies", x.certificate_policies())
extend("no purpose in extended key usage", "purposes", x.extended_key_usage())
extend("alternative name empty", "alternative name", x.subject_alt_name())
extend("alternative name critical", "alternative name", x.subject_alt_name(("dns", "example.com"), critical=True))
extend("alternative name not a host", "alternative name", x.subject_alt_name(("dns", "not a host")))
extend("alternative name of 5 bytes", "alternative name", x.subject_alt_name(("ip", b"12345")))
extend("authority information access critical", "access", x.extension(
    "1.3.6.1.5.5.7.1.1", der.sequence(der.sequence(
        der.oid("1.3.6.1.5.5.7.48.1"), x.general_name("uri", "http://o.example/"))), True))
extend("distribution point without a name", "crl", x.extension("2.5.29.31", der.sequence(der.sequence())))


@defect("length in too many bytes")
def _(certificate):
    (outer, _), data = der.header(certificate.der()), certificate.der()
    # The outermost length, in three bytes instead of two.
    return b"\x30\x83\0" + data[2:outer] + data[outer:]


@defect("bytes after the certificate")
def _(certificate):
    return certificate.der() + b"\0\0"


@defect("indefinite length")
def _(certificate):
    return b"\x30\x80" + der.content(certificate.der()) + b"\0\0"


@defect("algorithm with a NULL")
def _(certificate):
    tbs, algorithm, signature = der.children(certificate.der())
    fields = der.children(tbs)
    fields[2] = algorithm = der.sequence(*der.children(algorithm), b"\5\0")
    return der.sequence(der.sequence(*fields), algorithm, signature)


@defect("key not on the curve")
def _(certificate):
    certificate.spki = SUB.spki[:-1] + bytes([SUB.spki[-1] ^ 1])


@defect("key with the point compressed")
def _(certificate):
    algorithm, bits = der.children(SUB.spki)
    point = der.content(bits)[1:]
    certificate.spki = der.sequence(algorithm, der.encode(0x03, b"\0", bytes([2 + point[-1] % 2]), point[1:33]))


@defect("serial number with a leading zero byte")
def _(certificate):
    data = certificate.der()
    tbs, algorithm, signature = der.children(data)
    fields = der.children(tbs)
    fields[1] = der.encode(0x02, b"\0", der.content(fields[1]))
    return der.sequence(der.sequence(*fields), algorithm, signature)
