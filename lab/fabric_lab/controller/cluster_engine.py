"""What a server cluster makes of its template: VPC, prefixes, V-Nets, and its servers' NICs as members."""

from __future__ import annotations

import ipaddress
from typing import Any

from . import addresses, fabric, vlans
from .core import Controller
from .errors import ApiError, invalid
from .nouns import ipam, vnets, vpcs
from .nouns.templates import ASK_WORDS
from .store import Record, Store
from .topology import Topology
from .values import flag, integer, items, mapping, text, to_int, unique_name

Members = dict[int, tuple[Record, bool]]


class Answers:
    """What a create body says to the template's questions."""

    def __init__(self, body: dict[str, Any]) -> None:
        template = mapping(body.get("srvClusterTemplate") or {}, "srvClusterTemplate")
        self._gateways = {4: _by_postfix(template, "ipv4Gateways"), 6: _by_postfix(template, "ipv6Gateways")}
        self._vlans = _by_postfix(template, "vlans")
        self._vpcs = _by_postfix(body, "vpcList")

    def gateway(self, family: int, postfix: str) -> str:
        value = text(self._gateways[family].get(postfix, {}), "address")
        if not value:
            raise invalid(f"ipv{family}Gateways", f"The template asks for an IPv{family} gateway for {postfix}.")
        return value

    def vlan(self, postfix: str) -> int:
        value = self._vlans.get(postfix, {}).get("vlanID")
        if value is None:
            raise invalid("vlans", f"The template asks for a VLAN ID for {postfix}.")
        return to_int(value, "vlans")

    def vpc(self, postfix: str) -> int:
        return integer(self._vpcs.get(postfix, {}), "id")


def _by_postfix(body: dict[str, Any], field: str) -> dict[str, dict[str, Any]]:
    return {str(item.get("postfix")): item for item in items(body, field) if mapping(item, field)}


# --- members ---------------------------------------------------------------------------------------------------------


def members(store: Store, cluster: Record, listed: list[Any]) -> list[Record]:
    """The server list of a write body, checked."""
    found: list[Record] = []
    dedicated = {
        member["id"]: other["name"]
        for other in store.all("cluster")
        if other["id"] != cluster["id"]
        for member in other["servers"]
        if not member["shared"]
    }
    for item in listed:
        body = mapping(item, "servers")
        server = _server(store, body)
        if any(member["id"] == server["id"] for member in found):
            raise invalid("servers", f"Server {server['name']} is listed twice.")
        if server["site"] != cluster["site"]:
            raise invalid("servers", f"Server {server['name']} is not in the cluster's site.")
        if server["tenant"] != cluster["admin"]:
            raise invalid("servers", f"Server {server['name']} belongs to another tenant than the cluster.")
        shared = flag(body, "shared")
        if not shared and server["id"] in dedicated:
            raise invalid(
                "servers",
                f"Server {server['name']} is already a dedicated member of server cluster {dedicated[server['id']]}.",
            )
        found.append({"id": server["id"], "shared": shared})
    return found


def _server(store: Store, body: dict[str, Any]) -> Record:
    identifier = integer(body, "id")
    for device in [store.peek("hw", identifier)] if identifier else store.all("hw"):
        if device and device["type"] == "server" and (identifier or device["name"] == body.get("name")):
            return device
    raise invalid("servers", f"Server {identifier or body.get('name')} does not exist.")


def member_ports(store: Store, servers: list[Record], entry: dict[str, Any]) -> list[dict[str, Any]]:
    """The servers' NICs that a template entry names, as V-Net ports: dedicated untagged, shared tagged."""
    topology = Topology(store)
    found = []
    for member in servers:
        if member["shared"] and entry["type"] == "l3vpn":
            continue  # shared endpoints are 802.1Q only
        server = store.peek("hw", member["id"])
        if server is None:
            raise LookupError(f"server {member['id']} has vanished")
        for nic in entry["serverNics"]:
            port = topology.named(f"{nic}@{server['name']}")
            if port is None and server["missingNicsIgnored"]:
                continue
            if port is None:
                raise invalid("servers", f"Server {server['name']} has no NIC {nic}.")
            if topology.interface(port["id"]) is None:
                raise invalid("servers", f"NIC {nic} of server {server['name']} is not linked to a switch port.")
            found.append({"id": port["id"], "accessMode": not member["shared"], "state": "active"})
    return found


