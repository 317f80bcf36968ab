"""What the checks in Python share. Standard library only."""

import atexit
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

BIN = Path(os.environ["BIN"])
WORK = Path(os.environ["WORK"])
HERE = Path(__file__).resolve().parent
PATIENCE = 120
last_words = ""


def ok(text):
    print(f"ok  {text}", flush=True)


def fail(text):
    print(f"FAILED  {text}", file=sys.stderr, flush=True)
    sys.exit(1)


def run(*command, status=(0,)):
    """Runs a program to its end; gives the completed process, whose status must be one of these."""
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode not in status:
        fail(f"{' '.join(words)}\nstatus {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def ignored_tests(binary, module):
    """Runs the tests of a module that need real input, which `cargo test` leaves out; there must be some."""
    # With the whole workspace chosen, what stands there already is used.
    done = run("cargo", "test", "--workspace", "--locked", "--quiet", "--test", binary, f"{module}::", "--", "--ignored")
    if " 0 passed" in done.stdout or " passed" not in done.stdout:
        fail(f"no test of {module} ran:\n{done.stdout}")


def needs_package(package, command=None):
    """Installs a Debian package, unless there is its command or, for want of one, the package."""
    look = f"command -v {command}" if command else f"dpkg -s {package}"
    script = f"source '{HERE}/common.sh'; {look} >/dev/null 2>&1 || install {package}"
    run("bash", "-euo", "pipefail", "-c", script)


def remember(words):
    """What a program said that may yet succeed; shown if it never does."""
    global last_words
    last_words = words


def until(what, attempt):
    """Repeats the attempt until it gives something."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        result = attempt()
        if result is not None:
            return result
        time.sleep(0.1)
    fail(f"waited {PATIENCE} seconds in vain for {what}\n{last_words}")


def background(*command, log):
    """Starts a program that is stopped at the end, its output going to a file."""
    with open(log, "wb") as file:
        process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=file,
                                   stderr=subprocess.STDOUT)

    def stop():
        process.terminate()
        process.wait()

    atexit.register(stop)
    return process


def listening(process, log, prefix):
    """The rest of the line in a program's output that begins so: where it listens."""
    def look():
        if process.poll() is not None:
            fail(f"{log}:\n{Path(log).read_text()}")
        for line in Path(log).read_text().splitlines():
            if line.startswith(prefix):
                return line.removeprefix(prefix)
        return None
    return until(f"{prefix!r} in {log}", look)


def free_port():
    """A port of loopback that nobody listens on now, for programs that cannot pick one themselves."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def listens(port):
    """Whether somebody takes connections to a port of loopback."""
    with socket.socket() as stream:
        return stream.connect_ex(("127.0.0.1", port)) == 0


def get(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def ready(url):
    """Waits until the server at this address is ready: it listens earlier."""
    def look():
        try:
            return get(f"{url}/readyz")
        except urllib.error.URLError as error:
            remember(str(error))
            return None
    until(f"{url} to be ready", look)


def fingerprints(*files):
    """The SHA-256 of every certificate in PEM files, as openssl computes it."""
    found = []
    for file in files:
        blocks = Path(file).read_text().split("-----END CERTIFICATE-----")[:-1]
        for block in blocks:
            pem = block[block.index("-----BEGIN"):] + "-----END CERTIFICATE-----\n"
            done = subprocess.run(["openssl", "x509", "-noout", "-fingerprint", "-sha256"], input=pem,
                                  capture_output=True, text=True, check=True)
            found.append(done.stdout.strip().split("=", 1)[1].replace(":", "").lower())
    return found
