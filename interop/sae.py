"""SAE's EVPKI list of version 1, in asn1crypto's words; used by the checks of what is written and of what is served."""

from asn1crypto import core


class Validity(core.Sequence):
    _fields = [("not_before", core.GeneralizedTime), ("not_after", core.GeneralizedTime)]


class CertificateType(core.Enumerated):
    _map = {0: "v2g", 1: "oem", 2: "msp", 3: "other"}


class CtlStatus(core.Enumerated):
    _map = {0: "active", 1: "warning", 2: "deprecated"}


class Root(core.Sequence):
    _fields = [("type", CertificateType), ("status", CtlStatus), ("certificate", core.ParsableOctetString)]


class Roots(core.SequenceOf):
    _child_spec = Root


class Ctl(core.Sequence):
    """EvpkiCtl of version 1."""
    _fields = [("version", core.Integer), ("sequence", core.Integer), ("validity", Validity), ("roots", Roots)]
