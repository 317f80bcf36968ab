"""Dashboards against Grafana's published schema, as its Foundation SDK for Python carries it: every value must have the
type that the schema gives it, and no member may be one that the schema does not know.

The SDK reads leniently, so this reads with it, compares each object with the types it declares, writes it again, and
looks for what got lost on the way."""

import enum
import importlib
import json
import typing

from grafana_foundation_sdk.cog import encoder, plugins
from grafana_foundation_sdk.models import dashboard

PANELS = {"stat", "timeseries", "bargauge", "heatmap", "table"}


def mistakes(document):
    """What is wrong with a dashboard, as lines."""
    plugins.register_default_plugins()
    read = dashboard.Dashboard.from_json(json.loads(json.dumps(document)))
    found = []
    check(read, dashboard.Dashboard, "dashboard", found)
    for panel in document["panels"]:
        if panel["type"] != "row" and panel["type"] not in PANELS:
            found.append(f"panel {panel['title']!r}: type {panel['type']!r} is none of those checked here")
    written = json.loads(json.dumps(read, cls=encoder.JSONEncoder))
    lost(document, written, "dashboard", found)
    return found


def check(value, hint, place, found):
    """Compares a value with what the schema says that it is."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if hint is typing.Any or hint is object:
        # What a plugin brings: its class knows.
        if hasattr(type(value), "from_json"):
            check(value, type(value), place, found)
    elif origin is typing.Union:
        parts = [part for part in parts if part is not type(None)] if value is not None else [type(None)]
        same = [part for part in parts if isinstance(part, type) and isinstance(value, part)]
        attempts = []
        for part in same or parts:
            attempts.append([])
            check(value, part, place, attempts[-1])
        found.extend(min(attempts, key=len))
    elif origin is typing.Literal:
        if value not in parts:
            found.append(f"{place}: {value!r} is none of {parts}")
    elif origin is list:
        if not isinstance(value, list):
            found.append(f"{place}: {value!r} is no list")
            return
        for position, member in enumerate(value):
            check(member, parts[0], f"{place}[{position}]", found)
    elif origin is dict:
        if not isinstance(value, dict):
            found.append(f"{place}: {value!r} is no object")
            return
        for name, member in value.items():
            check(member, parts[1], f"{place}.{name}", found)
    elif isinstance(hint, type) and issubclass(hint, enum.Enum):
        if value not in [member.value for member in hint] and value not in list(hint):
            found.append(f"{place}: {value!r} is no {hint.__name__}")
    elif isinstance(hint, type) and hasattr(hint, "from_json"):
        if isinstance(value, dict):
            # The SDK leaves some objects unread.
            value = hint.from_json(value)
        if not isinstance(value, hint):
            found.append(f"{place}: {type(value).__name__} where {hint.__name__} is due")
            return
        names = dict(vars(importlib.import_module(type(value).__module__)))
        for name, member in typing.get_type_hints(type(value), globalns=names).items():
            check(getattr(value, name), member, f"{place}.{name}", found)
    elif hint is float:
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            found.append(f"{place}: {value!r} is no number")
    elif isinstance(hint, type):
        wrong = not isinstance(value, hint) or (hint is int and isinstance(value, bool))
        if wrong and not getattr(hint, "_is_protocol", False) and hint.__module__ == "builtins" or (
                wrong and hint is type(None)):
            found.append(f"{place}: {value!r} is no {hint.__name__}")


def lost(before, after, place, found):
    """What the schema does not know did not survive reading and writing."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            if name not in after:
                if value not in (None, [], {}, ""):
                    found.append(f"{place}.{name}: the schema has no such member")
            else:
                lost(value, after[name], f"{place}.{name}", found)
    elif isinstance(before, list) and isinstance(after, list):
        if len(before) != len(after):
            found.append(f"{place}: {len(before)} members became {len(after)}")
        for position, (one, other) in enumerate(zip(before, after)):
            lost(one, other, f"{place}[{position}]", found)
    elif before != after:
        found.append(f"{place}: {before!r} became {after!r}")
