"""Where our lint and pkilint's linter of RFC 5280 look at the same thing.

Per topic: our rules (of the profile cpo-sub1, which extends rfc5280) and pkilint's codes. A certificate shows the
topic to a linter if any of them is found. Then what may differ, and why: per topic and defect."""

TOPICS = {
    "serial number": ({"serial-positive", "serial-bytes"}, {"pkix.certificate_serial_number_out_of_range"}),
    "algorithms agree": ({"algorithms-agree"}, {"pkix.certificate_signature_algorithm_mismatch"}),
    "version": ({"version"}, {"pkix.certificate_version_is_not_v3"}),
    "validity in order": ({"validity-order"}, {"pkix.certificate_negative_validity_period"}),
    "form of times": ({"time-forms"}, {"pkix.wrong_time_useful_type", "pkix.invalid_time_syntax",
                                       "pkix.utctime_incorrect_syntax", "pkix.generalizedtime_incorrect_syntax"}),
    "unique identifiers": ({"unique-identifiers"},
                           {"pkix.issuer_unique_id_present", "pkix.subject_unique_id_present"}),
    "extension twice": ({"extensions-unique"}, {"pkix.duplicate_extension"}),
    "basic constraints critical": ({"basic-constraints"}, {"pkix.basic_constraints_extension_not_critical"}),
    "key usage there": ({"key-usage-critical"}, {"pkix.key_usage_extension_not_critical",
                                                 "pkix.ca_certificate_no_ku_extension"}),
    "keyCertSign of a CA": ({"key-usage"}, {"pkix.ca_certificate_keycertsign_keyusage_not_set"}),
    "subject key identifier there": ({"subject-key-id-present"}, {"pkix.certificate_skid_ca_missing"}),
    "subject key identifier not critical": ({"subject-key-id"}, {"pkix.certificate_skid_extension_critical"}),
    "authority key identifier there": ({"authority-key-id-present"},
                                       {"pkix.authority_key_identifier_extension_absent"}),
    "authority key identifier not critical": ({"authority-key-id"}, {"pkix.authority_key_identifier_critical"}),
    "form of the authority key identifier": ({"authority-key-id-form"},
                                             {"pkix.authority_key_identifier_keyid_missing"}),
    "access information not critical": ({"authority-info-access"},
                                        {"pkix.authority_information_access_extension_critical"}),
    # Whatever cannot be read as DER and as the types of RFC 5280, with its upper bounds.
    "encoding": ({"parses", "der-lengths", "der-numbers", "der-booleans", "der-bit-strings", "der-sets", "der-defaults",
                  "extensions-well-formed", "string-types", "string-characters", "name-lengths", "country-codes",
                  "algorithm-parameters"},
                 {"itu.invalid_asn1_syntax", "unreadable", "pkix.name_constraints_no_subtrees",
                  "pkix.duplicate_certificate_policy_oids", "pkix.aki_with_serial_number_but_cert_issuer_absent",
                  "pkix.aki_with_cert_issuer_but_serial_number_absent"}),
}


class Difference:
    def __init__(self, name, why, holds):
        self.name, self.why, self.holds = name, why, holds


# What one finds and the other does not. `what` names the sample, `rules` and `codes` are all that we and pkilint find
# in it, `we` says that it is we who find something on the topic.
DIFFERENCES = [
    Difference("TeletexString", "pkilint reads it as one of the choices of DirectoryString; we want new certificates "
               "without it, as RFC 5280 section 4.1.2.4 does",
               lambda topic, what, rules, codes, we: topic == "encoding" and we and what == "defect: TeletexString"),
    Difference("no such country", "pkilint's linter of the RFC asks for two letters; we for a code that ISO 3166-1 assigns",
               lambda topic, what, rules, codes, we: topic == "encoding" and we and what == "defect: no such country"),
    Difference("address of 5 bytes", "pkilint reads an iPAddress of any length; RFC 5280 section 4.2.1.6 knows 4 and 16",
               lambda topic, what, rules, codes, we: topic == "encoding" and we
               and what == "defect: alternative name of 5 bytes"),
    Difference("distribution point of nothing", "pkilint reads each part of it as optional; RFC 5280 section 4.2.1.13 says "
               "that either a name or a CRL issuer must be there",
               lambda topic, what, rules, codes, we: topic == "encoding" and we
               and what == "defect: distribution point without a name"),
    Difference("no basic constraints", "the profile of a sub-CA wants them; the RFC's linter takes a certificate "
               "without them for a leaf",
               lambda topic, what, rules, codes, we: topic == "basic constraints critical" and we
               and "pkix.basic_constraints_extension_not_critical" not in codes),
    Difference("not a CA", "the profile of a sub-CA wants keyCertSign; the RFC's linter wants it of what says that it "
               "is a CA, and finds in an empty key usage that it is empty",
               lambda topic, what, rules, codes, we: topic == "keyCertSign of a CA" and we
               and ("ca" in rules or "basic-constraints" in rules or "pkix.no_ku_bits_set" in codes)),
    Difference("root", "the profile of a sub-CA wants an authority key identifier of a root too; RFC 5280 section "
               "4.2.1.1 lets roots leave it out",
               lambda topic, what, rules, codes, we: topic == "authority key identifier there" and we
               and "not-self-issued" in rules),
    Difference("no extensions", "pkilint looks for extensions only where there are any, and says that the version is "
               "not 3",
               lambda topic, what, rules, codes, we: topic.endswith(" there") and we
               and "pkix.certificate_version_is_not_v3" in codes),
]
