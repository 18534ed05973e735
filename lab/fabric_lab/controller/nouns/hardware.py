"""Devices: switches, servers, softgates and controllers, with the ports they bring along."""

from __future__ import annotations

import ipaddress
from typing import Any

from ..agents import Agents
from ..call import Call, Handler, Reply, Route, created, deleted, updated
from ..core import Controller, stamped
from ..errors import ApiError, invalid, not_found
from ..store import Record, Store
from ..topology import Topology
from ..values import choice, flag, integer, items, mapping, needed, ref, strings, text, unchanged, unique_name
from . import ipam, links, ports

TYPES = ("switch", "server", "softgate", "controller")
NOS = [
    {"id": 1, "name": "Cumulus Linux", "tag": "cumulus_linux"},
    {"id": 2, "name": "Cumulus NVUE", "tag": "cumulus_nvue"},
    {"id": 3, "name": "SONiC", "tag": "sonic"},
    {"id": 4, "name": "Arista EOS", "tag": "arista_eos"},
    {"id": 5, "name": "Ubuntu SwitchDev", "tag": "ubuntu_switch_dev"},
]
FIRST_ASN = 4200070000


def build(store: Store, kind: str, body: dict[str, Any], current: Record | None = None) -> Record:
    """A device's record from a write body, without its ports and links."""
    name = text(body, "name", required=True)
    if "@" in name:
        raise invalid("name", "name must not contain @.")
    identifier = current["id"] if current else 0
    unique_name(store, "hw", name, identifier)
    if current:
        unchanged(store, "site", body, "site", current["site"])
        unchanged(store, "tenant", body, "tenant", current["tenant"])
        site, tenant = current["site"], current["tenant"]
    else:
        site = needed(store, "site", body, "site")["id"]
        tenant = needed(store, "tenant", body, "tenant")["id"]
    identifier = identifier or store.next_id("hw")
    asn = body.get("asn")
    profile = body.get("profile")
    port_count = integer(body, "portCount", current["portCount"] if current else 0)
    if not 0 <= port_count <= 512:
        raise invalid("portCount", "portCount must be between 0 and 512.")
    return stamped(
        {
            "id": identifier,
            "type": kind,
            "name": name,
            "description": text(body, "description"),
            "site": site,
            "tenant": tenant,
            "profile": integer(profile, "id") if isinstance(profile, dict) else 0,
            "nos": _nos(body.get("nos")) if kind == "switch" else {},
            "asn": FIRST_ASN + identifier if asn == "auto" else integer(body, "asn"),
            "mainAddress": _address(store, body, "mainAddress", site, "loopback", current),
            "mgmtAddress": _address(store, body, "mgmtAddress", site, "management", current),
            "macAddress": text(body, "macAddress"),
            "portCount": port_count,
            "customData": text(body, "customData"),
            "tags": strings(body, "tags"),
            "uuid": text(body, "uuid"),
            "maintenanceMode": flag(body, "maintenanceMode"),
            # Fixed by the create: updates do not carry it.
            "breakout": current["breakout"] if current else text(body, "breakout", "off"),
            "swRole": text(body, "swRole", "generic" if kind == "switch" else ""),
            "srvRole": text(body, "srvRole", "generic" if kind == "server" else ""),
            "sgFlavor": choice(body, "sgFlavor", ("sg", "sg-pro", "sg-hs"), "sg") if kind == "softgate" else "",
            "sgRole": text(body, "sgRole", "general" if kind == "softgate" else ""),
            "enableEvpnRouteServer": flag(body, "enableEvpnRouteServer"),
            # lab bookkeeping: NICs listed one by one by a seed, and whether templates may ask for others
            "nics": current["nics"] if current else [],
            "missingNicsIgnored": bool(current and current["missingNicsIgnored"]),
        },
        current,
    )


def _nos(value: Any) -> dict[str, Any]:
    """The operating system, looked up by tag or id; clients that do not know the tag send blanks."""
    if isinstance(value, dict):
        for nos in NOS:
            if value.get("tag") == nos["tag"] or value.get("id") == nos["id"]:
                return nos
    return {"id": 0, "name": "", "tag": ""}