# --- making ----------------------------------------------------------------------------------------------------------


def make_vpc(store: Store, cluster: Record, body: dict[str, Any]) -> None:
    """The VPC that the body names, or for id 0 a new one of the cluster's name."""
    value = body.get("vpc")
    if isinstance(value, dict) and "id" in value and not to_int(value["id"] or 0, "vpc"):
        vpc = vpcs.build(store, {"name": cluster["name"], "adminTenant": {"id": cluster["admin"]}})
        store.put("vpc", vpc)
        cluster["vpc"], cluster["vpcMade"] = vpc["id"], True
    else:
        cluster["vpc"] = vpcs.chosen(store, body)["id"]


def make_vnets(controller: Controller, cluster: Record, template: Record, answers: Answers) -> None:
    """One V-Net for each entry of the template."""
    for _, entry in template["vnets"]:
        if entry["type"] in ("l2vpn", "l3vpn"):
            _make_vnet(controller, cluster, entry, answers)


def _make_vnet(controller: Controller, cluster: Record, entry: dict[str, Any], answers: Answers) -> None:
    store, postfix = controller.store, entry["postfix"]
    vpc = answers.vpc(postfix) or cluster["vpc"]
    if store.peek("vpc", vpc) is None:
        raise invalid("vpcList", f"VPC with id {vpc} does not exist.")
    name = f"{cluster['name']}-{postfix}"
    unique_name(store, "vnet", name, 0)  # before its prefixes, whose names follow it
    site = store.peek("site", cluster["site"])
    vlan: Any = "auto"
    if entry["vlanID"] in ASK_WORDS and site is not None:
        vlan = vlans.claim(store, [site], answers.vlan(postfix))
    gateways = []
    for family in (4, 6):
        interface = _gateway(controller, cluster, vpc, entry, family, answers)
        if interface is not None:
            gateways.append({"prefix": str(interface), "dhcpEnabled": bool(entry.get(f"ipv{family}DhcpEnabled"))})
    vnet = vnets.build(
        store,
        {
            "name": name,
            "tenant": {"id": cluster["admin"]},
            "vpc": {"id": vpc},
            "sites": [{"id": cluster["site"]}],
            "state": cluster["state"],
            "vlan": vlan,
            "l3vpn": entry["type"] == "l3vpn",
            "ipFamily": entry.get("ipFamily"),
            "gateways": gateways,
            "ports": member_ports(store, cluster["servers"], entry),
        },
    )
    vnets.save(controller, {**vnet, "cluster": cluster["id"]})
    cluster["vnets"].append({"id": vnet["id"], "postfix": postfix})


def _gateway(
    controller: Controller, cluster: Record, vpc: int, entry: dict[str, Any], family: int, answers: Answers
) -> addresses.Interface | None:
    """The gateway's address, with the subnet that holds it in place."""
    field = f"ipv{family}Gateway"
    value = entry.get(field)
    if value is None:
        return None
    label = f"{cluster['name']}-{entry['postfix']}" + ("-v6" if family == 6 else "")
    if isinstance(value, dict):
        supernet = addresses.network(value["allocation"], field)
        length = to_int(value["childSubnetPrefixLength"], field)
        net = addresses.cut_child(supernet, length, _used_children(controller, vpc))
        _ensure_subnet(controller.store, cluster, vpc, net, supernet, label, cut=True)
        return addresses.nth_host(net, to_int(value["hostnum"], field))
    address = answers.gateway(family, entry["postfix"]) if value in ASK_WORDS else value
    interface = addresses.gateway(address, field)
    if interface.version != family:
        raise invalid(field, f"{address} is not an IPv{family} address.")
    _ensure_subnet(controller.store, cluster, vpc, interface.network, interface.network, label, cut=False)
    return interface


