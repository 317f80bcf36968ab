"""The peer of bench/lint: pkilint's linter of RFC 5280 over DER files for some seconds, over and over, within this
process. Arguments: seconds, files. Prints how many certificates a second; imports do not count."""

import sys
import time
from pathlib import Path

import pkilinted

duration = float(sys.argv[1])
certificates = [Path(file).read_bytes() for file in sys.argv[2:]]
linted = findings = 0
start = time.perf_counter()
while time.perf_counter() - start < duration:
    for der in certificates:
        findings += len(pkilinted.codes(der))
    linted += len(certificates)
rate = linted / (time.perf_counter() - start)
print(f"{linted} certificates, {findings} findings", file=sys.stderr)
print(f"{rate:.1f}")