def _address(store: Store, body: dict[str, Any], field: str, site: int, purpose: str, current: Record | None) -> str:
    value = text(body, field)
    if value == "auto":
        return str(current[field]) if current and current[field] else _free_address(store, field, site, purpose)
    if value:
        try:
            ipaddress.ip_address(value)
        except ValueError as error:
            raise invalid(field, f"{field}: {value} is not an IP address.") from error
    return value


def _free_address(store: Store, field: str, site: int, purpose: str) -> str:
    """The first free host of a subnet with a purpose; none such subnet, no address."""
    used = {device[field] for device in store.all("hw")}
    for node in ipam.nodes(store, "subnet"):
        if node["purpose"] == purpose and site in node["sites"]:
            for host in ipaddress.ip_network(node["prefix"]).hosts():
                if str(host) not in used and str(host) != node["defaultGateway"]:
                    return str(host)
    return ""


# --- writing ---------------------------------------------------------------------------------------------------------


def add(controller: Controller, device: Record, link_items: list[Any]) -> None:
    store = controller.store
    store.put("hw", device)
    for name in port_names(device):
        ports.add(store, device, name)
    links.replace(store, device, link_items)


def port_names(device: Record) -> list[str]:
    if device["nics"]:
        return list(device["nics"])
    prefix = "swp" if device["type"] == "switch" else "eth"
    return [f"{prefix}{number}" for number in range(1, device["portCount"] + 1)]


def post(kind: str) -> Handler:
    def handler(call: Call) -> Reply:
        device = build(call.store, kind, call.body)
        add(call.controller, device, items(call.body, "links"))
        return created(device["id"])

    return handler


def put(kind: str) -> Handler:
    def handler(call: Call) -> Reply:
        current = _named(call, kind)
        device = build(call.store, kind, call.body, current)
        call.store.put("hw", device)
        if device["portCount"] != current["portCount"] and not device["nics"]:
            _resize(call.store, device)
        # A PUT replaces the whole object: links that are not sent again are gone.
        links.replace(call.store, device, items(call.body, "links"))
        return updated(device["id"])

    return handler


def _resize(store: Store, device: Record) -> None:
    wanted = port_names(device)
    topology = Topology(store)
    present = {port["port"]: port for port in topology.ports_of(device["id"]) if not port["members"]}
    for name, port in present.items():
        if name not in wanted:
            ports.remove(store, topology, port)
    for name in wanted:
        if name not in present:
            ports.add(store, device, name)


def delete(kind: str) -> Handler:
    def handler(call: Call) -> Reply:
        device = _named(call, kind)
        for cluster in call.store.all("cluster"):
            if any(member["id"] == device["id"] for member in cluster["servers"]):
                raise ApiError(f"{device['name']} is a member of server cluster {cluster['name']}.")
        topology = Topology(call.store)
        own = topology.ports_of(device["id"])
        if any(topology.peer(port["id"]) for port in own):
            raise ApiError(f"{device['name']} still has links.")
        for port in sorted(own, key=lambda port: not port["members"]):  # port-channels before their members
            ports.remove(call.store, topology, port)
        call.store.delete("hw", device["id"])
        call.controller.agents.forget(device["id"])
        return deleted()

    return handler


def _named(call: Call, kind: str) -> Record:
    """The device of a type that the path names by id or by name."""
    ident = str(call.params["ident"])
    for device in call.store.all("hw"):
        if device["type"] == kind and ident in (str(device["id"]), device["name"]):
            return call.store.get("hw", device["id"]) or device
    raise not_found()


# --- reading ---------------------------------------------------------------------------------------------------------


