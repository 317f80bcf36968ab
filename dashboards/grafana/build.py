#!/usr/bin/env python3
"""Writes the dashboards in dashboards/ from their panels below, so that units, thresholds and variables are the same
everywhere. With --check nothing is written: it says whether the files are what this would write."""

import json
import sys
from pathlib import Path

FOLDER = Path(__file__).parent / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GREEN, YELLOW, RED, BLUE = "green", "yellow", "red", "blue"
DAY = 86400


def steps(first, *rest):
    """Thresholds: a colour, then pairs of a value and the colour from there on."""
    return {"mode": "absolute", "steps": [{"color": first, "value": None}] +
            [{"color": color, "value": value} for value, color in rest]}


PLAIN = steps(BLUE)
FAULTS = steps(GREEN, (1, RED))
BUDGET = steps(RED, (0, YELLOW), (0.5, GREEN))
BURN = steps(GREEN, (1, YELLOW), (6, RED))
SOON = steps(RED, (0, YELLOW), (14 * DAY, GREEN))
ROOTS = steps(RED, (90 * DAY, YELLOW), (730 * DAY, GREEN))
HOURS = steps(RED, (0, YELLOW), (8 * 3600, GREEN))
SLOW = steps(GREEN, (1, YELLOW), (10, RED))
ALIVE = steps(GREEN, (60, YELLOW), (300, RED))
FULL = steps(GREEN, (0.8, YELLOW), (0.9, RED))


def query(expr, legend="", ref="A", instant=False, table=False):
    return {"refId": ref, "expr": " ".join(expr.split()), "legendFormat": legend, "instant": instant,
            "range": not instant, "format": "table" if table else "time_series", "datasource": SOURCE}


