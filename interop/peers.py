"""The judges of paths that are not ours: openssl, and pyhanko-certvalidator within this process."""

import asyncio
import subprocess
from datetime import datetime, timedelta, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from asn1crypto import x509
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.authority import CertTrustAnchor
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.policy_decl import PKIXValidationParams
from pyhanko_certvalidator.validate import async_validate_path

from certificates import ANY_POLICY, pem

OPENSSL_FLAGS = {"explicit": "-explicit_policy", "inhibit-mapping": "-inhibit_map", "inhibit-any": "-inhibit_any"}


def openssl(anchors, others, leaf, time, policies=(), flags=(), crls=None):
    """None if openssl finds the leaf good, otherwise what it says. All certificates in DER."""
    with TemporaryDirectory() as folder:
        def file(name, text):
            path = Path(folder, name)
            path.write_text(text)
            return path

        command = ["openssl", "verify", "-attime", str(time), "-policy_check",
                   "-CAfile", file("anchors", pem(*anchors))]
        # Without a policy named, openssl's initial set is empty, not "any".
        for policy in policies or [ANY_POLICY]:
            command += ["-policy", policy]
        command += [OPENSSL_FLAGS[flag] for flag in flags]
        if others:
            command += ["-untrusted", file("others", pem(*others))]
        if crls is not None:
            command += ["-crl_check", "-crl_check_all", "-extended_crl", "-use_deltas",
                        "-CRLfile", file("crls", pem(*crls, kind="X509 CRL"))]
        done = subprocess.run([*map(str, command), str(file("leaf", pem(leaf)))], capture_output=True, text=True)
    if done.returncode == 0:
        return None
    for line in done.stderr.splitlines():
        # "error 10 at 1 depth lookup: certificate has expired"
        if line.startswith("error ") and " lookup: " in line:
            return line
    return done.stderr.strip()


def pyhanko(anchor, chain, time, policies=(), flags=()):
    """The same, of pyhanko-certvalidator and one path, from the anchor's child to the leaf."""
    try:
        root, *certificates = [x509.Certificate.load(der) for der in (anchor, *chain)]
        context = ValidationContext(trust_roots=[root], moment=datetime.fromtimestamp(time, timezone.utc),
                                    time_tolerance=timedelta(0), allow_fetching=False)
        parameters = PKIXValidationParams(
            user_initial_policy_set=frozenset(policies or ["any_policy"]),
            initial_explicit_policy="explicit" in flags, initial_policy_mapping_inhibit="inhibit-mapping" in flags,
            initial_any_policy_inhibit="inhibit-any" in flags)
        path = ValidationPath(CertTrustAnchor(root), certificates[:-1], certificates[-1])
        asyncio.run(async_validate_path(context, path, parameters))
    except Exception as error:  # It raises whatever its parser does on certificates that are not well made.
        return f"{type(error).__name__}: {error}"
    return None
