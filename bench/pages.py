"""pages.py URL PID ROUNDS: asks for each kind of page that links lead to, and for the JSON of the same things; and has a
server examine a certificate and a whole list."""

import html
import http.client
import os
import re
import statistics
import sys
import time
import urllib.parse

ADDRESS, PID, ROUNDS = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3])
# Of each kind so many are looked at; the heaviest is measured.
EACH = 5
# Where the JSON is that says what a page says.
DATA = [(r"/lists/([^/]+)", r"/v1/lists/\1"), (r"/lists/([^/]+)/versions/(\d+)", r"/v1/lists/\1/versions/\2"),
        (r"/lists/([^/]+)/changes(\?.*)", r"/v1/lists/\1/diff\2"), (r"/lists/([^/]+)/reach", r"/v1/lists/\1/interop"),
        (r"/certificates/([0-9a-f]+)", r"/v1/anchors/\1"), (r"/(applications|proposals|participants)(/[^?]+)?", r"/v1/\1\2"),
        (r"/operators/([^/?]+)", r"/v1/sla/\1"), (r"/(incidents|sources)(/[^?]+)?", r"/v1/\1\2"),
        (r"/registry", "/v1/registry/mo"), (r"/registry/([^/?]+)", r"/v1/registry/mo/\1"), (r"/promises", "/v1/sla/governance")]
class Caller:
    def __init__(self):
        self.connection = http.client.HTTPConnection(ADDRESS.hostname, ADDRESS.port, timeout=120)

    def ask(self, path, accept="text/html", coding="gzip", brought=None):
        headers = {"Accept": accept, "Accept-Encoding": coding}
        if brought is not None:
            headers["Content-Type"] = "multipart/form-data; boundary=between"
            brought = (b'--between\r\nContent-Disposition: form-data; name="file"; filename="brought"\r\n\r\n' + brought
                       + b"\r\n--between--\r\n")
        self.connection.request("GET" if brought is None else "POST", path, body=brought, headers=headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()


def processor():
    """Nanoseconds of processor time of all the server's threads."""
    total = 0
    for thread in os.listdir(f"/proc/{PID}/task"):
        try:
            with open(f"/proc/{PID}/task/{thread}/schedstat") as file:
                total += int(file.read().split()[0])
        except FileNotFoundError:
            # It has ended meanwhile.
            pass
    return total


def measured(caller, asked):
    """For each name the median of milliseconds of processor time, and the bytes of the answer. The server keeps an answer for the
    second in which it made it, so each round is in another one."""
    found = {}
    for _ in range(ROUNDS):
        time.sleep(1.01 - time.time() % 1)
        for name, question in asked.items():
            began = processor()
            status, _, body = caller.ask(**question)
            if status == 200:
                found.setdefault(name, ([], len(body)))[0].append((processor() - began) / 1e6)
            elif question.get("accept") != "application/json":
                sys.exit(f"{name}: {status} {body[:500]}")
    return {name: (statistics.median(times), size) for name, (times, size) in found.items()}


def kind(path):
    path = re.sub(r"[0-9a-f]{64}", "{digest}", path)
    path = re.sub(r"/(lists|participants|registry|operators|sources)/[^/?]+", r"/\1/{id}", path)
    path = re.sub(r"/\d+(?=[/?]|$)", "/{n}", path)
    return re.sub(r"=[^&]*", "=", path)


def pages(caller):
    """The heaviest address of each kind that links lead to."""
    queue, seen, counts, heaviest = ["/"], {"/"}, {}, {}
    for path in queue:
        name = kind(path)
        counts[name] = counts.get(name, 0) + 1
        if counts[name] > EACH:
            continue
        status, media_type, body = caller.ask(path, coding="identity")
        if status != 200 or not media_type.startswith("text/html"):
            continue
        heaviest[name] = max(heaviest.get(name, (0, "")), (len(body), path))
        for link in re.findall(r'<a[^>]* href="(/[^"#]*)', body.decode()):
            link = html.unescape(link)
            if link not in seen:
                seen.add(link)
                queue.append(link)
    return {name: path for name, (_, path) in sorted(heaviest.items())}


caller = Caller()
kinds = pages(caller)
peers = {path: next((re.sub(one, to, path) for one, to in DATA if re.fullmatch(one, path)), None) for path in kinds.values()}
asked = {path: {"path": path} for path in peers}
asked |= {path: {"path": path, "accept": "application/json"} for path in peers.values() if path}
pem = max((caller.ask(path, accept="*/*", coding="identity")[2] for path in (f"/v1{path}/ctl.pem" for path in kinds.values()
           if re.fullmatch(r"/lists/[^/]+", path))), key=len, default=None)
examined = {}
if pem:
    end = b"-----END CERTIFICATE-----\n"
    one = pem[pem.index(b"-----BEGIN"):pem.index(end) + len(end)]
    examined = {"/check with a root": one, f"/check with {pem.count(end)} roots": pem}
asked |= {name: {"path": "/check", "brought": brought} for name, brought in examined.items()}
found = measured(caller, asked)
print("| page | ms | KB on the wire | JSON, ms | JSON, KB | ratio |")
print("|---|---|---|---|---|---|")
for name, path in (kinds | {name: name for name in examined}).items():
    (own, size), peer = found[path], found.get(peers.get(path))
    words = f"{peer[0]:.1f} | {peer[1] / 1000:.1f} | {own / peer[0]:.2f}" if peer else "| | "
    print(f"| {name} | {own:.1f} | {size / 1000:.1f} | {words} |")
