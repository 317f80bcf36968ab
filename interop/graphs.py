"""Certification graphs and what goes wrong in them: the same cases in each run, from a seed."""

import random
from dataclasses import dataclass, field
from hashlib import sha256

import certificates as x
from certificates import CERT_SIGN, CRL_SIGN, DIGITAL_SIGNATURE, KEY_AGREEMENT, TIME, YEAR, Certificate, Key
from mutations import mutate

POLICIES = ["1.3.6.1.4.1.32473.1", "1.3.6.1.4.1.32473.2", "1.3.6.1.4.1.32473.3"]
HOSTS = ["ev.example.com", "a.b.example.com", "example.com", "cpo.example.org", "notexample.com"]
MAILBOXES = ["ev@example.com", "ev@mail.example.com", "cpo@example.org", "Ev@EXAMPLE.com"]
URIS = ["https://ev.example.com/a", "https://example.com:8443/", "ldap://cpo.example.org/x", "https://a.b.example.com"]
ADDRESSES = [bytes([10, 1, 2, 3]), bytes([10, 2, 2, 3]), bytes([192, 168, 0, 1]), bytes(15) + b"\1"]
ORGANISATIONS = ["North", "South"]


@dataclass
class Ca:
    """A name with a key: what certificates are issued by and to."""
    name: bytes
    key: Key


@dataclass
class Case:
    """What a judge is asked: does any path lead from an anchor to the leaf?"""
    number: int
    shape: str
    anchors: list = field(default_factory=list)
    others: list = field(default_factory=list)
    leaf: Certificate | None = None
    policies: list = field(default_factory=list)
    flags: list = field(default_factory=list)
    mutations: list = field(default_factory=list)

    def render(self):
        """Makes the bytes; to be called once nothing changes any more."""
        self.anchor_ders = [certificate.der() for certificate in self.anchors]
        self.other_ders = [certificate.der() for certificate in self.others]
        self.leaf_der = self.leaf.der()
        self.anchor_sha256, self.other_sha256 = [
            [sha256(der).hexdigest() for der in ders] for ders in (self.anchor_ders, self.other_ders)]
        self.leaf_sha256 = sha256(self.leaf_der).hexdigest()
        self.ders = dict(zip([*self.other_sha256, *self.anchor_sha256, self.leaf_sha256],
                             [*self.other_ders, *self.anchor_ders, self.leaf_der]))
        self.certificates = dict(zip([*self.other_sha256, *self.anchor_sha256, self.leaf_sha256],
                                     [*self.others, *self.anchors, self.leaf]))
        return self

    def paths(self, most=25):
        """Every way from an anchor to the leaf over matching names, as SHA-256 fingerprints, shortest first. No CA
        (a name with a key) stands twice in one. Found by trying everything, to be no cleverer than the search that
        is judged."""
        lines = [(self.leaf.issuer, (self.leaf_sha256,), frozenset())]
        found = []
        for issuer, chain, met in lines:
            for certificate, fingerprint in zip(self.anchors, self.anchor_sha256):
                if certificate.ca()[0] == x.folded(issuer) and certificate.ca() not in met:
                    found.append((fingerprint, *chain))
            if len(chain) < 9 and len(lines) < 20_000:
                lines += [(other.issuer, (fingerprint, *chain), met | {other.ca()})
                          for other, fingerprint in zip(self.others, self.other_sha256)
                          if other.ca()[0] == x.folded(issuer) and other.ca() not in met]
        return found[:most]

    def title(self):
        return " ".join([f"case {self.number}: {self.shape}", *(f"[{what}]" for what in self.mutations)])


