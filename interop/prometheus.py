"""The real Prometheus against the running demo: `promtool check` and `test`, then a server that scrapes, loads the
rules, and is asked for every panel of every dashboard.

MAY_BE_EMPTY names the panels that have nothing to show in the demo, and why; every other panel must have data. Then a
fault is switched on in the demo's pretend PKIs, and what fires is looked at."""

import json
import os
import re
import subprocess
import time
import urllib.request
from pathlib import Path

import grafana
from common import WORK, fail, get, ok, remember, run, until
from scraper import SERVER, WATCHES, WEBHOOKS, ask, start

HERE = Path("dashboards")
CONTROL = os.environ["DEMO_CONTROL"]
# What an outage of OCSP responders may fire.
OUTAGE = {"ErrorBudgetBurnsFast", "ErrorBudgetBurnsSlowly", "ErrorBudgetSpent", "TargetUnanswered", "FindingPersists"}
PROMTOOL, AMTOOL = os.environ["PROMTOOL"], os.environ["AMTOOL"]
HOME = WORK / "prometheus"
# Dashboard and panel -> why it may be empty.
MAY_BE_EMPTY = {
    ("ctl-overview", "Incidents"): "nothing is wrong",
    ("ctl-overview", "Findings"): "nothing is wrong",
    ("ctl-overview", "Waiting"): "nobody waits",
    ("ctl-pki", "Findings"): "nothing is wrong",
    ("ctl-pki", "Why probes fail"): "nothing is wrong",
    ("ctl-pki", "TLS certificates"): "the demo's services speak plain HTTP",
    ("ctl-pki", "Responders' certificates"): "not every PKI delegates",
    ("ctl-target", "Findings"): "nothing is wrong",
    ("ctl-target", "What holds now"): "nothing is wrong",
    ("ctl-target", "Canaries"): "only OCSP responders have any",
    ("ctl-target", "CRL number"): "only CRLs have one",
    ("ctl-target", "CRL entries"): "only CRLs have any",
    ("ctl-lists", "Drafts"): "nothing waits",
    ("ctl-service", "Late probes"): "nothing is late",
    ("ctl-service", "Refused statements"): "nothing was refused",
    ("ctl-service", "Failed requests"): "nothing failed",
    ("ctl-service", "Attempts that failed"): "nothing failed",
}

def metrics():
    families = []
    for program in (SERVER, *WATCHES, WEBHOOKS):
        text = get(f"{program}/metrics")
        done = subprocess.run([PROMTOOL, "check", "metrics"], input=text, capture_output=True)
        if done.returncode or done.stdout.strip() or done.stderr.strip():
            fail(f"promtool check metrics of {program}: {done.stdout.decode()}{done.stderr.decode()}")
        families.append(text.decode().count("# TYPE "))
    ok(f"promtool has nothing to say against the metrics that server, watches and webhooks show now: {families}")


def rules():
    run(PROMTOOL, "check", "rules", HERE / "prometheus/rules.yml", HERE / "prometheus/alerts.yml",
        HERE / "prometheus/devices.yml")
    run(PROMTOOL, "check", "config", "--syntax-only", HERE / "prometheus/prometheus.yml")
    tests = sorted((HERE / "prometheus/tests").glob("*.yml"))
    for test in tests:
        run(PROMTOOL, "test", "rules", test)
    ok(f"promtool accepts the rules, and {len(tests)} files of scenarios come out as written")


def telling():
    """Who is told of what by the example for Alertmanager: the operator, and whom its [[tell]] names."""
    example = HERE / "prometheus/alertmanager.yml"
    run(AMTOOL, "check-config", example)
    for receivers, labels in [
            ("duty,alpha-pki,elector-1,elector-2", ["alertname=TargetUnanswered", "pki=alpha-pki", "kind=ocsp"]),
            ("duty,beta-pki,elector-1", ["alertname=ErrorBudgetBurnsFast", "pki=beta-pki", "kind=crl"]),
            ("duty,beta-pki", ["alertname=CrlExpiring", "pki=beta-pki", "kind=crl"]),
            ("duty", ["alertname=ServerDown", "job=ctl"]),
            ("duty", ["alertname=WatchDown", "job=ctl-watch"]),
            ("duty", ["alertname=WebhooksDown", "job=ctl-webhooks"])]:
        run(AMTOOL, "config", "routes", "test", f"--config.file={example}", f"--verify.receivers={receivers}", *labels)
    ok("amtool accepts the example for Alertmanager: operators are told of their own, and those whom the policy names")


def schema():
    boards = sorted((HERE / "grafana/dashboards").glob("*.json"))
    for board in boards:
        if wrong := grafana.mistakes(json.loads(board.read_text())):
            fail(f"{board} is not of Grafana's schema:\n" + "\n".join(wrong))
    # A check that finds nothing must be one that can find something.
    spoilt = json.loads(boards[0].read_text())
    panel = next(panel for panel in spoilt["panels"] if panel["type"] != "row")
    panel["fieldConfig"]["defaults"]["unitt"], panel["gridPos"]["w"] = "s", "4"
    if len(grafana.mistakes(spoilt)) != 2:
        fail("a spoilt dashboard passes for a whole one")
    ok(f"{len(boards)} dashboards are of Grafana's published schema")


