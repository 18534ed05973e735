"""Allocations, the subnets in them, and the addresses used in a subnet."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from typing import Any

from .. import addresses
from ..call import Call, Reply, Route, created, deleted, updated
from ..core import Controller, stamped
from ..errors import ApiError, invalid, not_found
from ..store import Record, Store
from ..values import choice, flag, items, needed, ref, reference, strings, text, unchanged, unique_name
from . import vpcs

PURPOSES = ("common", "loopback", "management", "load-balancer", "nat", "inactive", "bgp")
HOST_IDS = 1 << 20  # a host's id is its subnet's id and its place in the subnet


def nodes(store: Store, kind: str, vpc_id: int | None = None) -> list[Record]:
    return [node for node in store.all("ipam") if node["type"] == kind and (vpc_id is None or node["vpc"] == vpc_id)]


def parent_allocation(store: Store, vpc_id: int, net: addresses.Network) -> Record | None:
    """The allocation of a VPC that a prefix lies in."""
    for node in nodes(store, "allocation", vpc_id):
        if addresses.contains(ipaddress.ip_network(node["prefix"]), net):
            return node
    return None


def overlapping(store: Store, kind: str, vpc_id: int, net: addresses.Network, own_id: int = 0) -> Record | None:
    for node in nodes(store, kind, vpc_id):
        if node["id"] != own_id and addresses.overlap(ipaddress.ip_network(node["prefix"]), net):
            return node
    return None


def children(store: Store, node: Record) -> list[Record]:
    return [child for child in store.all("ipam") if child["parentID"] == node["id"]]


def users(store: Store, subnet: Record) -> list[Record]:
    """V-Nets with a gateway in a subnet. A gateway's network always is a subnet's, never a part of one."""
    return [
        vnet
        for vnet in store.all("vnet")
        if vnet["vpc"] == subnet["vpc"] and any(gw["net"] == subnet["prefix"] for gw in vnet["gateways"])
    ]


def _nat_rule(store: Store, subnet: Record) -> Record | None:
    """A NAT rule with a public address out of a subnet."""
    if subnet["purpose"] != "nat":
        return None
    net = ipaddress.ip_network(subnet["prefix"])
    for rule in store.all("nat"):
        public = rule["destinationAddress"] if rule["action"] == "DNAT" else rule["snatToIP"] or rule["snatToPool"]
        if public and addresses.overlap(ipaddress.ip_network(public), net):
            return rule
    return None


def busy(store: Store) -> set[tuple[int, str]]:
    """Subnets with hosts, as (VPC, prefix): one pass for a whole list."""
    return {(vnet["vpc"], gw["net"]) for vnet in store.all("vnet") for gw in vnet["gateways"]}


# --- writing ---------------------------------------------------------------------------------------------------------


def build_allocation(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name, vpc_id, net = _common(store, body, current, "allocation")
    other = overlapping(store, "allocation", vpc_id, net, current["id"] if current else 0)
    if other:
        raise invalid("prefix", f"Prefix {net} overlaps allocation {other['name']} ({other['prefix']}) of this VPC.")
    if current:
        for child in children(store, current):
            if not addresses.contains(net, ipaddress.ip_network(child["prefix"])):
                raise invalid("prefix", f"Subnet {child['name']} ({child['prefix']}) would lie outside {net}.")
        unchanged(store, "tenant", body, "tenant", current["tenant"])
    return _node(store, body, current, type="allocation", name=name, vpc=vpc_id, net=net, parent=0)


def build_subnet(store: Store, body: dict[str, Any], current: Record | None = None) -> Record:
    name, vpc_id, net = _common(store, body, current, "subnet")
    if current and str(net) != current["prefix"]:
        raise invalid("prefix", "prefix cannot be changed.")
    parent = parent_allocation(store, vpc_id, net)
    if parent is None:
        raise invalid("prefix", f"Subnet {net} lies in no allocation of this VPC.")
    other = overlapping(store, "subnet", vpc_id, net, current["id"] if current else 0)
    if other:
        raise invalid("prefix", f"Subnet {net} overlaps subnet {other['name']} ({other['prefix']}) of this VPC.")
    if not items(body, "sites"):
        raise invalid("sites", "sites is required.")
    purpose = choice(body, "purpose", PURPOSES, "")
    if not purpose:
        raise invalid("purpose", "purpose is required.")
    if text(body, "defaultGateway") and purpose != "management":
        raise invalid("defaultGateway", "defaultGateway is for subnets with the purpose management only.")
    return _node(store, body, current, type="subnet", name=name, vpc=vpc_id, net=net, parent=parent["id"])


def _common(
    store: Store, body: dict[str, Any], current: Record | None, kind: str
) -> tuple[str, int, addresses.Network]:
    name = text(body, "name", required=True)
    net = addresses.network(body.get("prefix"), "prefix")
    if current:
        # Neither allocations nor subnets change their VPC; writes leave it out.
        unchanged(store, "vpc", body, "vpc", current["vpc"])
        vpc_id = current["vpc"]
    else:
        vpc_id = vpcs.chosen(store, body)["id"]
    unique_name(store, "ipam", name, current["id"] if current else 0, type=kind)
    return name, vpc_id, net


def _node(
    store: Store,
    body: dict[str, Any],
    current: Record | None,
    *,
    type: str,
    name: str,
    vpc: int,
    net: addresses.Network,
    parent: int,
) -> Record:
    sites = [reference(store, "site", site, "sites") for site in items(body, "sites")]
    return stamped(
        {
            "id": current["id"] if current else store.next_id("ipam"),
            "type": type,
            "name": name,
            "prefix": str(net),
            "tenant": needed(store, "tenant", body, "tenant")["id"],
            "vpc": vpc,
            "parentID": parent,
            "sites": [site["id"] for site in sites if site] if type == "subnet" else [],
            "purpose": text(body, "purpose") if type == "subnet" else "",
            "defaultGateway": text(body, "defaultGateway"),
            "description": text(body, "description"),
            "tags": strings(body, "tags"),
            "globalRouting": flag(body, "globalRouting"),
            # lab bookkeeping: made by the cluster engine, and cut from which supernet
            "madeByCluster": bool(current and current["madeByCluster"]),
            "cutFrom": current["cutFrom"] if current else "",
        },
        current,
    )


def post(kind: str) -> Any:
    build = build_allocation if kind == "allocation" else build_subnet

    def handler(call: Call) -> Reply:
        node = build(call.store, call.body)
        call.store.put("ipam", node)
        return created(node["id"])

    return handler


def put(kind: str) -> Any:
    build = build_allocation if kind == "allocation" else build_subnet

    def handler(call: Call) -> Reply:
        node = build(call.store, call.body, _named(call, kind))
        call.store.put("ipam", node)
        return updated(node["id"])

    return handler


def delete(kind: str) -> Any:
    def handler(call: Call) -> Reply:
        node = _named(call, kind)
        below = children(call.store, node)
        if below:
            raise ApiError(f"{node['name']} still has subnets: {', '.join(child['name'] for child in below[:5])}.")
        if kind == "subnet":
            holders = users(call.store, node)
            if holders:
                raise ApiError(f"Subnet {node['name']} is in use by V-Net {holders[0]['name']}.")
            rule = _nat_rule(call.store, node)
            if rule:
                raise ApiError(f"Subnet {node['name']} is in use by NAT rule {rule['name']}.")
        call.store.delete("ipam", node["id"])
        return deleted()

    return handler


def _named(call: Call, kind: str) -> Record:
    """The node that the path names by id or by prefix."""
    ident = str(call.params["ident"])
    for node in nodes(call.store, kind):
        if ident in (str(node["id"]), node["prefix"]):
            return call.store.get("ipam", node["id"]) or node
    raise not_found()


# --- reading ---------------------------------------------------------------------------------------------------------


def render(
    store: Store, node: Record, in_use: set[tuple[int, str]], below: Iterable[dict[str, Any]] = ()
) -> dict[str, Any]:
    net = ipaddress.ip_network(node["prefix"])
    listed = list(below)
    used = sum(ipaddress.ip_network(child["prefix"]).num_addresses for child in listed)
    hidden = ("madeByCluster", "cutFrom")
    return {
        **{key: value for key, value in node.items() if key not in hidden},
        "allocationID": node["parentID"] or node["id"],
        "subnet": {"prefix": str(net.network_address), "length": net.prefixlen},
        "ipFamily": f"ipv{net.version}",
        "readonly": "no",
        "sites": [ref(store, "site", site) for site in node["sites"]],
        "tenant": ref(store, "tenant", node["tenant"]),
        "vpc": vpcs.brief(store, node["vpc"]),
        "children": listed,
        "hasHosts": (node["vpc"], node["prefix"]) in in_use,
        "fullName": f"{node['prefix']} ({node['name']})",
        "utilization": {"percent": 100 * used // net.num_addresses, "type": "subnets"},
    }


def tree(call: Call) -> Reply:
    """Allocations with their subnets. Without a VPC: those of the default VPC only."""
    wanted = call.vpc()
    if wanted is None and call.controller.knobs.ipam_list == "default-vpc":
        wanted = {vpcs.default(call.store)["id"]}
    in_use = busy(call.store)
    by_parent: dict[int, list[dict[str, Any]]] = {}
    for node in _listed(call, "subnet", wanted):
        by_parent.setdefault(node["parentID"], []).append(render(call.store, node, in_use))
    allocations = _listed(call, "allocation", wanted)
    return Reply([render(call.store, node, in_use, by_parent.get(node["id"], [])) for node in allocations])


def subnets(call: Call) -> Reply:
    """Subnets of one VPC, or of all."""
    in_use = busy(call.store)
    return Reply([render(call.store, node, in_use) for node in _listed(call, "subnet", call.vpc())])


def _listed(call: Call, kind: str, wanted: set[int] | None) -> list[Record]:
    sites = call.sites()
    return [
        node
        for node in nodes(call.store, kind)
        if (wanted is None or node["vpc"] in wanted)
        and (sites is None or kind == "allocation" or sites.intersection(node["sites"]))
    ]


def hosts(call: Call) -> Reply:
    """Addresses in use: gateways of V-Nets, and leases that the switches' agents report."""
    subnet = call.record("ipam")
    if subnet["type"] != "subnet":
        raise not_found()
    return Reply(used_hosts(call.controller, subnet))


