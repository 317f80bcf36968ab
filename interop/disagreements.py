"""Why judges of paths may disagree. Each class has a name, what stands behind it, and a test that a disagreement
must pass to belong to it; one that belongs to none is an error of somebody, and fails the check.

Here `said` is what openssl says against the accepted path alone (see `alone` in the check), `ours` the answer of
`ctl-admin path`, and `path` the fingerprints of the path in question, anchor first.
"""

import re

from certificates import ANY_POLICY, TIME, folded
from der import oid


class Class:
    def __init__(self, name, why, holds):
        self.name, self.why, self.holds = name, why, holds


def at_depth(said):
    """openssl's error number and the certificate it is about, 0 being the leaf."""
    found = re.match(r"error (\d+) at (\d+) depth lookup", said)
    return (int(found[1]), int(found[2])) if found else (None, None)


def about_anchor(case, path, said):
    return at_depth(said)[1] == len(path) - 1


def ends_now(case, path, said):
    error, depth = at_depth(said)
    return error == 10 and case.certificates[path[len(path) - 1 - depth]].not_after == TIME


def names_other_issuer(case, path):
    """Whether a certificate's authority key identifier does not fit the certificate above it."""
    for above, below in zip(path, path[1:]):
        above, below = case.certificates[above], case.certificates[below]
        named = below.extensions.get("authority key identifier")
        if named is None:
            continue
        if above.key.identifier not in named and "subject key identifier" in above.extensions:
            return True
        # The other form: issuer and serial number.
        if len(named) > 60:
            return True
    return False


def anchor_names_other_issuer(case, path):
    """The same of the anchor itself: openssl then does not take it for self-signed, and looks for its issuer."""
    anchor = case.certificates[path[0]]
    named = anchor.extensions.get("authority key identifier")
    return anchor.subject != anchor.issuer or named is not None and (
        anchor.key.identifier not in named or len(named) > 60)


def guesses(case, path, said):
    """Whether the certificate complained about leaves open which of several in the path of one name issued it."""
    certificate = case.certificates[path[len(path) - 1 - at_depth(said)[1]]]
    issuers = [one for one in path if folded(case.certificates[one].subject) == folded(certificate.issuer)]
    return "authority key identifier" not in certificate.extensions and len(issuers) > 1


def maps_inhibited_any(case):
    """Whether a certificate maps policies and has anyPolicy, where something inhibits anyPolicy."""
    inhibited = "inhibit-any" in case.flags or any(
        "inhibit any policy" in one.extensions for one in case.certificates.values())
    return inhibited and any("policy mappings" in one.extensions and oid(ANY_POLICY) in
                             one.extensions.get("certificate policies", b"") for one in case.certificates.values())


def twice(certificate):
    return "twice" in certificate.extensions


# We accept, openssl refuses; and not only because it followed another line of issuers.
OPENSSL_STRICTER = [
    Class("last second", "openssl takes a certificate for expired in the second of its notAfter, which RFC 5280 "
          "section 4.1.2.5 still counts as valid", lambda case, path, said: ends_now(case, path, said)),
    Class("authority key identifier", "openssl refuses a certificate whose authority key identifier does not fit its "
          "issuer; for RFC 5280 sections 4.2.1.1 and 6.1 it helps to find the issuer and decides nothing",
          lambda case, path, said: at_depth(said)[0] == 20 and names_other_issuer(case, path)),
    Class("two of one name", "where no authority key identifier tells which is meant, openssl takes one certificate "
          "with the issuer's name and does not come back to try another; this path has two",
          lambda case, path, said: at_depth(said)[0] == 7 and guesses(case, path, said)),
    Class("anchor's own issuer", "openssl asks who issued the anchor unless name and key identifiers say itself; "
          "RFC 5280 section 6.1.1 (d) takes no more than name and key of it",
          lambda case, path, said: at_depth(said)[0] in (2, 20) and anchor_names_other_issuer(case, path)),
    Class("anchor's own certificate", "openssl judges validity, extensions and CA rights of the anchor's certificate; "
          "RFC 5280 section 6.1.1 (d) takes no more than name and key of it",
          lambda case, path, said: about_anchor(case, path, said)
          and at_depth(said)[0] in (9, 10, 24, 25, 34, 41, 79)),
    Class("anchor's name constraints", "openssl keeps to the name constraints of the anchor's certificate; RFC 5280 "
          "section 6.1.1 (d) takes no more than name and key of it",
          lambda case, path, said: at_depth(said)[0] in (47, 48)
          and "name constraints" in case.certificates[path[0]].extensions),
]
# We refuse, openssl accepts.
OPENSSL_LAXER = [
    Class("unreadable", "we refuse files that hold a certificate with one extension twice (RFC 5280 section 4.2), and "
          "search nothing; openssl minds only if it comes across it",
          lambda case, ours: ours["status"] == 2 and any(map(twice, case.certificates.values()))),
    Class("anyPolicy mapped", "openssl minds a mapping from or to anyPolicy (forbidden by RFC 5280 section 6.1.4 (a)) "
          "only in certificates that have policies",
          lambda case, ours: rules(ours) == {"any-policy-mapped"} and any(
              "policy mappings" in one.extensions and "certificate policies" not in one.extensions
              for one in case.certificates.values())),
    Class("inhibited anyPolicy mapped", "openssl maps a policy that a certificate has by anyPolicy only, though "
          "anyPolicy is inhibited and counts for nothing there (RFC 5280 sections 6.1.3 (d) and 6.1.4 (b))",
          lambda case, ours: rules(ours) <= {"no-valid-policy", "policy-not-accepted"} and maps_inhibited_any(case)),
]
# Path by path: we and pyhanko-certvalidator differ. `theirs` is what it says against the path, `reason` the rule that
# we refuse it by, or None.
PYHANKO = [
    Class("IP constraints", "pyhanko-certvalidator cannot compare IP addresses with name constraints",
          lambda case, path, theirs, reason: reason is None and "GeneralNameType.IP_ADDRESS" in (theirs or "")),
    Class("unreadable", "we refuse files that hold a certificate with one extension twice (RFC 5280 section 4.2), and "
          "search nothing; pyhanko-certvalidator takes the last",
          lambda case, path, theirs, reason: theirs is None and reason == "unreadable" and any(
              map(twice, case.certificates.values()))),
    Class("two algorithms", "pyhanko-certvalidator does not compare the two places where a certificate names the "
          "algorithm of its signature; RFC 5280 section 4.1.1.2 wants them the same",
          lambda case, path, theirs, reason: theirs is None and reason == "not found" and any(
              case.certificates[one].inner_algorithm for one in path)),
]


def rules(ours):
    """By which rules all the paths were refused."""
    return {finding["rule"] for path in ours.get("paths", []) for verdict in path["verdicts"]
            for finding in verdict["findings"] if finding["outcome"] == "failed"}