def healthy(url):
    def look():
        targets = ask(url, "targets")["activeTargets"]
        remember(str(targets))
        up = [target for target in targets if target["health"] == "up"]
        return up if len(up) == 2 + len(WATCHES) else None
    targets = until("server, watches and webhooks to be scraped", look)
    ok(f"Prometheus scrapes the server, the watches and the webhooks: {len(targets)} targets up")

    def evaluated():
        loaded = [rule for group in ask(url, "rules")["groups"] for rule in group["rules"]]
        bad = [f"{rule['name']}: {rule.get('lastError')}" for rule in loaded if rule["health"] == "err"]
        if bad:
            fail("\n".join(bad))
        return loaded if all(rule["health"] == "ok" for rule in loaded) else None
    loaded = until("the rules to be evaluated", evaluated)
    wanted = sum((HERE / "prometheus" / name).read_text().count(word)
                 for name, word in (("rules.yml", "- record:"), ("alerts.yml", "- alert:")))
    if len(loaded) != wanted:
        fail(f"Prometheus has {len(loaded)} rules, the files {wanted}")
    ok(f"Prometheus has loaded and evaluated all {len(loaded)} rules")


def substitutions(url):
    """One choice for each variable, as somebody who opens a dashboard would make it."""
    # A scrape may come too late on a busy machine; the next one has them again.
    found = until("the targets", lambda: ask(url, "query", query='ctl_target_info{kind!="service"}')["result"] or None)
    ocsp = [series["metric"] for series in found if series["metric"]["kind"] == "ocsp"]
    if not ocsp:
        fail(f"no OCSP responder among what is watched: {found}")
    one = ocsp[0]
    return {"pki": one["pki"], "target": one["target"], "kind": ".*", "list": ".*",
                         "__rate_interval": "10s"}


def panels(url):
    variables = substitutions(url)
    asked, empty, used = 0, [], set()
    for file in sorted((HERE / "grafana/dashboards").glob("*.json")):
        board = json.loads(file.read_text())
        for panel in board["panels"]:
            key = (board["uid"], panel["title"])
            for query in panel.get("targets", []):
                expression = re.sub(r"\$(\w+)", lambda name: variables[name.group(1)], query["expr"])
                asked += 1

                def data():
                    return ask(url, "query", query=expression)["result"] or None
                result = data()
                if result is None and key not in MAY_BE_EMPTY:
                    # Some need two scrapes.
                    deadline = time.monotonic() + 60
                    while result is None and time.monotonic() < deadline:
                        time.sleep(0.5)
                        result = data()
                    if result is None:
                        empty.append(f"{key[0]}, {key[1]!r}: {expression}")
                if result is None:
                    used.add(key)
    if empty:
        fail("panels without data:\n" + "\n".join(empty))
    if stale := set(MAY_BE_EMPTY) - {(board["uid"], panel["title"]) for board in map(
            lambda file: json.loads(file.read_text()), (HERE / "grafana/dashboards").glob("*.json"))
            for panel in board["panels"]}:
        fail(f"there are no such panels: {stale}")
    ok(f"all {asked} queries of the dashboards are valid, and return data but for {len(used)} panels")


def firing(url):
    """The alerts that fire, by name and PKI."""
    found = ask(url, "alerts")["alerts"]
    fires = {(alert["labels"]["alertname"], alert["labels"].get("pki")) for alert in found
             if alert["state"] == "firing"}
    remember(f"firing: {sorted(fires, key=str)}")
    return fires


def switch(method, path=""):
    urllib.request.urlopen(urllib.request.Request(f"{CONTROL}/faults{path}", method=method), timeout=60).close()


def outage(url):
    """One PKI's responders fall silent; what fires is about that and nothing else, and once though two watches see it."""
    before = firing(url)
    if before:
        fail(f"while all is well there fire {before}")
    switch("PUT", "/aurora/ocsp/http_status")
    page = ("ErrorBudgetBurnsFast", "aurora")
    found = until("the outage to fire", lambda: (lambda fires: fires if page in fires else None)(firing(url)))
    # What belongs to it may come a little later; nothing else may come at all.
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found |= firing(url)
        time.sleep(0.5)
    if unrelated := {fires for fires in found if fires[1] != "aurora" or fires[0] not in OUTAGE}:
        fail(f"an outage of Aurora's OCSP responders fires also {unrelated}")
    both = ask(url, "query", query='count by (instance) (ctl_incidents_open{pki="aurora",kind="ocsp"} > 0)')["result"]
    pages = [alert["labels"] for alert in ask(url, "alerts")["alerts"]
             if alert["labels"]["alertname"] == page[0] and alert["labels"]["window"] == "1h"]
    if len(both) != len(WATCHES) or len(pages) != 1:
        fail(f"{len(both)} watches have an incident, and there fire {pages}")
    switch("DELETE")
    ok(f"all is well and nothing fires; an injected outage fires {', '.join(sorted({name for name, _ in found}))} "
       "for its PKI, once though both watches see it, and nothing else")


def discovery():
    groups = json.loads(get(f"{WATCHES[0]}/v1/targets/prometheus"))
    file = HOME / "targets.json"
    file.write_text(json.dumps(groups))
    (HOME / "blackbox.yml").write_text(f"""
scrape_configs:
  - job_name: blackbox
    metrics_path: /probe
    file_sd_configs: [{{files: ["{file}"]}}]
    relabel_configs:
      - {{source_labels: [__address__], target_label: __param_target}}
      - {{source_labels: [__param_target], target_label: instance}}
      - {{target_label: __address__, replacement: "127.0.0.1:9115"}}
""")
    said = run(PROMTOOL, "check", "config", HOME / "blackbox.yml")
    if not groups or any(set(group["labels"]) != {"pki", "kind", "__param_module"} for group in groups):
        fail(f"/v1/targets/prometheus: {groups}")
    if "SUCCESS" not in said.stdout:
        fail(f"promtool check config: {said.stdout}{said.stderr}")
    ok(f"Prometheus can discover {sum(len(group['targets']) for group in groups)} addresses for a blackbox exporter")


def main():
    metrics()
    rules()
    telling()
    schema()
    url = start(HOME)
    healthy(url)
    panels(url)
    discovery()
    outage(url)


main()