def render(controller: Controller, topology: Topology, device: Record) -> dict[str, Any]:
    store = controller.store
    last = controller.agents.last(device["id"])
    hidden = ("nics", "missingNicsIgnored")
    return {
        **{key: value for key, value in device.items() if key not in hidden},
        "site": ref(store, "site", device["site"]),
        "tenant": ref(store, "tenant", device["tenant"]),
        "profile": {"id": device["profile"], "name": "" if device["profile"] else "None"},
        "asnNumber": {"id": device["asn"], "asn": device["asn"]},
        "mainIP": {"address": device["mainAddress"]},
        "mgmtIP": {"address": device["mgmtAddress"]},
        "links": [
            {
                "local": {"id": port["id"], "name": topology.label(port)},
                "remote": {"id": peer["id"], "name": topology.label(peer)},
            }
            for port in topology.ports_of(device["id"])
            if (peer := topology.peer(port["id"]))
        ],
        **_health(controller.agents, device),
        "lastSeen": last[0] if last else 0,
        "uptime": 0,
    }


def _health(agents: Agents, device: Record) -> dict[str, Any]:
    complaint = agents.complaint(device["id"]) if device["type"] == "switch" else ""
    counts = {"ok": int(not complaint), "warning": 0, "critical": int(bool(complaint)), "unknown": 0}
    return {"status": "Critical" if complaint else "OK", "health": {**counts, "message": complaint}}


def listing(call: Call) -> Reply:
    kinds = [value for value in call.query.getlist("type") if value]
    sites = call.sites()
    found = [
        device
        for device in call.store.all("hw")
        if (not kinds or device["type"] in kinds) and (sites is None or device["site"] in sites)
    ]
    total, limit = len(found), call.number("limit")
    if limit > 0:
        first = (max(call.number("page", 1), 1) - 1) * limit
        found = found[first : first + limit]
    topology = Topology(call.store)
    return Reply([render(call.controller, topology, device) for device in found], meta={"totalDocs": total})


def one(call: Call) -> Reply:
    return Reply(render(call.controller, Topology(call.store), call.record("hw")))


def install_command(call: Call) -> Reply:
    device = call.record("hw")
    return Reply(f"# the lab's agent of {device['name']} is installed by the lab")


def used_addresses(call: Call) -> Reply:
    return Reply(
        [
            {"id": device["id"], "name": device["name"], "ip": device[field]}
            for device in call.store.all("hw")
            for field in ("mainAddress", "mgmtAddress")
            if device[field]
        ]
    )


def address_subnets(call: Call) -> Reply:
    site = call.number("siteID")
    in_use = ipam.busy(call.store)
    return Reply(
        [
            ipam.render(call.store, node, in_use)
            for node in ipam.nodes(call.store, "subnet")
            if node["purpose"] in ("loopback", "management") and (not site or site in node["sites"])
        ]
    )


def seed_server(store: Store, body: dict[str, Any], nics: list[str], *, ignore_missing: bool) -> Record:
    """A server whose NICs are listed one by one."""
    for nic in nics:
        if not nic.strip() or "@" in nic:
            raise invalid("nics", f"{nic!r} is not a NIC's name.")
    device = build(store, "server", {**mapping(body, "server"), "portCount": len(nics) or body.get("portCount", 0)})
    return {**device, "nics": nics, "missingNicsIgnored": ignore_missing}


ROUTES = [
    Route("GET", "/api/v2/hw", listing),
    Route("GET", "/api/v2/hw/{id}", one),
    Route("GET", "/api/v2/hw/{id}/curl", install_command),
    Route("GET", "/api/v2/hw/nos", lambda _: Reply(NOS)),
    Route("GET", "/api/v2/hw/profiles", lambda _: Reply([])),
    Route("GET", "/api/v2/hw/usedips", used_addresses),
    Route("GET", "/api/v2/hw/subnets", address_subnets),
]
for _kind in TYPES:
    ROUTES += [
        Route("POST", f"/api/v2/hw/{_kind}", post(_kind)),
        Route("PUT", f"/api/v2/hw/{_kind}/{{ident}}", put(_kind)),
        Route("DELETE", f"/api/v2/hw/{_kind}/{{ident}}", delete(_kind)),
    ]
