"""pkilint's linter of RFC 5280, within this process."""

from pkilint import loader
from pkilint.pkix import certificate, extension, name
from pkilint.validation import ValidationFindingSeverity

LOADER = loader.RFC5280CertificateDocumentLoader()
LINTER = certificate.create_pkix_certificate_validator_container(
    certificate.create_decoding_validators(name.ATTRIBUTE_TYPE_MAPPINGS, extension.EXTENSION_MAPPINGS),
    [certificate.create_issuer_validator_container([]), certificate.create_validity_validator_container(),
     certificate.create_subject_validator_container([]), certificate.create_extensions_validator_container([]),
     certificate.create_spki_validator_container([])])


def codes(der):
    """The codes of what it finds at least worth a warning."""
    try:
        document = LOADER.load_der_document(der, "certificate")
        results = LINTER.validate(document.root)
    except ValueError:
        return {"unreadable"}
    return {found.finding.code for result in results for found in result.finding_descriptions
            if found.finding.severity <= ValidationFindingSeverity.WARNING}
