"""Loads Josev's certificates with Josev's own code, and prints what it found as JSON. Run with its own Python environment and
PKI_PATH set."""

import hashlib
import json
import ssl
import sys

from iso15118.shared import security
from iso15118.shared.settings import SettingKey, load_shared_settings, shared_settings

load_shared_settings()
Certs = security.CertPath


def stores(context):
    return sorted(hashlib.sha256(der).hexdigest() for der in context.get_ca_certs(binary_form=True))


def vehicles(path):
    """As a charger judges vehicles with TLS 1.3; its own chain and key, which come first there, are not ours to write."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS)
    context.load_verify_locations(cafile=path)
    return stores(context)


def root(path):
    """The one root in a file, or nothing where Josev leaves the judgement to others."""
    try:
        der = security.load_cert(path)
    except FileNotFoundError:
        return None
    issuer, serial = security.get_cert_issuer_serial(path)
    return {"sha256": hashlib.sha256(der).hexdigest(), "issuer": issuer, "serial": serial}


shared_settings[SettingKey.ENABLE_TLS_1_3] = False
found = {"vehicle_tls": stores(security.get_ssl_context(server_side=False)), "charger_tls": vehicles(Certs.OEM_ROOT_PEM)}
for name in ("V2G_ROOT_DER", "MO_ROOT_DER", "OEM_ROOT_DER"):
    found[name] = root(getattr(Certs, name))
json.dump(found, sys.stdout)
