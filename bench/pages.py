"""pages.py URL PID ROUNDS: asks for each kind of page that links lead to, and for the JSON of the same things."""

import html
import http.client
import os
import re
import sys
import urllib.parse

ADDRESS, PID, ROUNDS = urllib.parse.urlsplit(sys.argv[1]), sys.argv[2], int(sys.argv[3])
# Of each kind so many are looked at; the heaviest is measured.
EACH = 5
# Where the JSON is that says what a page says.
DATA = [(r"/lists/([^/]+)", r"/v1/lists/\1"), (r"/lists/([^/]+)/versions/(\d+)", r"/v1/lists/\1/versions/\2"),
        (r"/lists/([^/]+)/changes(\?.*)", r"/v1/lists/\1/diff\2"), (r"/lists/([^/]+)/reach", r"/v1/lists/\1/interop"),
        (r"/certificates/([0-9a-f]+)", r"/v1/anchors/\1"), (r"/(applications|proposals|participants)(/[^?]+)?", r"/v1/\1\2"),
        (r"/registry", "/v1/registry/mo"), (r"/registry/([^/?]+)", r"/v1/registry/mo/\1"), (r"/promises", "/v1/sla/governance")]
TICKS = os.sysconf("SC_CLK_TCK")


class Caller:
    def __init__(self):
        self.connection = http.client.HTTPConnection(ADDRESS.hostname, ADDRESS.port, timeout=120)

    def get(self, path, accept="text/html", coding="gzip"):
        self.connection.request("GET", path, headers={"Accept": accept, "Accept-Encoding": coding})
        answer = self.connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()


def processor():
    with open(f"/proc/{PID}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cost(caller, path, accept):
    """Milliseconds of the server's processor time for one answer, and the answer's bytes."""
    status, _, body = caller.get(path, accept)
    if status != 200:
        return None, None
    began = processor()
    for _ in range(ROUNDS):
        caller.get(path, accept)
    return 1000 * (processor() - began) / ROUNDS, len(body)


def kind(path):
    path = re.sub(r"[0-9a-f]{64}", "{digest}", path)
    path = re.sub(r"/(lists|participants|registry)/[^/?]+", r"/\1/{id}", path)
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
        status, media_type, body = caller.get(path, coding="identity")
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
print("| page | KB on the wire | ms | JSON, KB | JSON, ms | ratio |")
print("|---|---|---|---|---|---|")
for name, path in pages(caller).items():
    milliseconds, size = cost(caller, path, "text/html")
    data = next((re.sub(pattern, to, path) for pattern, to in DATA if re.fullmatch(pattern, path)), None)
    json_ms, json_size = cost(caller, data, "application/json") if data else (None, None)
    peer = f"{json_size / 1000:.1f} | {json_ms:.1f} | {milliseconds / max(json_ms, 0.1):.2f}" if json_size else "| | "
    print(f"| {name.replace('|', '')} | {size / 1000:.1f} | {milliseconds:.1f} | {peer} |")
