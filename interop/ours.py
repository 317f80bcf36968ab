"""How the product is asked about a path: by the command that people use."""

import json
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from certificates import pem
from common import BIN, fail, run


def path(anchors, others, leaf, time, policies=(), flags=(), crls=()):
    """What `ctl-admin path` says, as JSON, with `status` 0 (there is a valid path) or 1. All in DER."""
    with TemporaryDirectory() as folder:
        def given(option, name, ders, kind="CERTIFICATE"):
            file = Path(folder, name)
            file.write_text(pem(*ders, kind=kind))
            return (option, file) if option else (file,)

        done = run(BIN / "ctl-admin", "path", *given(None, "leaf.pem", [leaf]),
                   *given("--anchor", "anchors.pem", anchors),
                   *(given("--intermediate", "others.pem", others) if others else ()),
                   *(word for at, crl in enumerate(crls)
                     for word in given("--crl", f"crl-{at}.pem", [crl], "X509 CRL")),
                   "--time", datetime.fromtimestamp(time, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
                   *(word for policy in policies for word in ("--policy", policy)),
                   *(FLAGS[flag] for flag in flags), "--json", status=(0, 1, 2))
    if done.returncode == 2:
        # Unusable: what was asked could not be read. Not an answer, so whoever asks must expect it.
        return {"status": 2, "error": done.stderr.strip()}
    try:
        return json.loads(done.stdout) | {"status": done.returncode}
    except ValueError:
        fail(f"ctl-admin path --json said {done.stdout[:2000]!r}\n{done.stderr}")


FLAGS = {"explicit": "--require-explicit-policy", "inhibit-mapping": "--inhibit-policy-mapping",
         "inhibit-any": "--inhibit-any-policy"}
