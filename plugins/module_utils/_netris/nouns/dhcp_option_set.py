# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""DHCP option sets."""

from __future__ import annotations

from typing import Any

from ..model import Codec, Field, Names, Number, Text, Texts
from ..noun import Noun
from ..options import address, between, items, not_blank, number, text, texts


class DhcpOptions(Codec):
    """Additional options, in any order."""

    def read(self, wire: Any, names: Names) -> Any:
        return self.normalise(
            [{"code": int(item["code"]), "type": str(item["type"]), "value": str(item["value"])} for item in wire or []]
        )

    def normalise(self, desired: Any) -> Any:
        return sorted(desired, key=lambda option: (option["code"], option["value"]))

    def write(self, value: Any, names: Names) -> Any:
        return [{**option, "isCustom": False} for option in value]


class DhcpOptionSet(Noun):
    key = "dhcp_option_sets"
    label = "DHCP option set"
    rank = 15
    collection = "/api/v2/dhcp-option-set"
    by_id = "/api/v2/dhcp-option-set"
    options = {
        "name": text(required=True, check=not_blank),
        "description": text(),
        "domain_search": text(),
        "dns_servers": texts(check=address),
        "ntp_servers": texts(),
        "lease_time": number(check=between(1, 4294967295)),
        "options": items(
            {
                "code": number(required=True, check=between(1, 254)),
                "type": text(required=True),
                "value": text(required=True),
            }
        ),
    }
    fields = (
        Field("name", "name", Text()),
        Field("description", "description", Text(), on_create=""),
        Field("domain_search", "domainSearch", Text(), on_create=""),
        # The first server is asked first, so here the order is part of the value.
        Field("dns_servers", "dnsServers", Texts(ordered=True), on_create=()),
        Field("ntp_servers", "ntpServers", Texts(ordered=True), on_create=()),
        Field("lease_time", "leaseTime", Number(), on_create=86400),
        Field("options", "additionalOptions", DhcpOptions(), on_create=()),
    )
