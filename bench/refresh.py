"""Measures what bench/refresh says. Arguments: ctl-client, the server's address, a folder with root.json,
rounds. With `fetch` before them it is the peer: one refresh by python-tuf."""

import os
import shutil
import statistics
import subprocess
import sys
from pathlib import Path

TARGETS = ["na.ctl.json", "mo-registry.json"]


def fetch(url, work):
    from tuf.ngclient import Updater

    home = work / "python-tuf"
    (home / "metadata").mkdir(parents=True)
    (home / "targets").mkdir()
    updater = Updater(str(home / "metadata"), f"{url}/tuf/metadata/", str(home / "targets"),
                      f"{url}/tuf/targets/", bootstrap=(work / "root.json").read_bytes())
    updater.refresh()
    for target in TARGETS:
        info = updater.get_targetinfo(target)
        if info is None:
            sys.exit(f"no target {target}")
        updater.download_target(info)


def processor_time(*command):
    """Seconds of processor time, user and system, of one process."""
    words = [str(word) for word in command]
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def measure(client, url, work, rounds):
    ours, theirs, bare = [], [], []
    for _ in range(rounds):
        for folder in ("device", "python-tuf"):
            shutil.rmtree(work / folder, ignore_errors=True)
        device = work / "device"
        ours.append(processor_time(client, "init", "--url", url, "--root", work / "root.json", "--dir", device)
                    + processor_time(client, "sync", "--once", "--dir", device))
        theirs.append(processor_time(sys.executable, __file__, "fetch", url, work))
        bare.append(processor_time(sys.executable, "-c", "import tuf.ngclient"))
    for target in TARGETS:
        size = next((work / "python-tuf/targets").glob(f"*{target}")).stat().st_size
        print(f"{target}: {size} bytes")
    ours, theirs, bare = (statistics.median(times) for times in (ours, theirs, bare))
    print(f"median of {rounds} rounds, processor time in ms")
    print("| ctl-client | python-tuf | ratio | python-tuf's imports alone |")
    print("|---|---|---|---|")
    print(f"| {ours * 1000:.0f} | {theirs * 1000:.0f} | {ours / theirs:.3f} | {bare * 1000:.0f} |")


if sys.argv[1] == "fetch":
    fetch(sys.argv[2], Path(sys.argv[3]))
else:
    measure(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))