def _used_children(controller: Controller, vpc: int) -> list[addresses.Network]:
    """Prefixes that the next child must avoid: the VPC's subnets and, unless turned off, all children cut so far."""
    everywhere = controller.knobs.auto_subnet_scope == "all-vpcs"
    return [
        ipaddress.ip_network(node["prefix"])
        for node in ipam.nodes(controller.store, "subnet")
        if node["vpc"] == vpc or (everywhere and node["cutFrom"])
    ]


def _ensure_subnet(
    store: Store,
    cluster: Record,
    vpc: int,
    net: addresses.Network,
    supernet: addresses.Network,
    label: str,
    *,
    cut: bool,
) -> None:
    """Uses what is there and makes what is missing, remembering which is which."""
    owner = {"tenant": {"id": cluster["admin"]}, "vpc": {"id": vpc}}
    allocation = ipam.parent_allocation(store, vpc, net)
    if allocation is None:
        wanted = {"name": _free_name(store, "allocation", label), "prefix": str(supernet), **owner}
        allocation = {**ipam.build_allocation(store, wanted), "madeByCluster": True}
        store.put("ipam", allocation)
    subnet = next((node for node in ipam.nodes(store, "subnet", vpc) if node["prefix"] == str(net)), None)
    if subnet is None:
        body: dict[str, Any] = {
            "name": _free_name(store, "subnet", label),
            "prefix": str(net),
            "purpose": "common",
            "sites": [{"id": cluster["site"]}],
            **owner,
        }
        subnet = ipam.build_subnet(store, body)
        subnet |= {"madeByCluster": True, "cutFrom": str(supernet) if cut else ""}
        store.put("ipam", subnet)
    elif cluster["site"] not in subnet["sites"]:
        raise ApiError(f"Subnet {net} exists in this VPC but not for the cluster's site.")
    cluster["allocations"].append(allocation["id"])
    cluster["subnets"].append(subnet["id"])


def _free_name(store: Store, kind: str, label: str) -> str:
    names = {node["name"] for node in ipam.nodes(store, kind)}
    number, name = 1, label
    while name in names:
        number += 1
        name = f"{label}-{number}"
    return name


# --- changing and removing -------------------------------------------------------------------------------------------


def fabric_members(store: Store, cluster: Record) -> Members:
    """Switch interfaces that the cluster's V-Nets use now."""
    topology = Topology(store)
    found: Members = {}
    for made in cluster["vnets"]:
        vnet = store.peek("vnet", made["id"])
        if vnet is not None:
            found |= fabric.members(topology, store, vnet)
    return found


def change_members(controller: Controller, cluster: Record, servers: list[Record], template: Record) -> None:
    """Replaces the cluster's servers in its V-Nets. Ports that others put there stay."""
    store = controller.store
    entries = {entry["postfix"]: entry for _, entry in template["vnets"]}
    for made in cluster["vnets"]:
        vnet, entry = store.get("vnet", made["id"]), entries.get(made["postfix"])
        if vnet is None or entry is None:
            continue
        listed = member_ports(store, servers, entry)
        own = {port["id"] for port in [*member_ports(store, cluster["servers"], entry), *listed]}
        foreign = [port for port in vnet["ports"] if port["id"] not in own]
        shown = str(vnet["vlan"] or 1)
        vnets.save(
            controller, {**vnet, "ports": [*foreign, *({**port, "vlan": shown} for port in listed)]}, before=vnet
        )
    cluster["servers"] = servers


def remove(controller: Controller, cluster: Record) -> None:
    """Removes what the cluster made and nothing else: what was there before, or is used by others, stays."""
    store = controller.store
    for made in cluster["vnets"]:
        if store.peek("vnet", made["id"]) is not None:
            store.delete("vnet", made["id"])
    for identifier in [*cluster["subnets"], *cluster["allocations"]]:
        node = store.peek("ipam", identifier)
        if node and node["madeByCluster"] and not ipam.children(store, node) and not ipam.users(store, node):
            store.delete("ipam", identifier)
    store.delete("cluster", cluster["id"])
    vpc = cluster["vpc"]
    if (
        cluster["vpcMade"]
        and controller.knobs.cluster_delete_vpc == "remove"
        and not any(vpcs.children(store, vpc).values())
        and store.peek("vpc", vpc) is not None
    ):
        store.delete("vpc", vpc)
