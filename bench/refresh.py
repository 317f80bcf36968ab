"""Measures what bench/refresh says. Arguments: ctl-client, the server's address, a folder with root.json,
rounds. With `fetch` before them it is the peer: one refresh by python-tuf, from nothing or from what it holds."""

import shutil
import statistics
import sys
from pathlib import Path

from measuring import processor_time

TARGETS = ["na.ctl.json", "mo-registry.json"]


def fetch(url, work):
    from tuf.ngclient import Updater

    home = work / "python-tuf"
    (home / "metadata").mkdir(parents=True, exist_ok=True)
    (home / "targets").mkdir(exist_ok=True)
    updater = Updater(str(home / "metadata"), f"{url}/tuf/metadata/", str(home / "targets"),
                      f"{url}/tuf/targets/", bootstrap=(work / "root.json").read_bytes())
    updater.refresh()
    for target in TARGETS:
        info = updater.get_targetinfo(target)
        if info is None:
            sys.exit(f"no target {target}")
        if updater.find_cached_target(info) is None:
            updater.download_target(info)


# The least that a refresh which finds nothing new can do: ask for what may be new, and compare what is held.
ASKED = ["tuf/metadata/timestamp.json", "log/checkpoint"]
BARE = """set -e
for path in {asked}; do curl --silent --fail "{url}/$path"; done >/dev/null
openssl dgst -sha256 {held} >/dev/null"""


def measure(client, url, work, rounds):
    device = work / "device"
    sync = (client, "sync", "--once", "--dir", device)
    fetch = (sys.executable, __file__, "fetch", url, work)
    sinks = ("--pem", work / "pem", "--everest", work / "everest")
    full, again = ([], [], []), ([], [], [])
    for _ in range(rounds):
        for folder in ("device", "python-tuf", "pem", "everest"):
            shutil.rmtree(work / folder, ignore_errors=True)
        init = (client, "init", "--url", url, "--root", work / "root.json", "--dir", device)
        full[0].append(processor_time(*init) + processor_time(*sync))
        full[1].append(processor_time(*fetch))
        full[2].append(processor_time(sys.executable, "-c", "import tuf.ngclient"))
        # The same with sinks, which are filled, and then found to hold what they should.
        shutil.rmtree(device)
        processor_time(*init, *sinks)
        processor_time(*sync)
        processor_time(*sync)
        held = " ".join(str(next((work / "python-tuf/targets").glob(f"*{target}"))) for target in TARGETS)
        again[0].append(processor_time(*sync))
        again[1].append(processor_time(*fetch))
        again[2].append(processor_time("bash", "-c", BARE.format(asked=" ".join(ASKED), url=url, held=held)))
    for target in TARGETS:
        size = next((work / "python-tuf/targets").glob(f"*{target}")).stat().st_size
        print(f"{target}: {size} bytes")
    print(f"median of {rounds} rounds, processor time in ms")
    print("| refresh | ctl-client | python-tuf | ratio | bare |")
    print("|---|---|---|---|---|")
    for what, times in (("from nothing", full), ("nothing new", again)):
        ours, theirs, bare = (statistics.median(column) * 1000 for column in times)
        print(f"| {what} | {ours:.1f} | {theirs:.0f} | {ours / theirs:.3f} | {bare:.0f} |")


if sys.argv[1] == "fetch":
    fetch(sys.argv[2], Path(sys.argv[3]))
else:
    measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
