"""V-Nets: one VLAN with its member ports, gateways and DHCP."""

from __future__ import annotations

import ipaddress
from typing import Any

from .. import addresses, fabric, vlans
from ..call import Call, Reply, Route, created, crud, deleted, updated
from ..core import Controller, stamped
from ..errors import ApiError, invalid
from ..store import Record, Store
from ..topology import Topology
from ..values import (
    choice,
    flag,
    integer,
    items,
    mapping,
    needed,
    ref,
    reference,
    strings,
    text,
    to_int,
    unchanged,
    unique_name,
)
from . import dhcp, ipam, ports, sites, vpcs

FAMILIES = ("ipv4", "ipv6", "dual")
FIRST_VXLAN = 100_000
UNKNOWN = "Invalid circuit ID"


# --- writing ---------------------------------------------------------------------------------------------------------


def build(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    """A V-Net's record from a write body. A PUT replaces everything but tenant, VPC and VLAN awareness."""
    name = text(body, "name", required=True)
    identifier = current["id"] if current else 0
    unique_name(store, "vnet", name, identifier)
    if current:
        unchanged(store, "tenant", body, "tenant", current["tenant"])
        unchanged(store, "vpc", body, "vpc", current["vpc"])
        tenant, vpc = current["tenant"], current["vpc"]
    else:
        tenant, vpc = needed(store, "tenant", body, "tenant")["id"], vpcs.chosen(store, body)["id"]
    site_records = [site for item in items(body, "sites") if (site := reference(store, "site", item, "sites"))]
    if not site_records:
        raise invalid("sites", "sites is required.")
    identifier = identifier or store.next_id("vnet")
    l3vpn = flag(body, "l3vpn")
    vlan = 0 if l3vpn else _vlan(store, body.get("vlan"), site_records, current)
    # Without a VLAN of its own a V-Net still needs one inside the lab's switches, which know no VXLAN.
    inner = 0 if l3vpn or vlan else _inner_vlan(store, site_records, identifier, current)
    relay = _relay(body, current)
    vnet = {
        "id": identifier,
        "name": name,
        "tenant": tenant,
        "vpc": vpc,
        "sites": [site["id"] for site in site_records],
        "guestTenants": [
            tenant["id"]
            for item in items(body, "guestTenants")
            if (tenant := reference(store, "tenant", item, "guestTenants"))
        ],
        "state": choice(body, "state", ("active", "disabled", "unmanaged"), "active"),
        "vlan": vlan,
        "fabricVlan": inner,
        "vlanAware": current["vlanAware"] if current else flag(body, "vlanAware"),
        "vlans": text(body, "vlans"),
        "nativeVlan": integer(body, "nativeVlan"),
        "vxlanID": _vxlan(store, integer(body, "vxlanID"), identifier, current),
        "l3vpn": l3vpn,
        "ipFamily": choice(body, "ipFamily", FAMILIES, "dual"),
        "customAnycastMac": body.get("customAnycastMac"),
        "tags": strings(body, "tags"),
        "gateways": [],
        "ports": _ports(store, items(body, "ports"), vlan),
        "portTags": [
            {"name": text(tag, "name", required=True), "accessMode": flag(tag, "accessMode", True)}
            for item in items(body, "portTags")
            if (tag := mapping(item, "portTags"))
        ],
        "dhcpRelay": relay,
        "cluster": current["cluster"] if current else 0,
        "progress": current["progress"] if current else {"readyAt": 0, "awaits": {}},
    }
    vnet["gateways"] = [_gateway(store, vnet, mapping(item, "gateways")) for item in items(body, "gateways")]
    if l3vpn and vnet["gateways"]:
        raise invalid("gateways", "An L3VPN V-Net has no gateways.")
    if relay and relay["enabled"] and any(gw["dhcpEnabled"] for gw in vnet["gateways"]):
        raise invalid("dhcpRelay", "DHCP relay and DHCP on a gateway exclude each other.")
    return stamped(vnet, current)


def _vlan(store: Store, value: Any, site_records: list[Record], current: Record | None) -> int:
    own = current["id"] if current else 0
    if value is None or value == "auto":
        if current and current["vlan"]:
            return int(current["vlan"])
        return vlans.allot(store, site_records, except_vnet=own)
    if value in ("", "disabled"):
        return 0
    number = to_int(value, "vlan")
    if number == 0:
        return 0
    if not vlans.LOWEST <= number <= vlans.HIGHEST:
        raise invalid("vlan", "vlan must be auto, 0 or between 2 and 4094.")
    return vlans.claim(store, site_records, number, except_vnet=own)


def _inner_vlan(store: Store, site_records: list[Record], own: int, current: Record | None) -> int:
    if current and current["fabricVlan"]:
        return int(current["fabricVlan"])
    used: set[int] = set()
    for site in site_records:
        used |= vlans.taken(store, site["id"], except_vnet=own).keys()
    return next((vlan for vlan in range(vlans.HIGHEST, vlans.LOWEST, -1) if vlan not in used), 0)


def _vxlan(store: Store, asked: int, own: int, current: Record | None) -> int:
    if asked < 0 or asked > 16_777_216:
        raise invalid("vxlanID", "vxlanID must be between 1 and 16777216.")
    if not asked:
        return int(current["vxlanID"]) if current else FIRST_VXLAN + own
    for vnet in store.all("vnet"):
        if vnet["vxlanID"] == asked and vnet["id"] != own:
            raise invalid("vxlanID", f"VXLAN ID {asked} is already used by V-Net {vnet['name']}.")
    return asked


def _relay(body: dict[str, Any], current: Record | None) -> dict[str, Any] | None:
    """Left out, it stays as it is; switched off by an object that says so."""
    if "dhcpRelay" not in body:
        return current["dhcpRelay"] if current else None
    relay = body["dhcpRelay"]
    if relay is None:
        return None
    relay = mapping(relay, "dhcpRelay")
    enabled = flag(relay, "enabled")
    keys = ("vpc", "primaryAddr", "secondaryAddr")
    return {"enabled": enabled, **{key: relay.get(key) if enabled else None for key in keys}}


def _ports(store: Store, listed: list[Any], vlan: int) -> list[Record]:
    topology = Topology(store)
    found: dict[int, Record] = {}
    for item in listed:
        entry = mapping(item, "ports")
        port = topology.find(entry, "ports")
        if topology.interface(port["id"]) is None:
            raise invalid("ports", f"Port {topology.label(port)} is not linked to a switch port.")
        if port["id"] in found:
            raise invalid("ports", f"Port {topology.label(port)} is listed twice.")
        own_vlan = str(entry.get("vlan") or "")
        if vlan:
            shown = str(vlan)
        elif own_vlan.isdecimal() and own_vlan != "0":
            shown = own_vlan
        else:
            shown = "1"
        # accessMode is what clients mean; `untagged` is sent as a constant beside it.
        untagged = flag(entry, "accessMode") if "accessMode" in entry else flag(entry, "untagged", shown == "1")
        found[port["id"]] = {
            "id": port["id"],
            "vlan": shown,
            "accessMode": untagged,
            "state": choice(entry, "state", ("active", "disabled"), "active"),
        }
    return list(found.values())


def _gateway(store: Store, vnet: Record, body: dict[str, Any]) -> Record:
    interface = addresses.gateway(body.get("prefix"), "gateways")
    net = interface.network
    subnet = next((node for node in ipam.nodes(store, "subnet", vnet["vpc"]) if node["prefix"] == str(net)), None)
    if subnet is None:
        raise invalid("gateways", f"Gateway {interface}: there is no subnet {net} in this VPC.")
    if subnet["purpose"] not in ("common", "management"):
        raise invalid("gateways", f"Gateway {interface}: subnet {net} has the purpose {subnet['purpose']}, not common.")
    if not set(vnet["sites"]).issubset(subnet["sites"]):
        raise invalid("gateways", f"Gateway {interface}: subnet {net} does not belong to the V-Net's site.")
    if subnet["tenant"] != vnet["tenant"]:
        raise invalid("gateways", f"Gateway {interface}: subnet {net} belongs to another tenant.")
    for other in ipam.users(store, subnet):
        if other["id"] != vnet["id"] and any(gw["prefix"] == str(interface) for gw in other["gateways"]):
            raise invalid("gateways", f"Gateway {interface} is already used by V-Net {other['name']}.")
    asked = body.get("dhcp")
    enabled = flag(body, "dhcpEnabled", bool(asked))
    served = _dhcp(store, interface, mapping(asked or {}, "dhcp")) if enabled else None
    return {
        "prefix": str(interface),
        "net": str(net),
        "vlan": body.get("vlan") or "",
        "dhcpEnabled": enabled,
        "dhcpLeaseCount": integer(body, "dhcpLeaseCount", 2 if enabled else 0),
        "dhcp": served,
    }


def _dhcp(store: Store, interface: addresses.Interface, body: dict[str, Any]) -> Record:
    """The range asked for, or the controller's own choice."""
    start, end = text(body, "start"), text(body, "end")
    if not start and not end:
        start, end = addresses.default_dhcp_range(interface)
    else:
        try:
            first, last = ipaddress.ip_address(start), ipaddress.ip_address(end)
        except ValueError as error:
            raise invalid("dhcp", f"DHCP range {start} - {end} is not a pair of addresses.") from error
        net = interface.network
        if first not in net or last not in net or int(first) > int(last):
            raise invalid("dhcp", f"DHCP range {start} - {end} must lie within {net}, lower end first.")
        if int(first) == int(net.network_address) or int(last) == int(net.broadcast_address):
            raise invalid("dhcp", f"DHCP range {start} - {end} touches the ends of {net}.")
        if int(first) <= int(interface.ip) <= int(last):
            raise invalid("dhcp", f"DHCP range {start} - {end} contains the gateway {interface.ip}.")
    options = reference(store, "dhcp", body.get("optionSet"), "optionSet") or dhcp.default(store)
    return {"start": start, "end": end, "optionSet": options["id"]}


def check_untagged(store: Store) -> None:
    """A switch port (or port-channel) carries untagged frames of one V-Net only."""
    topology = Topology(store)
    owner: dict[int, str] = {}
    for vnet in store.all("vnet"):
        for identifier, (port, tagged) in fabric.members(topology, store, vnet).items():
            if tagged:
                continue
            if identifier in owner:
                raise invalid(
                    "ports",
                    f"Port {topology.label(port)} is already untagged in V-Net {owner[identifier]}; "
                    f"it cannot be untagged in V-Net {vnet['name']} as well.",
                )
            owner[identifier] = vnet["name"]


def save(controller: Controller, vnet: Record, before: Record | None = None) -> Record:
    """Stores a V-Net and notes which switches have to follow."""
    store = controller.store
    old = fabric.members(Topology(store), store, before) if before else {}
    store.put("vnet", vnet)
    check_untagged(store)
    new = fabric.members(Topology(store), store, vnet)
    vnet = {**vnet, "progress": controller.progress(0, old, new)}
    store.put("vnet", vnet)
    return vnet


# --- reading ---------------------------------------------------------------------------------------------------------


def render(controller: Controller, topology: Topology, vnet: Record, *, full: bool) -> dict[str, Any]:
    store = controller.store
    site_refs = [ref(store, "site", site) for site in vnet["sites"]]
    hidden = ("fabricVlan", "cluster", "progress")
    return {
        **{key: value for key, value in vnet.items() if key not in hidden},
        "tenant": ref(store, "tenant", vnet["tenant"]),
        "tenantID": vnet["tenant"],
        "vpc": vpcs.brief(store, vnet["vpc"]),
        "sites": site_refs,
        "guestTenants": [ref(store, "tenant", guest) for guest in vnet["guestTenants"]],
        "status": _status(controller, vnet),
        "provisioning": False,
        "internal": False,
        "macAddress": f"02:00:5e:{vnet['id'] >> 16 & 255:02x}:{vnet['id'] >> 8 & 255:02x}:{vnet['id'] & 255:02x}",
        "gateways": [_render_gateway(store, gateway) for gateway in vnet["gateways"]],
        "ports": [_render_port(controller, topology, entry, full=full) for entry in vnet["ports"]],
        "portsCount": len(vnet["ports"]),
        "dhcpRelay": vnet["dhcpRelay"],
        "dhcpv6Relay": None,
        "ipv6ND": None,
    }


def _status(controller: Controller, vnet: Record) -> dict[str, str]:
    if vnet["state"] != "active":
        return {"label": "Disabled", "value": "disabled"}
    if controller.agents.done(vnet["progress"], [vnet["id"]]):
        return {"label": "Active", "value": "success"}
    return {"label": "Provisioning", "value": "warning"}


def _render_gateway(store: Store, gateway: Record) -> dict[str, Any]:
    served = gateway["dhcp"]
    return {
        **{key: value for key, value in gateway.items() if key != "net"},
        "ipFamily": f"ipv{ipaddress.ip_interface(gateway['prefix']).version}",
        "dhcp": {**served, "optionSet": ref(store, "dhcp", served["optionSet"])} if served else None,
    }


def _render_port(controller: Controller, topology: Topology, entry: Record, *, full: bool) -> dict[str, Any]:
    port = controller.store.peek("port", entry["id"])
    if port is None:
        raise LookupError(f"V-Net lists port {entry['id']}, which does not exist")
    if full:
        shown = ports.render(controller, topology, port)
    else:
        device = topology.device(port)
        site = controller.store.peek("site", device["site"])
        shown = {
            "id": port["id"],
            "name": topology.label(port),
            "port": port["port"],
            "switchName": device["name"],
            "site": sites.render(site) if site else None,
        }
    return {
        **shown,
        "vlan": entry["vlan"],
        "untagged": entry["accessMode"],
        "accessMode": entry["accessMode"],
        "state": {
            "id": 1 if entry["state"] == "active" else 2,
            "label": entry["state"].capitalize(),
            "value": entry["state"],
        },
        "lacp": "off",
        "macCount": 0,
    }


def listing(call: Call) -> Reply:
    wanted, site_ids = call.vpc(), call.sites()
    if wanted is None and call.controller.knobs.vnet_list == "default-vpc":
        wanted = {vpcs.default(call.store)["id"]}
    unmanaged = call.query.get("unmanaged") == "true"
    topology = Topology(call.store)
    return Reply(
        [
            render(call.controller, topology, vnet, full=False)
            for vnet in call.store.all("vnet")
            if (wanted is None or vnet["vpc"] in wanted)
            and (site_ids is None or site_ids.intersection(vnet["sites"]))
            and (not unmanaged or vnet["state"] == "unmanaged")
        ]
    )


def one(call: Call) -> Reply:
    return Reply(render(call.controller, Topology(call.store), call.record("vnet"), full=True))


def post(call: Call) -> Reply:
    return created(save(call.controller, build(call.store, call.body))["id"])


def put(call: Call) -> Reply:
    current = call.record("vnet", UNKNOWN)
    return updated(save(call.controller, build(call.store, call.body, current), current)["id"])


def delete(call: Call) -> Reply:
    vnet = call.record("vnet", UNKNOWN)
    if vnet["cluster"]:
        cluster = call.store.peek("cluster", vnet["cluster"])
        if cluster is not None:
            raise ApiError(f"V-Net {vnet['name']} belongs to server cluster {cluster['name']}.")
    call.store.delete("vnet", vnet["id"])
    return deleted()


def candidate_ports(call: Call) -> Reply:
    """Ports that a V-Net may take."""
    query, topology = call.query, Topology(call.store)
    found = [
        {
            "id": port["id"],
            "name": topology.label(port),
            "port": port["port"],
            "switchName": topology.device(port)["name"],
        }
        for port in call.store.all("port")
        if query.get("search", "") in topology.label(port)
        and (not query.get("site") or query["site"] == str(topology.device(port)["site"]))
        and (not query.get("tenant") or query["tenant"] == str(port["tenant"]))
    ]
    offset, limit = max(call.number("offset"), 0), call.number("limit")
    return Reply(found[offset : offset + limit] if limit > 0 else found[offset:], meta={"totalDocs": len(found)})


ROUTES = [
    *crud("/api/v2/vnet", listing, one, post, put, delete),
    Route("GET", "/api/v2/vnet/ports", candidate_ports),
]
