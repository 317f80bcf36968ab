"""Measures what bench/differences says. Arguments: the folder with the programs, rounds.

Every byte that client and server exchange passes a relay that counts it. One that "knows nothing of compression" turns
the client's Accept-Encoding into identity, as a box on the way might; what gzip would cost is that with the body of the
registry exchanged, since our client does not ask for gzip."""

import base64
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

from measuring import processor_time

PLAIN = re.compile(rb"(?im)^accept-encoding:.*\r\n|^available-dictionary:.*\r\n")


class Relay:
    def __init__(self, port, plain):
        self.port, self.plain, self.bytes, self.bodies = port, plain, 0, {}
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.create_connection(("127.0.0.1", self.port))
            for ends in ((near, far, self.plain), (far, near, False)):
                threading.Thread(target=self.pump, args=ends, daemon=True).start()

    def pump(self, source, sink, plain):
        try:
            while data := source.recv(65536):
                # The client sends a request in one piece.
                if plain:
                    data = PLAIN.sub(b"", data)
                self.bytes += len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def body(url, **headers):
    request = urllib.request.Request(url, headers=headers)
    with urllib.request.urlopen(request) as answer:
        return len(answer.read())


def main(programs, rounds):
    work = Path(tempfile.mkdtemp())
    server = subprocess.Popen([programs / "differences"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        measure(programs, rounds, work, server)
    finally:
        server.kill()
        shutil.rmtree(work)


def measure(programs, rounds, work, server):
    url = server.stdout.readline().strip().removeprefix("listening on ")
    port = int(url.rsplit(":", 1)[1])
    relays = {"differences": Relay(port, False), "identity": Relay(port, True)}
    with urllib.request.urlopen(f"{url}/tuf/metadata/1.root.json") as answer:
        (work / "root.json").write_bytes(answer.read())
    results = {}

    def sync(name, what):
        relay = relays[name]
        before = relay.bytes
        time = processor_time(programs / "ctl-client", "sync", "--once", "--dir", work / name)
        results.setdefault((name, what), []).append((relay.bytes - before, time * 1000))

    for name, relay in relays.items():
        sinks = ("--pem", work / f"{name}-pem", "--everest", work / f"{name}-everest")
        processor_time(programs / "ctl-client", "init", "--url", relay.url, "--root", work / "root.json",
                       "--dir", work / name, *sinks)
        sync(name, "first")
    press = []
    for _ in range(rounds):
        server.stdin.write("\n")
        server.stdin.flush()
        press.append([int(number) for number in server.stdout.readline().split()[1:]])
        for name in relays:
            sync(name, "changed")
            # The first one after a change finds that every sink holds it.
            sync(name, "after a change")
            sync(name, "nothing new")
    registry = f"{url}/tuf/targets/mo-registry.json"
    plain, gzip = body(registry), body(registry, **{"Accept-Encoding": "gzip"})
    difference = last_difference(work / "differences", registry, url)

    def median(key, column):
        return statistics.median(result[column] for result in results[key])

    whole = median(("identity", "changed"), 0)
    print(f"registry of 10,000 identifiers, ten of them changed; median of {rounds} rounds")
    print("| form | body of the registry, bytes | whole refresh, bytes | client, ms |")
    print("|---|---|---|---|")
    print(f"| identity | {plain} | {whole:.0f} | {median(('identity', 'changed'), 1):.0f} |")
    print(f"| gzip | {gzip} | {whole - plain + gzip:.0f} | - |")
    print(f"| difference | {difference} | {median(('differences', 'changed'), 0):.0f} | {median(('differences', 'changed'), 1):.0f} |")
    print()
    print("| refresh | with compression, bytes | without, bytes | client, ms |")
    print("|---|---|---|---|")
    for what in ("first", "after a change", "nothing new"):
        print(f"| {what} | {median(('differences', what), 0):.0f} | {median(('identity', what), 0):.0f} "
              f"| {median(('differences', what), 1):.0f} |")
    print()
    print("| prepared at publication | ms |")
    print("|---|---|")
    print(f"| gzip, Brotli and Zstandard of the registry | {statistics.median(row[0] for row in press):.0f} |")
    print(f"| a difference | {statistics.median(row[1] for row in press):.0f} |")


def last_difference(device, registry, url):
    """The body for whoever holds the version before, as the server sends it."""
    # The newest is offered as a dictionary by nobody: the version before is asked for by what other versions there are.
    with urllib.request.urlopen(registry) as answer:
        newest = answer.read()
    previous = json.loads(newest)["previous"]
    name = base64.b64encode(bytes.fromhex(previous)).decode()
    request = urllib.request.Request(registry, headers={"Accept-Encoding": "dcb", "Available-Dictionary": f":{name}:"})
    with urllib.request.urlopen(request) as answer:
        if answer.headers["Content-Encoding"] != "dcb":
            sys.exit("no difference is served")
        return len(answer.read())


main(Path(sys.argv[1]), int(sys.argv[2]))