def used_hosts(controller: Controller, subnet: Record) -> list[dict[str, Any]]:
    net = ipaddress.ip_network(subnet["prefix"])
    found: dict[str, dict[str, Any]] = {}

    def add(address: str, name: str, readonly: str, anycast: bool, mac: str = "") -> None:
        place = int(ipaddress.ip_address(address)) - int(net.network_address)
        identifier = subnet["id"] * HOST_IDS + place % HOST_IDS
        found.setdefault(
            address,
            {
                "id": identifier,
                "subnetID": subnet["id"],
                "name": name,
                "address": address,
                "ipFamily": f"ipv{net.version}",
                "type": "host",
                "readonly": readonly,
                "description": "",
                "meta": {"anycast": anycast},
                "mac": [{"id": identifier, "address": mac, "source": "dhcp", "deleted": False}] if mac else [],
            },
        )

    for vnet in users(controller.store, subnet):
        for gateway in vnet["gateways"]:
            interface = ipaddress.ip_interface(gateway["prefix"])
            if interface.network == net:
                add(str(interface.ip), vnet["name"], "yes", True)
        for lease in controller.agents.leases(vnet["id"]):
            try:
                inside = ipaddress.ip_address(lease["ip"]) in net
            except ValueError:
                continue  # an agent's report is not trusted to hold addresses only
            if inside:
                add(lease["ip"], lease["hostname"], "no", False, lease["mac"])
    return [found[address] for address in sorted(found, key=ipaddress.ip_address)]


ROUTES = [
    Route("GET", "/api/v2/ipam", tree),
    Route("GET", "/api/v2/ipam/subnets", subnets),
    Route("GET", "/api/v2/ipam/hosts/{id}", hosts),
]
for _kind in ("allocation", "subnet"):
    ROUTES += [
        Route("POST", f"/api/v2/ipam/{_kind}", post(_kind)),
        Route("PUT", f"/api/v2/ipam/{_kind}/{{ident:path}}", put(_kind)),
        Route("DELETE", f"/api/v2/ipam/{_kind}/{{ident:path}}", delete(_kind)),
    ]
