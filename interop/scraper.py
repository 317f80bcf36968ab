"""A real Prometheus that scrapes the demo's server, watches and webhooks, with the rules and alerts of dashboards/, at short
intervals and on a port that the system picks."""

import json
import os
import re
import urllib.error
import urllib.parse
from pathlib import Path

from common import background, fail, get, until

RULES = Path("dashboards/prometheus")
SERVER = os.environ["DEMO_URL"]
WATCHES = [os.environ["DEMO_WATCH"], os.environ["DEMO_WATCH_SOUTH"]]
WEBHOOKS = os.environ["DEMO_WEBHOOKS"]


def start(home, *more, webhooks=()):
    """Prometheus in a new folder; `more` are addresses of further watches, `webhooks` of further webhooks. Gives its
    address."""
    home.mkdir()
    for name in ("rules.yml", "alerts.yml"):
        (home / name).write_text((RULES / name).read_text())
    jobs = "".join(
        f"  - job_name: {job}\n    static_configs: [{{targets: {json.dumps([place(url) for url in urls])}}}]\n"
        for job, urls in (("ctl", [SERVER]), ("ctl-watch", [*WATCHES, *more]), ("ctl-webhooks", [WEBHOOKS, *webhooks])))
    (home / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
        f"rule_files: [rules.yml, alerts.yml]\nscrape_configs:\n{jobs}")
    log = home / "log"
    process = background("prometheus", f"--config.file={home}/prometheus.yml", f"--storage.tsdb.path={home}/data",
                         "--web.listen-address=127.0.0.1:0", "--log.format=json", "--log.level=info", log=log)

    def listening():
        if process.poll() is not None:
            fail(f"{log}:\n{log.read_text()}")
        # First it logs what it was asked for, port 0, and then what it got.
        found = re.search(r'"address":"(127\.0\.0\.1:[1-9]\d*)"', log.read_text())
        return found and found.group(1)

    url = "http://" + until("Prometheus to listen", listening)
    until("Prometheus to be ready", lambda: ready(url))
    return url


def place(url):
    return urllib.parse.urlsplit(url).netloc


def ready(url):
    try:
        return get(f"{url}/-/ready")
    except (urllib.error.URLError, OSError):
        return None


def ask(url, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    try:
        return json.loads(get(f"{url}/api/v1/{path}?{query}"))["data"]
    except urllib.error.HTTPError as error:
        fail(f"Prometheus refuses {path} {parameters}: {error.read().decode()}")
