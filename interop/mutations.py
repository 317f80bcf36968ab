"""What goes wrong with single certificates of a graph, and what only looks wrong."""

import certificates as x
from certificates import CERT_SIGN, CRL_SIGN, DIGITAL_SIGNATURE, TIME, YEAR

UNKNOWN = "1.3.6.1.4.1.32473.77"


def mutate(maker, case):
    """Does one thing to one certificate of the case, and writes down what."""
    random = maker.random
    what, change = random.choice(MUTATIONS)
    targets = [("leaf", case.leaf)] + [(f"certificate {at}", one) for at, one in enumerate(case.others)] * 2
    targets += [("anchor", case.anchors[0])] * (random.random() < 0.3)
    where, certificate = random.choice(targets)
    if change(random, certificate, certificate is case.leaf) is not False:
        case.mutations.append(f"{where}: {what}")


MUTATIONS = []


def mutation(what, weight=1):
    def register(change):
        MUTATIONS.extend([(what, change)] * weight)
        return change
    return register


@mutation("expired", 2)
def _(random, certificate, _leaf):
    certificate.not_after = TIME - random.choice([1, 1000, YEAR // 2])


@mutation("not yet valid")
def _(random, certificate, _leaf):
    certificate.not_before = TIME + random.choice([1, 1000, YEAR // 2])


@mutation("valid for the last second")
def _(_random, certificate, _leaf):
    certificate.not_after = TIME


@mutation("valid since this second")
def _(_random, certificate, _leaf):
    certificate.not_before = TIME


@mutation("valid until 2050 and later")
def _(_random, certificate, _leaf):
    certificate.not_after = 2_800_000_000


@mutation("signature of something else", 3)
def _(_random, certificate, _leaf):
    certificate.corrupt = True


@mutation("signed with another key")
def _(random, certificate, _leaf):
    certificate.signer = x.Key(certificate.signer.kind, f"stranger {random.random()}")


@mutation("the two signature algorithms differ")
def _(_random, certificate, _leaf):
    other = "P-384" if certificate.signer.kind == "P-256" else "P-256"
    certificate.inner_algorithm = x.Key(other, "whichever").algorithm


@mutation("no basic constraints", 2)
def _(_random, certificate, _leaf):
    certificate.extensions.pop("basic constraints", None)


@mutation("basic constraints not critical")
def _(_random, certificate, leaf):
    certificate.extensions["basic constraints"] = x.basic_constraints(not leaf, critical=False)


@mutation("not a CA", 2)
def _(_random, certificate, _leaf):
    certificate.extensions["basic constraints"] = x.basic_constraints(False)


@mutation("a leaf that is a CA")
def _(_random, certificate, leaf):
    if not leaf:
        return False
    certificate.extensions["basic constraints"] = x.basic_constraints(True)
    certificate.extensions["key usage"] = x.key_usage(CERT_SIGN)


@mutation("path length", 5)
def _(random, certificate, leaf):
    if leaf:
        return False
    certificate.extensions["basic constraints"] = x.basic_constraints(True, random.choice([0, 0, 1, 2, 5]))


@mutation("key usage without keyCertSign", 2)
def _(_random, certificate, leaf):
    if leaf:
        return False
    certificate.extensions["key usage"] = x.key_usage(DIGITAL_SIGNATURE, CRL_SIGN)


@mutation("no key usage")
def _(_random, certificate, _leaf):
    certificate.extensions.pop("key usage", None)


@mutation("key usage not critical")
def _(_random, certificate, leaf):
    certificate.extensions["key usage"] = x.key_usage(DIGITAL_SIGNATURE if leaf else CERT_SIGN, critical=False)


@mutation("unknown critical extension", 2)
def _(_random, certificate, _leaf):
    certificate.extensions["unknown"] = x.extension(UNKNOWN, b"\5\0", critical=True)


@mutation("unknown extension")
def _(_random, certificate, _leaf):
    certificate.extensions["unknown"] = x.extension(UNKNOWN, b"\5\0")


@mutation("an extension twice")
def _(random, certificate, _leaf):
    which = random.choice(list(certificate.extensions))
    certificate.extensions["twice"] = certificate.extensions[which]


@mutation("key identifier of another authority", 2)
def _(_random, certificate, _leaf):
    certificate.extensions["authority key identifier"] = x.authority_key_identifier(b"somebody else's id 20")


@mutation("no authority key identifier", 2)
def _(_random, certificate, _leaf):
    certificate.extensions.pop("authority key identifier", None)


@mutation("authority by another serial number")
def _(_random, certificate, _leaf):
    certificate.extensions["authority key identifier"] = x.authority_key_identifier(
        certificate.signer.identifier, certificate.issuer, 77)


@mutation("no subject key identifier")
def _(_random, certificate, _leaf):
    certificate.extensions.pop("subject key identifier", None)


@mutation("issuer's name in other capitals", 2)
def _(_random, certificate, _leaf):
    certificate.issuer = certificate.issuer.replace(b" CA", b" ca").replace(b"Sub", b"SUB")


@mutation("issuer's name as another type of string", 2)
def _(_random, certificate, _leaf):
    # The last attribute is the common name.
    at = certificate.issuer.rindex(b"\x55\x04\x03") + 3
    tag = x.UTF8 if certificate.issuer[at] == x.PRINTABLE else x.PRINTABLE
    certificate.issuer = certificate.issuer[:at] + bytes([tag]) + certificate.issuer[at + 1:]


@mutation("another issuer's name")
def _(_random, certificate, _leaf):
    certificate.issuer = x.name(("2.5.4.6", "DE", x.PRINTABLE), ("2.5.4.3", "Nobody"))


@mutation("issuer's name in another order")
def _(_random, certificate, _leaf):
    first, *rest = x.der.children(certificate.issuer)
    certificate.issuer = x.der.sequence(*rest, first)


@mutation("extended key usage")
def _(random, certificate, _leaf):
    certificate.extensions["extended key usage"] = x.extended_key_usage(
        random.choice(["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.9"]), critical=random.random() < 0.3)


@mutation("version 1, no extensions")
def _(_random, certificate, _leaf):
    certificate.version = 1
    certificate.extensions = {}


@mutation("no subject, critical alternative name")
def _(_random, certificate, leaf):
    if not leaf:
        return False
    certificate.subject = x.name()
    certificate.extensions["subject alternative name"] = x.subject_alt_name(
        ("dns", "ev.example.com"), critical=True)


@mutation("common name that reads as a host")
def _(_random, certificate, leaf):
    if not leaf:
        return False
    certificate.subject = x.name(("2.5.4.6", "DE", x.PRINTABLE), ("2.5.4.10", "North"),
                                 ("2.5.4.3", "cpo.example.org"))
    certificate.extensions.pop("subject alternative name")


@mutation("e-mail address in the subject")
def _(_random, certificate, leaf):
    if not leaf:
        return False
    certificate.subject = x.name(("2.5.4.6", "DE", x.PRINTABLE), ("2.5.4.10", "North"), ("2.5.4.3", "leaf"),
                                 ("1.2.840.113549.1.9.1", "cpo@example.org", x.IA5))


@mutation("name constraints", 2)
def _(random, certificate, leaf):
    if leaf:
        return False
    certificate.extensions["name constraints"] = x.name_constraints(
        *random.choice([([("dns", "example.com")], []), ([], [("dns", "example.com")]),
                        ([("directory", x.name(("2.5.4.6", "DE", x.PRINTABLE)))], []),
                        ([], [("directory", x.name(("2.5.4.6", "DE", x.PRINTABLE), ("2.5.4.10", "North")))])]),
        critical=random.random() < 0.8)


@mutation("policy demanded")
def _(random, certificate, leaf):
    if leaf:
        return False
    certificate.extensions["policy constraints"] = x.policy_constraints(random.choice([0, 1]))