class Maker:
    """Makes cases. Everything random comes from `self.random`."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.keys = [Key(["P-256", "P-256", "P-384", "Ed25519"][number % 4], f"{seed} {number}")
                     for number in range(48)]
        self.spare = list(self.keys)
        self.serial = 1000

    def ca(self, label, key=None):
        organisation = self.random.choice(ORGANISATIONS)
        name = x.name(("2.5.4.6", "DE", x.PRINTABLE), ("2.5.4.10", organisation),
                      ("2.5.4.3", f"{label} CA", self.random.choice([x.UTF8, x.PRINTABLE])))
        return Ca(name, key or self.key())

    def key(self):
        return self.keys.pop(0) if self.keys else self.random.choice(self.spare)

    def issue(self, issuer, subject, **other):
        """A CA certificate as it should be."""
        self.serial += self.random.randrange(1, 99)
        certificate = Certificate(
            subject.name, issuer.name, subject.key, issuer.key, self.serial,
            TIME - self.random.randrange(1, 5) * YEAR, TIME + self.random.randrange(1, 40) * YEAR)
        certificate.extensions = {
            "basic constraints": x.basic_constraints(True, other.get("path_length")),
            "key usage": x.key_usage(CERT_SIGN, CRL_SIGN),
            "subject key identifier": x.subject_key_identifier(subject.key.identifier),
        }
        if issuer is not subject:
            certificate.extensions["authority key identifier"] = x.authority_key_identifier(issuer.key.identifier)
        return certificate

    def leaf(self, issuer, label="leaf"):
        organisation = self.random.choice(ORGANISATIONS)
        subject = Ca(x.name(("2.5.4.6", "DE", x.PRINTABLE), ("2.5.4.10", organisation), ("2.5.4.3", label)), self.key())
        leaf = self.issue(issuer, subject)
        leaf.extensions["basic constraints"] = x.basic_constraints(False)
        leaf.extensions["key usage"] = x.key_usage(DIGITAL_SIGNATURE, KEY_AGREEMENT)
        names = [("dns", self.random.choice(HOSTS))]
        for kind, pool in (("email", MAILBOXES), ("uri", URIS), ("ip", ADDRESSES)):
            if self.random.random() < 0.3:
                names.append((kind, self.random.choice(pool)))
        leaf.extensions["subject alternative name"] = x.subject_alt_name(*names)
        return leaf

    # Shapes. Each gives anchors, other certificates, the leaf.

    def chain(self, length=None):
        line = [self.ca("Root")]
        length = self.random.randrange(0, 5) if length is None else length
        line += [self.ca(f"Sub {number}") for number in range(length)]
        others = [self.issue(above, below) for above, below in zip(line, line[1:])]
        return [self.issue(line[0], line[0])], others, self.leaf(line[-1])

    def cross(self):
        """The leaf's root is unknown here; a cross-certificate of a known one vouches for it."""
        home, away = self.ca("Home Root"), self.ca("Away Root")
        sub, subsub = self.ca("Sub 1"), self.ca("Sub 2")
        others = [self.issue(home, away), self.issue(away, sub), self.issue(sub, subsub), self.issue(away, away)]
        if self.random.random() < 0.3:
            others.append(self.issue(away, home))
        anchors = [self.issue(home, home)]
        if self.random.random() < 0.2:
            anchors.append(self.issue(away, away))
        return anchors, others, self.leaf(subsub)

    def bridge(self):
        """Roots that know each other only over a bridge that they all vouch for."""
        middle = self.ca("Bridge")
        roots = [self.ca(f"Root {letter}") for letter in "ABCD"]
        others = [self.issue(*pair) for root in roots for pair in ((root, middle), (middle, root))]
        sub = self.ca("Sub")
        others.append(self.issue(roots[-1], sub))
        return [self.issue(roots[0], roots[0])], others, self.leaf(sub)

    def cycle(self):
        ring = [self.ca(f"Ring {number}") for number in range(self.random.randrange(2, 6))]
        others = [self.issue(ring[at - 1], ca) for at, ca in enumerate(ring)]
        others += [self.issue(ca, ring[at - 1]) for at, ca in enumerate(ring)]
        root = self.ca("Root")
        if self.random.random() < 0.8:
            others.append(self.issue(root, self.random.choice(ring)))
        return [self.issue(root, root)], others, self.leaf(self.random.choice(ring))

    def twins(self):
        """Several certificates for one name and key, most of which lead nowhere."""
        root, sub, subsub = self.ca("Root"), self.ca("Sub 1"), self.ca("Sub 2")
        others = [self.issue(root, sub), self.issue(sub, subsub)]
        for _ in range(self.random.randrange(1, 4)):
            kind = self.random.choice(["expired", "no root", "other key", "short", "corrupt", "same"])
            pair = self.random.choice([(root, sub), (sub, subsub)])
            if kind == "no root":
                twin = self.issue(self.ca("Unknown Root"), sub)
            elif kind == "other key":
                twin = self.issue(pair[0], Ca(pair[1].name, self.key()))
            else:
                twin = self.issue(*pair)
            if kind == "expired":
                twin.not_after = TIME - 1000
            elif kind == "short":
                twin.extensions["basic constraints"] = x.basic_constraints(True, 0)
            elif kind == "corrupt":
                twin.corrupt = True
            others.append(twin)
        self.random.shuffle(others)
        return [self.issue(root, root)], others, self.leaf(subsub)

    def rollover(self):
        """A CA under a new key, with the self-issued certificates of RFC 4210 section 4.4."""
        old = self.ca("Root")
        new = Ca(old.name, self.key())
        sub = self.ca("Sub")
        subsub = Ca(sub.name, self.key())
        others = [self.issue(old, new), self.issue(new, old), self.issue(new, sub), self.issue(sub, subsub)]
        anchor = self.random.choice([old, new])
        if self.random.random() < 0.5:
            others[3].extensions["basic constraints"] = x.basic_constraints(True, 0)
        return [self.issue(anchor, anchor)], others, self.leaf(self.random.choice([sub, subsub]))

    def tangle(self):
        """Anything certifies anything."""
        names = [self.ca(f"Node {number}") for number in range(self.random.randrange(3, 6))]
        nodes = names + [Ca(self.random.choice(names).name, self.key()) for _ in range(2)]
        others = []
        for _ in range(self.random.randrange(len(nodes), 2 * len(nodes) + 3)):
            issuer, subject = self.random.sample(nodes, 2)
            limit = self.random.choice([None, None, None, 0, 1, 2])
            others.append(self.issue(issuer, subject, path_length=limit))
        root = nodes[0]
        return [self.issue(root, root)], others, self.leaf(self.random.choice(nodes[1:]))

    def constrained(self):
        """A chain with name constraints somewhere, on names that the leaf may or may not have."""
        anchors, others, leaf = self.chain(self.random.randrange(1, 4))
        for certificate in self.random.sample(others, self.random.randrange(1, len(others) + 1)):
            certificate.extensions["name constraints"] = self.some_constraints()
        return anchors, others, leaf

    def some_constraints(self):
        directory = [x.name(("2.5.4.6", "DE", x.PRINTABLE)),
                     *(x.name(("2.5.4.6", "DE", x.PRINTABLE), ("2.5.4.10", organisation, kind))
                       for organisation in (*ORGANISATIONS, "north") for kind in (x.UTF8, x.PRINTABLE))]
        trees = {
            "dns": ["example.com", "EXAMPLE.com", "b.example.com", "example.org", "ev.example.com"],
            "email": ["example.com", ".example.com", "ev@example.com", "example.org"],
            "uri": [".example.com", "ev.example.com", "example.com", ".example.org"],
            "ip": [bytes([10, 0, 0, 0, 255, 0, 0, 0]), bytes([10, 1, 0, 0, 255, 255, 0, 0]), bytes(32)],
            "directory": directory,
        }
        lists = [[], []]
        for _ in range(self.random.randrange(1, 4)):
            kind = self.random.choice(list(trees))
            lists[self.random.random() < 0.4].append((kind, self.random.choice(trees[kind])))
        return x.name_constraints(*lists)

    def policed(self):
        """A chain with policies, mappings and constraints, and inputs that ask for some."""
        anchors, others, leaf = self.chain(self.random.randrange(1, 5))
        pick = self.random.random
        for certificate in [*others, leaf]:
            if pick() < 0.92:
                some = self.random.sample(POLICIES, self.random.randrange(1, 4))
                certificate.extensions["certificate policies"] = x.certificate_policies(
                    *(some if pick() < 0.7 else [*some[1:], x.ANY_POLICY]), critical=pick() < 0.3)
            if certificate is leaf:
                break
            if pick() < 0.3:
                pairs = {tuple(self.random.sample(POLICIES, 2)) for _ in range(self.random.randrange(1, 3))}
                if pick() < 0.05:
                    pairs = {(POLICIES[0], x.ANY_POLICY)}
                certificate.extensions["policy mappings"] = x.policy_mappings(*sorted(pairs))
            if pick() < 0.3:
                certificate.extensions["policy constraints"] = x.policy_constraints(
                    *self.random.choice([(0, None), (1, None), (2, None), (None, 0), (None, 1), (0, 0), (1, 2)]))
            if pick() < 0.2:
                certificate.extensions["inhibit any policy"] = x.inhibit_any_policy(self.random.randrange(0, 3))
        return anchors, others, leaf

    def case(self, number):
        """The case of this number; to be asked for in order."""
        shapes = {"chain": 30, "policed": 20, "constrained": 16, "cross": 9, "bridge": 4, "cycle": 4, "twins": 7,
                  "rollover": 5, "tangle": 5}
        self.keys = self.random.sample(self.spare, len(self.spare))
        shape = self.random.choices(list(shapes), list(shapes.values()))[0]
        case = Case(number, shape, *getattr(self, shape)())
        if shape == "policed" or self.random.random() < 0.1:
            case.policies = self.random.sample(POLICIES, self.random.choice([0, 0, 1, 1, 2]))
            case.flags = [flag for flag in ("explicit", "inhibit-mapping", "inhibit-any")
                          if self.random.random() < 0.25]
        for _ in range(self.random.choices([0, 1, 2], [35, 45, 20])[0]):
            mutate(self, case)
        return case.render()
