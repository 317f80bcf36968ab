"""The answers of root pools against the OpenAPI files of their protocols, read with a schema library; used by the checks of
what is written and of what is served."""

import json
import os
from pathlib import Path

import jsonschema

FIELD = Path(os.environ["CTL_SHARED"]) / "field"
FILES = {
    "opcp": ("opcp/rcp.v1.json", "RootCertV2", ("GetAllRootCertsResponseV1", "GetRootCertResponseV1")),
    "opnc": ("opnc/rcp.api.consolidated.v1.json", "rootCertificate.v1", ("getRootCertificatesRes.v1", "getRootCertificateRes.v1")),
}
# The files contradict themselves; what is not changed here is held to.
SLIPS = """both: an item has at most one member (maxProperties 1) and yet at least two must be there; base64 text of at most 800
characters, which the files' own examples exceed; OPNC: an array is given the values of its elements (enum), and a member
that is demanded, rootType, is not described"""


def document(name):
    """The file of a protocol without the slips of its item."""
    file, item, _ = FILES[name]
    value = json.loads((FIELD / file).read_text())
    schema = value["components"]["schemas"][item]
    del schema["maxProperties"], schema["properties"]["caCertificate"]["maxLength"]
    for one in schema["properties"].values():
        if one.get("type") == "array" and "enum" in one:
            one["items"] = {"type": "string", "enum": one.pop("enum")}
    return value


def members(name):
    """What a root may have, by the file."""
    return set(document(name)["components"]["schemas"][FILES[name][1]]["properties"])


def validator(name, alone=False):
    """Judges an answer with all roots, or with one alone."""
    value = document(name)
    answer = FILES[name][2][alone]
    schema = {"$ref": f"#/components/schemas/{answer}", "components": value["components"]}
    return jsonschema.Draft202012Validator(schema, format_checker=jsonschema.FormatChecker())


def described(name, alone=False):
    """The members of an answer, by the file."""
    return set(document(name)["components"]["schemas"][FILES[name][2][alone]]["properties"])
