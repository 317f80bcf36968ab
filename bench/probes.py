"""Measures what bench/probes says. Arguments: ctl-watch, the folder of a PKI of the sandbox, the address of its
services, the port and the process number of the Blackbox exporter, rounds."""

import http.client
import os
import re
import selectors
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.parse
from pathlib import Path

TURNS = 3
WARM = 50
WATCH, PKI, SERVICES = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
PORT, EXPORTER = int(sys.argv[4]), int(sys.argv[5])
# Side questions repeat every two rounds and hashes every four; the first round of all is taken off.
ROUNDS = 1 + max(int(sys.argv[6]), 4) // 4 * 4


class Counter:
    """Passes connections on to the services and counts the requests."""

    def __init__(self, address):
        self.to = (address.hostname, address.port)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.requests = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def address(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.pass_on, args=(client,), daemon=True).start()

    def pass_on(self, client):
        with client, socket.create_connection(self.to) as service, selectors.DefaultSelector() as selector:
            sent = b""
            selector.register(client, selectors.EVENT_READ, service)
            selector.register(service, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    chunk = key.fileobj.recv(65536)
                    if not chunk:
                        # However many requests came by this connection, each has one such line.
                        with self.lock:
                            self.requests += len(re.findall(rb"(?:GET|POST) [^\r\n]* HTTP/1\.1\r\n", sent))
                        return
                    if key.fileobj is client:
                        sent += chunk
                    key.data.sendall(chunk)

    def count(self, work):
        """How many requests come of this, as far as their connections have ended."""
        before = self.requests
        work()
        # Their end may reach us after whoever asked is done.
        settled = -1
        while settled != self.requests:
            settled = self.requests
            time.sleep(0.3)
        return settled - before


def ours(kind, url, rounds):
    """Seconds of processor time of a whole process, user and system."""
    words = [WATCH, "probe", kind, url, "--issuer", PKI / "root.pem", "--allow", "127.0.0.0/8", "--rounds", rounds]
    # Certificates name the CRL by another address, and would make it one of two.
    if kind == "ocsp":
        for path in sorted((PKI / "canaries").glob("root-good-*.pem")):
            words += ["--certificate", path]
        words += ["--revoked", revoked()]
    words = [str(word) for word in words]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(words)}: status {process.returncode}\n{output}")
    return usage.ru_utime + usage.ru_stime


def revoked():
    """The serial number that the root has revoked for ever, as watch.toml has it."""
    canaries = (PKI.parent / "watch.toml").read_text().split("[[watch.canaries]]")
    own = next(part for part in canaries if f"{PKI.name}/canaries/root-good-1.pem" in part)
    return re.search(r'revoked = \["([0-9a-f]+)"', own).group(1)


def exporter_time():
    fields = Path(f"/proc/{EXPORTER}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def theirs(kind, url, probes):
    """Seconds of processor time of the exporter for so many probes."""
    path = "/probe?" + urllib.parse.urlencode({"module": kind, "target": url})
    connection = http.client.HTTPConnection("127.0.0.1", PORT)
    before = exporter_time()
    for _ in range(probes):
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        length = re.search(r"^probe_http_uncompressed_body_length (\S+)", text, re.MULTILINE)
        # A refusal of OCSP has five bytes, and comes with status 200.
        if "\nprobe_success 1\n" not in text or float(length.group(1)) < 100:
            sys.exit(f"the exporter's probe of {url} failed:\n{text}")
    return exporter_time() - before


def measure(kind, path):
    counter = Counter(urllib.parse.urlsplit(SERVICES))
    url, counted = SERVICES + path, counter.address() + path
    first = counter.count(lambda: ours(kind, counted, 1))
    exchanges = (counter.count(lambda: ours(kind, counted, 5)) - first) / 4
    one = counter.count(lambda: theirs(kind, counted, 1))
    if one != 1:
        sys.exit(f"the exporter made {one} exchanges for a probe")
    theirs(kind, url, WARM)
    mine, peer = [], []
    for _ in range(TURNS):
        mine.append((ours(kind, url, ROUNDS) - ours(kind, url, 1)) / (ROUNDS - 1))
        peer.append(theirs(kind, url, ROUNDS - 1) / (ROUNDS - 1))
    mine, peer = statistics.median(mine), statistics.median(peer)
    print(f"| {kind} | {exchanges:g} | {mine * 1e6:.0f} | {mine / exchanges * 1e6:.0f} | {peer * 1e6:.0f} "
          f"| {mine / exchanges / peer:.2f} |", flush=True)


print(f"median of {TURNS} times {ROUNDS - 1} rounds, microseconds of processor time")
print("| probe | exchanges a round of ours | our round | our exchange | exporter's probe, one exchange | ratio |")
print("|---|---|---|---|---|---|")
measure("ocsp", "/aurora/root/ocsp")
measure("crl", "/aurora/root/crl")
