"""DHCP option sets."""

from __future__ import annotations

from typing import Any

from ..call import Call, Reply, Route, created, crud, deleted, updated
from ..core import stamped
from ..errors import ApiError, invalid
from ..store import Record, Store
from ..values import integer, items, mapping, strings, text, unique_name

TYPES = (
    "string", "boolean", "uint8", "uint16", "uint32", "int8", "int16", "int32", "ipv4-address", "fqdn",
)  # fmt: skip
FIRST_CUSTOM_CODE = 126  # codes below belong to options that DHCP's documents define


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "dhcp", name, identifier)
    return stamped(
        {
            "id": identifier or store.next_id("dhcp"),
            "name": name,
            "description": text(body, "description"),
            "domainSearch": text(body, "domainSearch"),
            "dnsServers": strings(body, "dnsServers"),
            "ntpServers": strings(body, "ntpServers"),
            "leaseTime": integer(body, "leaseTime", 86400),
            "additionalOptions": [_option(item) for item in items(body, "additionalOptions")],
            "isDefault": bool(current and current["isDefault"]),
        },
        current,
    )


def _option(item: Any) -> dict[str, Any]:
    option = mapping(item, "additionalOptions")
    code = integer(option, "code")
    if not 1 <= code <= 254:
        raise invalid("additionalOptions", f"DHCP option code {code} is not within 1-254.")
    kind = text(option, "type", "string")
    if kind not in TYPES:
        raise invalid("additionalOptions", f"Type of DHCP option {code} must be one of: {', '.join(TYPES)}.")
    # Clients always write isCustom false; whether it is custom is for the controller to know.
    return {"code": code, "type": kind, "value": text(option, "value"), "isCustom": code >= FIRST_CUSTOM_CODE}


def default(store: Store) -> Record:
    return next(options for options in store.all("dhcp") if options["isDefault"])


def listing(call: Call) -> Reply:
    return Reply(call.store.all("dhcp"))


def one(call: Call) -> Reply:
    return Reply(call.record("dhcp"))


def post(call: Call) -> Reply:
    options = build(call.store, call.body)
    call.store.put("dhcp", options)
    return created(options["id"])


def put(call: Call) -> Reply:
    options = build(call.store, call.body, call.record("dhcp"))
    call.store.put("dhcp", options)
    return updated(options["id"])


def delete(call: Call) -> Reply:
    options = call.record("dhcp")
    if options["isDefault"]:
        raise ApiError("The default DHCP option set cannot be deleted.")
    for vnet in call.store.all("vnet"):
        if any(gw["dhcp"] and gw["dhcp"]["optionSet"] == options["id"] for gw in vnet["gateways"]):
            raise ApiError(f"DHCP option set {options['name']} is in use by V-Net {vnet['name']}.")
    call.store.delete("dhcp", options["id"])
    return deleted()


def make_default(call: Call) -> Reply:
    chosen = call.record("dhcp")["id"]
    for options in call.store.all("dhcp"):
        if options["isDefault"] != (options["id"] == chosen):
            call.store.put("dhcp", {**options, "isDefault": options["id"] == chosen})
    return updated(chosen)


ROUTES = [
    *crud("/api/v2/dhcp-option-set", listing, one, post, put, delete),
    Route("PUT", "/api/v2/dhcp-option-set/{id}/make-default", make_default),
]