class Board:
    """A dashboard, filled from left to right."""

    def __init__(self, uid, title, description, variables, span="now-6h", links=True):
        self.panels, self.x, self.y, self.row_height = [], 0, 0, 0
        self.document = {
            "uid": uid, "title": title, "description": description, "tags": ["ctl"], "timezone": "utc",
            "editable": False, "graphTooltip": 1, "refresh": "30s", "schemaVersion": 39, "version": 1,
            "time": {"from": span, "to": "now"}, "fiscalYearStartMonth": 0, "liveNow": False, "weekStart": "",
            "timepicker": {},
            "annotations": {"list": [{
                "name": "Alerts", "enable": True, "hide": False, "iconColor": RED, "datasource": SOURCE,
                "expr": 'ALERTS{alertstate="firing",severity="page"}'}]},
            "links": [{"type": "dashboards", "title": "Dashboards", "tags": ["ctl"], "asDropdown": True,
                       "includeVars": True, "keepTime": True, "icon": "external link", "targetBlank": False,
                       "tooltip": "", "url": ""}],
            "templating": {"list": [{
                "name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus",
                "hide": 0, "skipUrlSync": False, "multi": False, "includeAll": False, "refresh": 1, "regex": "",
                "options": [], "current": {}}] + variables},
        }

    def row(self, title):
        self.x, self.y = 0, self.y + self.row_height
        self.row_height = 0
        self.panels.append({"id": len(self.panels) + 1, "type": "row", "title": title, "collapsed": False,
                            "gridPos": {"h": 1, "w": 24, "x": 0, "y": self.y}, "panels": []})
        self.y += 1

    def add(self, kind, title, description, queries, unit, thresholds, width, height, options, custom=None,
            decimals=None, overrides=(), transformations=None, mappings=(), low=None, high=None):
        if self.x + width > 24:
            self.x, self.y, self.row_height = 0, self.y + self.row_height, 0
        defaults = {"unit": unit, "thresholds": thresholds, "mappings": list(mappings), "custom": custom or {},
                    "color": {"mode": "palette-classic" if kind == "timeseries" else "thresholds"}}
        for name, value in (("decimals", decimals), ("min", low), ("max", high)):
            if value is not None:
                defaults[name] = value
        panel = {"id": len(self.panels) + 1, "type": kind, "title": title, "description": description,
                 "datasource": SOURCE, "targets": queries, "options": options,
                 "gridPos": {"h": height, "w": width, "x": self.x, "y": self.y},
                 "fieldConfig": {"defaults": defaults, "overrides": list(overrides)}}
        if transformations:
            panel["transformations"] = transformations
        self.panels.append(panel)
        self.x, self.row_height = self.x + width, max(self.row_height, height)

    def stat(self, title, description, expr, unit="short", thresholds=PLAIN, width=4, height=4, legend="",
             decimals=None, mappings=(), text="auto"):
        options = {"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto",
                   "textMode": text, "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        self.add("stat", title, description, [query(expr, legend, instant=True)], unit, thresholds, width, height,
                 options, decimals=decimals, mappings=mappings)

    def lines(self, title, description, *queries, unit="short", thresholds=PLAIN, width=12, height=8, stack=False,
              low=None, high=None, decimals=None):
        custom = {"drawStyle": "line", "lineInterpolation": "linear", "lineWidth": 1, "showPoints": "never",
                  "spanNulls": False, "fillOpacity": 30 if stack else 5,
                  "stacking": {"mode": "normal" if stack else "none", "group": "A"},
                  "thresholdsStyle": {"mode": "off" if thresholds is PLAIN else "line"}}
        options = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                   "tooltip": {"mode": "multi", "sort": "desc"}}
        built = [query(expr, legend, ref=chr(65 + place)) for place, (expr, legend) in enumerate(queries)]
        self.add("timeseries", title, description, built, unit, thresholds, width, height, options, custom, low=low,
                 high=high, decimals=decimals)

    def bars(self, title, description, expr, legend, unit, thresholds, width=12, height=8, low=None, high=None):
        options = {"displayMode": "basic", "orientation": "horizontal", "showUnfilled": True, "minVizWidth": 0,
                   "minVizHeight": 10, "valueMode": "color",
                   "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
        self.add("bargauge", title, description, [query(expr, legend, instant=True)], unit, thresholds, width,
                 height, options, low=low, high=high)

    def heat(self, title, description, expr, width=12, height=8):
        panel_query = query(expr, "{{le}}")
        panel_query["format"] = "heatmap"
        options = {"calculate": False, "yAxis": {"axisPlacement": "left", "unit": "s"},
                   "color": {"mode": "scheme", "scheme": "Oranges", "steps": 64, "reverse": False,
                             "exponent": 0.5, "fill": "dark-orange"},
                   "cellGap": 1, "legend": {"show": True}, "showValue": "never",
                   "tooltip": {"mode": "single", "yHistogram": False}, "filterValues": {"le": 1e-9},
                   "rowsFrame": {"layout": "auto"}, "exemplars": {"color": "rgba(255,0,255,0.7)"}}
        self.add("heatmap", title, description, [panel_query], "s", PLAIN, width, height, options)

    def table(self, title, description, queries, columns, width=24, height=9, sort=None):
        """`columns`: label or Value -> (name, unit, thresholds); what is not among them is hidden."""
        built = [query(expr, ref=chr(65 + place), instant=True, table=True) for place, expr in enumerate(queries)]
        many = len(queries) > 1
        rename = {field: name for field, (name, _, _) in columns.items()}
        order = {field: place for place, field in enumerate(columns)}
        hidden = {field: True for field in ("Time", "__name__", "instance", "job", "statistic") if field not in columns}
        transformations = [{"id": "merge", "options": {}}] if many else []
        transformations.append({"id": "organize", "options": {
            "renameByName": rename, "indexByName": order, "excludeByName": hidden}})
        overrides = []
        for name, unit, thresholds in columns.values():
            if unit is not None:
                properties = [{"id": "unit", "value": unit}]
                if thresholds is not None:
                    properties += [{"id": "thresholds", "value": thresholds},
                                   {"id": "custom.cellOptions", "value": {"type": "color-text"}}]
                overrides.append({"matcher": {"id": "byName", "options": name}, "properties": properties})
        options = {"showHeader": True, "sortBy": [{"displayName": sort[0], "desc": sort[1]}] if sort else []}
        self.add("table", title, description, built, "short", PLAIN, width, height, options,
                 {"align": "auto", "filterable": True}, overrides=overrides, transformations=transformations)

    def text(self):
        document = dict(self.document, panels=self.panels)
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def variable(name, label, metric, own, multi=False, every=False):
    definition = f"label_values({metric}, {own})"
    return {"name": name, "label": label, "type": "query", "datasource": SOURCE,
            "query": {"query": definition, "refId": f"variable-{name}"}, "refresh": 2, "sort": 1, "hide": 0,
            "skipUrlSync": False, "multi": multi, "includeAll": every, "regex": "", "options": [],
            "current": {"text": "All", "value": "$__all"} if every else {}, **({"allValue": ".*"} if every else {})}


KINDS = variable("kind", "Kind", 'ctl_targets{pki=~"$pki"}', "kind", multi=True, every=True)
HOLDING = [{"type": "value", "options": {"0": {"text": "wrong", "color": RED, "index": 0},
                                         "1": {"text": "good", "color": GREEN, "index": 1}}}]
YES = [{"type": "value", "options": {"0": {"text": "no", "color": RED, "index": 0},
                                     "1": {"text": "yes", "color": GREEN, "index": 1}}}]
PKI = 'pki=~"$pki"'
BOTH = 'pki=~"$pki",kind=~"$kind"'
ONE = 'pki="$pki",target="$target"'


def each_once(metric, labels):
    """A sum of numbers that every watch has of every PKI and kind, of each those of one watch."""
    return f"sum(max by (pki, kind) ({metric}{{{labels}}}))"


def not_good(labels):
    """How many targets some watch did not find good."""
    return (f"count(count by (pki, kind, target) (ctl_target_info{{{labels}}} "
            f"unless on (instance, pki, kind, target) (ctl_probe_good{{{labels}}} == 1))) or vector(0)")


def overview():
    board = Board("ctl-overview", "PKIs at a glance",
                  "For the governance body: how every PKI keeps what was promised, what is open, what ends soon.",
                  [variable("pki", "PKI", "ctl_targets", "pki", multi=True, every=True)], "now-30d")
    board.row("Now")
    board.stat("PKIs watched", "PKIs with at least one service that is watched.",
               f'count(count by (pki) (ctl_targets{{{PKI},kind!="service"}}))')
    board.stat("Services watched", "Targets of all kinds: OCSP, CRL, caIssuers, EST, root pools, endpoints.",
               each_once("ctl_targets", PKI))
    board.stat("Open incidents", "Incidents that are not over, of each kind of services those of the watch that has "
               "most.", each_once("ctl_incidents_open", PKI), thresholds=FAULTS)
    board.stat("Open breaches", "Open incidents that have been bad for so long that they are breaches, counted like "
               "incidents.", each_once("ctl_breaches_open", PKI), thresholds=FAULTS)
    board.stat("Not answering or wrong", "Targets whose last probe by some watch was not good.", not_good(PKI),
               thresholds=FAULTS)
    board.stat("Lists overdue", "Lists whose next update has passed.",
               "count(ctl_list_next_update_timestamp_seconds < time()) or vector(0)", thresholds=FAULTS)
    board.row("What was promised")
    board.bars("Error budget left", "What is left of the error budget of the last 30 days, by PKI and kind of "
               "service, by the watch that saw most fail: 100 % untouched, 0 % used up, below it the objective is "
               "missed.",
               f"min by (pki, kind) (ctl_sla_error_budget_remaining_ratio{{{PKI}}})", "{{pki}} {{kind}}", "percentunit",
               BUDGET, low=-1,
               high=1)
    board.table("Service levels", "Share of good probes of the last 30 days beside the objective, by each watch.",
                [f"ctl_sla_good_probes{{{PKI}}} / ctl_sla_valid_probes{{{PKI}}}",
                 f"ctl_sla_objective_ratio{{{PKI}}}", f"ctl_sla_valid_probes{{{PKI}}}",
                 f"ctl_sla_error_budget_remaining_ratio{{{PKI}}}"],
                {"pki": ("PKI", None, None), "kind": ("Kind", None, None), "instance": ("Watch", None, None),
                 "Value #A": ("Good, 30 days", "percentunit", None), "Value #B": ("Objective", "percentunit", None),
                 "Value #C": ("Probes", "short", None), "Value #D": ("Budget left", "percentunit", BUDGET)},
                width=12, height=8, sort=("Budget left", False))
    board.lines("How fast the budget burns", "1 means that the budget lasts exactly for its 30 days; the page alert "
                "begins at 14.4 over an hour or 6 over six. The worst of the watches.",
                (f"max by (pki, kind) (instance_pki_kind:ctl_error_budget_burn:rate1h{{{PKI}}})", "{{pki}} {{kind}}"),
                thresholds=BURN, low=0)
    board.lines("Good probes", "Share of good probes over an hour, by PKI, of all watches together.",
                (f"1 - sum by (pki) (instance_pki_kind:ctl_probes_failed:rate1h{{{PKI}}}) "
                 f"/ sum by (pki) (instance_pki_kind:ctl_probes:rate1h{{{PKI}}})", "{{pki}}"), unit="percentunit",
                high=1)
    board.row("What is open")
    board.table("Incidents", "Targets that have an incident now, with the time since its first bad probe.",
                [f"max by (pki, kind, target) (time() - ctl_incident_started_timestamp_seconds{{{PKI}}})"],
                {"pki": ("PKI", None, None), "kind": ("Kind", None, None), "target": ("Service", None, None),
                 "Value": ("For", "dtdurations", None)}, width=12, sort=("For", True))
    board.table("Findings", "Every reason that holds now, and for how long.",
                ["max by (pki, kind, target, reason, severity) "
                 f'(time() - ctl_finding_timestamp_seconds{{{PKI},severity=~"error|warning"}})'],
                {"pki": ("PKI", None, None), "kind": ("Kind", None, None), "target": ("Service", None, None),
                 "reason": ("Reason", None, None), "severity": ("Weight", None, None),
                 "Value": ("For", "dtdurations", None)}, width=12, sort=("For", True))
    board.row("What the governance promises")
    board.table("Waiting", "How many applications and requests wait now, for what, and how long the oldest of them has.",
                [f"ctl_promise_waiting{{{PKI}}} > 0", f"ctl_promise_waiting_longest_seconds{{{PKI}}}"],
                {"pki": ("PKI", None, None), "promise": ("For", None, None), "Value #A": ("How many", "short", None),
                 "Value #B": ("The oldest", "dtdurations", None)}, width=12, height=8, sort=("The oldest", True))
    board.table("Waited", "How long each PKI waited for the governance, and let others wait for a cross-certificate: "
                "fair treatment is equal waits.",
                [f'ctl_promise_wait_seconds{{{PKI},statistic="median"}}',
                 f'ctl_promise_wait_seconds{{{PKI},statistic="longest"}}'],
                {"pki": ("PKI", None, None), "promise": ("For", None, None),
                 "Value #A": ("Median", "dtdurations", None), "Value #B": ("Longest", "dtdurations", None)},
                width=12, height=8, sort=("Longest", True))
    board.row("What ends")
    board.table("Roots and sub-CAs", "Time until CA certificates on the lists end. Roots want two years of notice.",
                [f"min by (pki, list, level, certificate) (ctl_ca_not_after_timestamp_seconds{{{PKI}}} - time())"],
                {"pki": ("PKI", None, None), "list": ("List", None, None), "level": ("Level", None, None),
                 "certificate": ("SHA-256", None, None), "Value": ("Ends in", "dtdurations", ROOTS)}, width=12,
                sort=("Ends in", False))
    board.table("CRLs and OCSP responses", "Time until nextUpdate of what was last believed, by the watch that has the "
                "oldest.",
                [f"min by (pki, kind, target) (ctl_revocation_next_update_timestamp_seconds{{{PKI}}} - time())"],
                {"pki": ("PKI", None, None), "kind": ("Kind", None, None), "target": ("Service", None, None),
                 "Value": ("Ends in", "dtdurations", HOURS)}, width=12, sort=("Ends in", False))
    return board


def pki():
    board = Board("ctl-pki", "One PKI", "Everything about the services of one PKI.",
                  [variable("pki", "PKI", "ctl_targets", "pki"), KINDS], "now-24h")
    board.row("Now")
    board.stat("Targets", "Targets that are watched.", each_once("ctl_targets", BOTH))
    board.stat("Good now", "Targets whose last probe got a conforming answer, by every watch.",
               f"{each_once('ctl_targets', BOTH)} - ({not_good(BOTH)})", thresholds=steps(GREEN))
    board.stat("Wrong now", "Targets whose last probe by some watch got an answer with an error.",
               f"count(min by (pki, kind, target) (ctl_probe_good{{{BOTH}}}) == 0) or vector(0)", thresholds=FAULTS)
    board.stat("Not answering", "Targets whose last probe by some watch got no answer, or that it did not probe yet.",
               f"count(count by (pki, kind, target) (ctl_target_info{{{BOTH}}} "
               f"unless on (instance, pki, kind, target) ctl_probe_good{{{BOTH}}})) or vector(0)", thresholds=FAULTS)
    board.stat("Open incidents", "Incidents that are not over, of each kind of services those of the watch that has "
               "most.", each_once("ctl_incidents_open", BOTH), thresholds=FAULTS)
    board.stat("Budget left", "The smallest error budget among the kinds of services and the watches.",
               f"min(ctl_sla_error_budget_remaining_ratio{{{BOTH}}})", "percentunit", BUDGET, decimals=1)
    board.row("Answers")
    board.lines("How probes end", "Probes a second of all watches, by how they end; excused ones fell into announced "
                "maintenance.",
                (f"sum by (result) (rate(ctl_probes_total{{{BOTH}}}[$__rate_interval]))", "{{result}}"), unit="ops",
                stack=True, low=0)
    board.lines("Why probes fail", "Findings a second of all watches, by reason; one probe may find several.",
                (f"sum by (kind, reason) (rate(ctl_probe_findings_total{{{BOTH}}}[$__rate_interval]))",
                 "{{kind}} {{reason}}"), unit="ops", low=0)
    board.lines("How fast the budget burns", "1 means that the budget lasts exactly for its 30 days. The worst of the "
                "watches.",
                *[(f"max by (kind) (instance_pki_kind:ctl_error_budget_burn:rate{window}{{{BOTH}}})",
                   "{{kind}} " + name) for window, name in (("5m", "5 min"), ("1h", "1 h"), ("6h", "6 h"))], thresholds=BURN, low=0)
    board.lines("Response time", "Median, 95th and 99th percentile of the probes that got an answer. Over 10 s is "
                "no good answer.",
                *[(f"histogram_quantile({q}, sum by (kind, le) (rate(ctl_probe_duration_seconds_bucket{{{BOTH}}}"
                   "[$__rate_interval])))", "{{kind}} " + name)
                  for q, name in ((0.5, "median"), (0.95, "95 %"), (0.99, "99 %"))], unit="s", thresholds=SLOW,
                low=0)
    board.row("Services")
    board.table("Services", "Each service with its last answer, by the watch to which it looks worst. No value under "
                "Answer means that none had an answer.",
                [f"max by (kind, target, id) (ctl_target_info{{{BOTH}}})",
                 f"min by (kind, target) (ctl_probe_good{{{BOTH}}})",
                 f"max by (kind, target) (time() - ctl_probe_last_answer_timestamp_seconds{{{BOTH}}})",
                 f"max by (kind, target) (ctl_probe_last_duration_seconds{{{BOTH}}})",
                 f"min by (kind, target) (ctl_revocation_next_update_timestamp_seconds{{{BOTH}}} - time())",
                 f"min by (kind, target) (ctl_tls_not_after_timestamp_seconds{{{BOTH}}} - time())"],
                {"kind": ("Kind", None, None), "target": ("Service", None, None), "id": ("Id", None, None),
                 "Value #B": ("Answer (1 good, 0 wrong)", "short", steps(RED, (1, GREEN))),
                 "Value #C": ("Answered before", "dtdurations", ALIVE), "Value #D": ("Took", "s", SLOW),
                 "Value #E": ("nextUpdate in", "dtdurations", HOURS),
                 "Value #F": ("TLS ends in", "dtdurations", SOON)}, sort=("Service", False))
    board.table("Findings", "Every reason that holds now, and for how long.",
                [f"max by (kind, target, reason, family, severity) (time() - ctl_finding_timestamp_seconds{{{BOTH}}})"],
                {"kind": ("Kind", None, None), "target": ("Service", None, None), "reason": ("Reason", None, None),
                 "family": ("About", None, None), "severity": ("Weight", None, None),
                 "Value": ("For", "dtdurations", None)}, sort=("For", True))
    board.row("Freshness")
    board.lines("Time until nextUpdate", "A saw-tooth that never reaches zero is how it should look.",
                (f"min by (kind, target) (ctl_revocation_next_update_timestamp_seconds{{{BOTH}}} - time())",
                 "{{kind}} {{target}}"),
                unit="s", thresholds=HOURS)
    board.lines("CRL entries", "Entries of the CRLs; a jump is a mass revocation or an accident.",
                (f"max by (target) (ctl_crl_entries{{{PKI}}})", "{{target}}"), low=0)
    board.lines("TLS certificates", "Time until the TLS certificates of the services end.",
                (f"min by (target) (ctl_tls_not_after_timestamp_seconds{{{BOTH}}} - time())", "{{target}}"), unit="s",
                thresholds=SOON)
    board.lines("Responders' certificates", "Time until the certificates of delegated OCSP responders end.",
                (f"min by (target) (ctl_ocsp_delegate_not_after_timestamp_seconds{{{BOTH}}} - time())", "{{target}}"),
                unit="s", thresholds=SOON)
    return board


def target():
    board = Board("ctl-target", "One service", "One OCSP responder, CRL or endpoint, as each watch sees "
                  "it.",
                  [variable("pki", "PKI", "ctl_targets", "pki"),
                   variable("target", "Service", 'ctl_target_info{pki="$pki"}', "target")], "now-6h")
    board.row("Now")
    board.stat("Last answer", "Whether the last answer was conforming; empty while there is none.",
               f"ctl_probe_good{{{ONE}}}", mappings=HOLDING, legend="{{instance}}")
    board.stat("Answered before", "Time since the last probe that got an answer.",
               f"time() - ctl_probe_last_answer_timestamp_seconds{{{ONE}}}", "dtdurations", ALIVE,
               legend="{{instance}}")
    board.stat("Good before", "Time since the last probe that got a conforming answer.",
               f"time() - ctl_probe_last_good_timestamp_seconds{{{ONE}}}", "dtdurations", ALIVE, legend="{{instance}}")
    board.stat("Probed before", "Time since the last probe, however it ended.",
               f"time() - ctl_probe_last_timestamp_seconds{{{ONE}}}", "dtdurations", ALIVE, legend="{{instance}}")
    board.stat("nextUpdate in", "Time until the last believed OCSP response or CRL ends.",
               f"ctl_revocation_next_update_timestamp_seconds{{{ONE}}} - time()", "dtdurations", HOURS,
               legend="{{instance}}")
    board.stat("Good, 24 hours", "Share of good probes of the last 24 hours, announced maintenance left out.",
               f'sum by (instance) (increase(ctl_probes_total{{{ONE},result="good"}}[24h])) '
               f'/ sum by (instance) (increase(ctl_probes_total{{{ONE},result!="excused"}}[24h]))', "percentunit",
               steps(RED, (0.99, YELLOW), (0.999, GREEN)), decimals=3, legend="{{instance}}")
    board.row("Probes")
    board.lines("How probes end", "Probes a minute, by how they end; excused ones fell into announced maintenance.",
                (f"60 * sum by (instance, result) (rate(ctl_probes_total{{{ONE}}}[$__rate_interval]))",
                 "{{instance}} {{result}}"), stack=True, low=0)
    board.lines("Findings", "Probes a minute that found a reason.",
                (f"60 * sum by (instance, reason) (rate(ctl_probe_findings_total{{{ONE}}}[$__rate_interval]))",
                 "{{instance}} {{reason}}"), low=0)
    board.lines("Response time", "Time that the main exchange of the last probe took; a gap is no answer.",
                (f"ctl_probe_last_duration_seconds{{{ONE}}}", "{{instance}}"), unit="s", thresholds=SLOW, low=0)
    board.lines("Clock", "How far the clock of the service is ahead of the watch's.",
                (f"ctl_service_clock_offset_seconds{{{ONE}}}", "{{instance}}"), unit="s")
    board.table("What holds now", "Every reason that holds now, and for how long.",
                [f"time() - ctl_finding_timestamp_seconds{{{ONE}}}"],
                {"instance": ("Watch", None, None), "reason": ("Reason", None, None), "family": ("About", None, None),
                 "severity": ("Weight", None, None), "Value": ("For", "dtdurations", None)}, width=12, height=8,
                sort=("For", True))
    board.table("Canaries", "What the OCSP responder says of the certificates it is asked about: 1 revoked, 0 good. "
                "Empty without an answer.", [f"ctl_canary_revoked{{{ONE}}}"],
                {"instance": ("Watch", None, None), "issuer": ("Issuer's key", None, None),
                 "serial": ("Serial number", None, None),
                 "Value": ("Revoked", "short", None)}, width=12, height=8)
    board.row("What it says")
    board.lines("Age and end", "Time since thisUpdate, and until nextUpdate.",
                (f"time() - ctl_revocation_this_update_timestamp_seconds{{{ONE}}}", "{{instance}} since thisUpdate"),
                (f"ctl_revocation_next_update_timestamp_seconds{{{ONE}}} - time()", "{{instance}} until nextUpdate"),
                unit="s")
    board.lines("Size", "Bytes of the answer's body.", (f"ctl_answer_bytes{{{ONE}}}", "{{instance}}"), unit="bytes",
                low=0)
    board.lines("CRL number", "Grows with every CRL.", (f"ctl_crl_number{{{ONE}}}", "{{instance}}"), decimals=0)
    board.lines("CRL entries", "Revoked certificates in the CRL.", (f"ctl_crl_entries{{{ONE}}}", "{{instance}}"), low=0)
    return board


def lists():
    board = Board("ctl-lists", "Lists and fleet", "What is published, what waits for signatures, and what the fleet "
                  "fetches.", [variable("list", "List", "ctl_list_sequence", "list", multi=True, every=True)],
                  "now-7d")
    named = 'list=~"$list"'
    board.row("Lists")
    board.stat("Version", "Sequence of the version published last.", f"ctl_list_sequence{{{named}}}",
               legend="{{list}}", width=6)
    board.stat("Next update in", "Time until devices expect a newer version.",
               f"ctl_list_next_update_timestamp_seconds{{{named}}} - time()", "dtdurations", SOON, width=6,
               legend="{{list}}")
    board.stat("Published", "Time since the last version was published.",
               f"time() - ctl_list_published_timestamp_seconds{{{named}}}", "dtdurations", width=6,
               legend="{{list}}")
    board.stat("Drafts that wait", "Drafts that wait for people's signatures.",
               "count(ctl_draft_opened_timestamp_seconds) or vector(0)", width=6, thresholds=steps(GREEN, (1, YELLOW)))
    board.lines("Anchors", "Anchors by the status that counts now, notices included.",
                (f"ctl_anchors{{{named}}}", "{{list}} {{status}}"), stack=True, low=0)
    board.table("Metadata", "Time until the published metadata of each role expires. The server renews snapshot and "
                "timestamp itself; the rest is people's work.",
                ["ctl_metadata_expires_timestamp_seconds - time()", "time() - ctl_metadata_signed_timestamp_seconds"],
                {"role": ("Role", None, None), "Value #A": ("Expires in", "dtdurations", HOURS),
                 "Value #B": ("Signed before", "dtdurations", None)}, width=12, height=8, sort=("Expires in", False))
    board.table("Drafts", "What waits for signatures, and for how long.",
                ["time() - ctl_draft_opened_timestamp_seconds"],
                {"role": ("Role", None, None), "Value": ("Waits", "dtdurations", None)}, width=12, height=8,
                sort=("Waits", True))
    board.table("Roots", "Time until the roots on the lists end.",
                ["min by (list, pki, certificate) "
                 f'(ctl_ca_not_after_timestamp_seconds{{{named},level="root"}} - time())'],
                {"list": ("List", None, None), "pki": ("PKI", None, None), "certificate": ("SHA-256", None, None),
                 "Value": ("Ends in", "dtdurations", ROOTS)}, width=12, height=8, sort=("Ends in", False))
    board.table("Calendar", "The next of each kind that ends or is due. The portal's page /calendar has all of them.",
                ["min by (kind, list, subject) (ctl_due_timestamp_seconds - time())"],
                {"kind": ("Kind", None, None), "list": ("List", None, None), "subject": ("Of", None, None),
                 "Value": ("Due in", "dtdurations", SOON)}, width=24, height=8, sort=("Due in", False))
    board.row("Fleet")
    board.lines("What the fleet fetches", "Requests a second for what is static: metadata, targets, lists, log.",
                ('sum by (route) (rate(ctl_http_requests_total{job="ctl",route!~"/v1/.*|/healthz|/readyz|/metrics|unknown"}'
                 '[$__rate_interval]))', "{{route}}"), unit="reqps", low=0)
    board.lines("Not modified", "Share of requests that only asked whether there is something new.",
                ('sum(rate(ctl_http_requests_total{job="ctl",status="304"}[$__rate_interval])) '
                 '/ sum(rate(ctl_http_requests_total{job="ctl",status=~"200|304"}[$__rate_interval]))', "304"),
                unit="percentunit", low=0, high=1)
    return board


def service():
    board = Board("ctl-service", "The service itself", "Whether the trust list manager lives up to its own promises, "
                  "and whether the watch watches.", [], "now-6h")
    board.row("Now")
    board.stat("Up", "Whether Prometheus reaches the server, the watches and the webhooks.",
               'up{job=~"ctl|ctl-watch|ctl-webhooks"}',
               mappings=YES, legend="{{job}} {{instance}}")
    board.stat("Writable", "Whether statements are accepted.", "ctl_ledger_writable", mappings=YES,
               legend="{{instance}}")
    board.stat("Release", "The release that runs, and the newest rules that it knows.", "ctl_build_info", legend="{{version}}, rules {{rules}}", text="name")
    board.stat("Entries not published", "Entries of the ledger that the served checkpoint does not cover.",
               "ctl_ledger_entries - ctl_checkpoint_entries", thresholds=FAULTS)
    board.stat("Targets not probed", "Targets without a probe by some watch for ten of their periods, or without any.",
               "(count(count by (pki, kind, target) (time() - ctl_probe_last_timestamp_seconds "
               "> 10 * ctl_target_probe_period_seconds)) or vector(0)) + (count(count by (pki, kind, target) "
               "(ctl_target_info unless on (instance, pki, kind, target) ctl_probe_last_timestamp_seconds)) or vector(0))",
               thresholds=FAULTS)
    board.stat("Own clock", "Half of all services tell a time that differs by so much.",
               "quantile by (instance) (0.5, ctl_service_clock_offset_seconds)", "s",
               steps(YELLOW, (-30, GREEN), (30, RED)), legend="{{instance}}")
    board.row("The watches")
    board.stat("Follows the scheme", "Whether the last look of each watch at the scheme brought a log that holds.",
               "ctl_watch_following", mappings=YES, legend="{{instance}}", width=8)
    board.stat("Claims recorded", "Whether all breaches and reports that are due from each watcher are in the log; "
               "nothing of a watch without a key.", "1 - ctl_watch_unrecorded", mappings=YES, legend="{{instance}}",
               width=8)
    board.stat("Damaged histories", "Databases of the history that were found damaged and moved away.",
               "ctl_watch_store_damaged", legend="{{instance}}", width=8, thresholds=FAULTS)
    board.lines("Probes", "Probes a second, by watch and kind.",
                ("sum by (instance, kind) (rate(ctl_probes_total[$__rate_interval]))", "{{instance}} {{kind}}"),
                unit="ops", stack=True, low=0)
    board.lines("Late probes", "Probes a second that overran or were missed.",
                ('sum by (instance, kind, reason) (rate(ctl_probe_findings_total{reason=~"probe_overrun|probe_missed"}'
                 '[$__rate_interval]))', "{{instance}} {{kind}} {{reason}}"), unit="ops", low=0)
    board.lines("Phases of probes", "95th percentile of each phase of the main exchange, over all kinds.",
                ("histogram_quantile(0.95, sum by (phase, le) (rate(ctl_probe_phase_duration_seconds_bucket"
                 "[$__rate_interval])))", "{{phase}}"), unit="s", low=0)
    board.heat("Response times of all services", "How many probes took how long.",
               "sum by (le) (increase(ctl_probe_duration_seconds_bucket[$__rate_interval]))")
    board.lines("Store of observations", "Bytes used, and the bound.",
                ("ctl_watch_store_bytes", "{{instance}} used"),
                ("ctl_watch_store_limit_bytes", "{{instance}} bound"), unit="bytes", low=0)
    board.lines("Memory of answers", "Bytes of bodies and of what is kept of them, and the bound: of listed services, "
                "and of those that only applications name.",
                ("ctl_watch_held_bytes", "{{instance}} {{of}}"),
                ("ctl_watch_held_limit_bytes", "{{instance}} bound {{of}}"), unit="bytes", low=0)
    board.lines("Queue of observations", "Observations that wait to be counted, and how many may; lost ones a "
                "second.", ("ctl_watch_queue_observations", "{{instance}} waiting"),
                ("ctl_watch_queue_limit_observations", "{{instance}} limit"),
                ("rate(ctl_watch_observations_lost_total[$__rate_interval])", "{{instance}} lost a second"), low=0)
    board.row("Webhooks")
    board.stat("Lists seen", "Time since ctl-webhooks last saw every list and the notices as they should be.",
               "time() - ctl_webhook_followed_timestamp_seconds", "dtdurations", ALIVE, legend="{{instance}}")
    board.stat("Endpoints", "Endpoints that are told, and those that their owners have disabled.",
               "ctl_webhook_endpoints", legend="{{status}}")
    board.stat("Deliveries that wait", "Deliveries that have not arrived and are not given up: most of them until their "
               "next retry.", "ctl_webhook_deliveries_waiting", legend="{{instance}}")
    board.stat("Oldest due", "Time since which the delivery is due that is due longest; 0 if none is.",
               "(time() - ctl_webhook_oldest_due_timestamp_seconds) or 0 * ctl_webhook_deliveries_waiting", "dtdurations",
               ALIVE, legend="{{instance}}")
    board.stat("Events", "What happened to roots in the last day.",
               "sum by (event) (increase(ctl_webhook_events_total[1d]))", legend="{{event}}", width=8, decimals=0)
    board.lines("Attempts that failed", "Attempts a second that did not bring an event to its subscriber, by what came of "
                "them.", ('sum by (result) (rate(ctl_webhook_attempts_total{result!="delivered"}[$__rate_interval])) > 0',
                          "{{result}}"), unit="ops", stack=True, low=0)
    board.lines("Deliveries", "Deliveries an hour that wait no more: arrived, attempted in vain, or too many for their "
                "endpoint.", ("sum by (outcome) (increase(ctl_webhook_deliveries_total[1h]))", "{{outcome}}"), low=0)
    board.row("Server and requests")
    board.lines("Requests", "Requests a second to the programs, by status.",
                ("sum by (job, status) (rate(ctl_http_requests_total[$__rate_interval]))", "{{job}} {{status}}"),
                unit="reqps",
                stack=True, low=0)
    board.lines("Failed requests", "Share of requests that ended with a status of 500 or more.",
                ("job:ctl_http_requests_failed:ratio_rate5m", "{{job}}"), unit="percentunit", low=0)
    board.lines("Response times", "99th percentile, by route.",
                ("histogram_quantile(0.99, sum by (job, route, le) (rate(ctl_http_request_duration_seconds_bucket"
                 "[$__rate_interval])))", "{{job}} {{route}}"), unit="s", low=0)
    board.lines("Refused statements", "Statements a second that were not recorded, by reason.",
                ("sum by (reason) (rate(ctl_statements_refused_total[$__rate_interval])) > 0", "{{reason}}"),
                unit="ops", low=0)
    board.lines("Ledger", "Entries in the ledger, and entries that are published.",
                ("ctl_ledger_entries", "recorded"), ("ctl_checkpoint_entries", "published"), low=0)
    board.lines("Disk", "Bytes that the server's data directory takes.", ("ctl_data_bytes", "data"), unit="bytes", low=0)
    return board


def main():
    check = "--check" in sys.argv[1:]
    differ = []
    for board in (overview(), pki(), target(), lists(), service()):
        path = FOLDER / f"{board.document['uid']}.json"
        text = board.text()
        if check:
            if not path.exists() or path.read_text() != text:
                differ.append(path.name)
        else:
            path.write_text(text)
    if differ:
        sys.exit(f"not what build.py writes: {', '.join(differ)}; run dashboards/grafana/build.py")


if __name__ == "__main__":
    main()
