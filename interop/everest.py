"""What EVerest finds in its stores, by the rules of its source (`lib/everest/evse_security`, August 2026), written anew: bundles
and folders (`certificate/x509_bundle.cpp`), and the loader of trust lists (`utils/load_ctl.cpp`)."""

import re

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----\n?", re.DOTALL)
KINDS = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}
STORES = {"V2G": "ca/v2g/V2G_ROOT_CA.pem", "MO": "ca/mo/MO_ROOT_CA.pem"}


def file_store(path):
    """The certificates of a bundle: PEM blocks in a row, others than certificates are passed over."""
    blocks = BLOCK.finditer(path.read_bytes())
    return [x509.load_pem_x509_certificate(block[0]) for block in blocks if block[1].decode() in KINDS]


def folder_store(folder):
    """The certificates of a folder that is configured as a store: its files, and no folder below."""
    files = [path for path in folder.iterdir() if path.is_file() and path.suffix in (".pem", ".der")]
    return [certificate for path in files for certificate in file_store(path)]


def start(certificates, ctl_folder):
    """What happens at each start: whatever is found in the folder of lists is appended to a bundle, unverified."""
    for path in ctl_folder.iterdir():
        data = path.read_bytes()
        try:
            found = pkcs7.load_der_pkcs7_certificates(data)
        except ValueError:
            found = x509.load_pem_x509_certificates(data)
        for certificate in found:
            # The search for the component begins after the first attribute.
            attributes = list(certificate.subject)[1:]
            component = next((one.value for one in attributes if one.oid == NameOID.DOMAIN_COMPONENT), "")
            if component.upper() in STORES:
                with (certificates / STORES[component.upper()]).open("ab") as bundle:
                    bundle.write(certificate.public_bytes(Encoding.PEM))
