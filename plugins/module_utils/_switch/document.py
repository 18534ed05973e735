# SPDX-License-Identifier: Apache-2.0
"""Between the intent and switches without a controller: what the model means there, and what they carry now.

Pure, and the same for both providers: it gets what every switch's record says (read from the switch, or from the file
that stands for it) and makes what the module `switch_networks`, or a person, has to bring about.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from .._intent.address_plan import address_plan, largest_free_range
from .._intent.model import Model, Server, TenantCluster
from .._intent.names import vnet
from .._intent.observed import ObservedCluster, ObservedFabric, ObservedServer, SwitchPort
from .._intent.switch_rules import vlan_ids
from .model import natural

Document = dict[str, Any]
Looks = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ObservedSwitches(ObservedFabric):
    """What `switch_info` returned, by switch."""

    looks: Looks = field(default_factory=dict)


# --- the switches' answers in the intent's words -----------------------------------------------------------------


def observe(model: Model, info: Mapping[str, Any]) -> ObservedSwitches:
    """The present fabric, from what each switch's record says (C(switches), by name)."""
    looks: Looks = info["switches"]
    known = networks(looks)
    return ObservedSwitches(
        sites=[model.fabric.site],
        owners=[model.fabric.owner],
        servers=_servers(model),
        switches={name: _disagreement(looks.get(name), known) for name in model.switches},
        clusters={name: _cluster(network) for name, network in known.items()},
        vlan_ids=frozenset(vlan_ids(model.fabric.vlan_range)),
        vlan_ids_used=frozenset(
            {
                *(int(each["vlan_id"]) for each in known.values()),
                *(int(each) for look in looks.values() for each in look.get("vlan_ids_used") or ()),
            }
        ),
        subnets=[str(each["subnet"]) for each in known.values()],
        where="the switches' fabric_links",
        obstacles=_moved_gateways(model, looks),
        cable_problems=_cable_problems(model, looks),
        looks=looks,
    )


def networks(looks: Looks) -> dict[str, dict[str, Any]]:
    """All switches' networks by name, each with the members on all of them."""
    found: dict[str, dict[str, Any]] = {}
    for switch in sorted(looks):
        for network in looks[switch]["networks"]:
            name = str(network["name"])
            known = found.setdefault(name, {**network, "members": [], "routed": False})
            if network.get("routed"):
                known.update({key: network[key] for key in ("gateway", "dhcp", "routed")})
            known["members"] = [*known["members"], *network["members"]]
    return found


def _disagreement(look: Mapping[str, Any] | None, known: Mapping[str, Mapping[str, Any]]) -> str | None:
    """Why this switch cannot be built upon."""
    if look is None:
        return "it was not asked"
    for network in look["networks"]:
        other = known[network["name"]]
        if (network["vlan_id"], network["subnet"]) != (other["vlan_id"], other["subnet"]):
            return (
                f"it has network {network['name']} on VLAN {network['vlan_id']} with {network['subnet']}, another"
                f" switch on VLAN {other['vlan_id']} with {other['subnet']}"
            )
    return None


def _moved_gateways(model: Model, looks: Looks) -> list[tuple[str, str]]:
    """Gateways in use elsewhere: making them anew while the old ones are there would give each address to two."""
    wanted = _registry(model) if model.switches else ""
    if not model.fabric.switch_gateway:
        return []
    found = []
    for switch in sorted(set(looks) - {wanted}):
        routed = sorted(str(each["name"]) for each in looks[switch]["networks"] if each.get("routed"))
        if routed:
            found.append(
                (
                    "fabric_gateway_switch",
                    f"is {wanted}, but {switch} is the gateway of {', '.join(routed)}: name {switch}. To move gateways"
                    f" nevertheless, with {switch} named run host_cluster and tenant_create with"
                    " fabric_switch_gateway=false and fabric_switch_dhcp=false first, which interrupts these networks",
                )
            )
    return found


def _servers(model: Model) -> dict[str, ObservedServer]:
    nics: dict[str, dict[str, SwitchPort | None]] = {}
    for switch in model.switches.values():
        for port in sorted(switch.links, key=natural):
            nic, _at, server = switch.links[port].partition("@")
            nics.setdefault(server, {})[nic] = SwitchPort(switch.name, port)
    return {name: ObservedServer(name, found) for name, found in sorted(nics.items())}


def _cluster(network: Mapping[str, Any]) -> ObservedCluster:
    return ObservedCluster(
        name=str(network["name"]),
        template="",
        vpc=str(network["name"]),
        shared=sorted({each["server"] for each in network["members"] if each["tagged"]}),
        dedicated=sorted({each["server"] for each in network["members"] if not each["tagged"]}),
    )


def _cable_problems(model: Model, looks: Looks) -> dict[str, list[tuple[str, str]]]:
    """By server, cables that lead elsewhere than the inventory says. Where LLDP is silent nothing is known."""
    servers = {each.netris_name: each for each in (*model.shared_servers.values(), *model.bare_metal.values())}
    found: dict[str, list[tuple[str, str]]] = {}
    for switch in model.switches.values():
        heard = (looks.get(switch.name) or {}).get("neighbours") or {}
        for port, end in sorted(switch.links.items(), key=lambda item: natural(item[0])):
            nic, _at, name = end.partition("@")
            neighbour = heard.get(port)
            if neighbour is None or name not in servers or _is_it(servers[name], nic, neighbour):
                continue
            found.setdefault(name, []).append(
                (
                    f"{switch.name}.fabric_links.{port}",
                    f"says {end}, but LLDP hears {neighbour['port']} of {neighbour['system']} there; mend the cable or"
                    " the inventory",
                )
            )
    return found


def _is_it(server: Server, nic: str, neighbour: Mapping[str, str]) -> bool:
    if neighbour["system"].partition(".")[0] != server.hostname.partition(".")[0]:
        return False
    mac = server.nic_macs.get(nic)
    # A NIC that is found by its address may bear any name, and a server may tell either by LLDP.
    return mac is not None or neighbour["port"] == nic or ":" in neighbour["port"]


def server_clusters(model: Model, looks: Looks) -> list[dict[str, Any]]:
    """The networks as M(baremetal.fabric.netris_info) shows server clusters, which is what facts are made of."""
    postfix = model.fabric.template_postfix
    return [
        {
            "name": name,
            "vpc": name,
            "servers": [
                {"name": each["server"], "shared": bool(each["tagged"])}
                for each in sorted(network["members"], key=lambda each: str(each["server"]))
            ],
            "vnets": {
                postfix: {
                    "vnet": vnet(name, postfix),
                    "vlan_id": network["vlan_id"],
                    "vpc": name,
                    "subnet": network["subnet"],
                    "gateway": network["gateway"],
                    "dhcp_range": network["dhcp"],
                }
            },
        }
        for name, network in sorted(networks(looks).items())
    ]


# --- the intent in the switches' words ---------------------------------------------------------------------------


def present_document(model: Model, observed: ObservedSwitches, tenant_clusters: Sequence[str]) -> Document:
    """Everything that these tenant clusters need on the switches."""
    chosen = [model.tenant_clusters[name] for name in tenant_clusters]
    entries = [(tenant.netris_name, _tenant(model, tenant), _tenant_members(model, tenant)) for tenant in chosen]
    return _document(model, observed, entries)


def host_document(model: Model, observed: ObservedSwitches) -> Document:
    """Everything that the host cluster needs on the switches: its VLAN, untagged."""
    host = model.host_cluster
    gateway = IPv4Interface(host.gateway)
    first = int(gateway.network.network_address)
    free = largest_free_range(str(gateway.network), [host.gateway, host.api_endpoint.rpartition(":")[0]])
    if free is None:
        raise ValueError(f"{gateway.network} has no address for the shared servers")
    spec = {
        "name": host.name,
        "subnet": str(gateway.network),
        "gateway_host": int(gateway.ip) - first,
        "dhcp": _hosts(model, first, free.start, free.end),
    }
    members = {server.netris_name: False for server in model.shared_servers.values()}
    members.update(dict.fromkeys(host.extra_servers, False))
    return _document(model, observed, [(host.name, spec, members)])


def absent_document(model: Model, tenant_clusters: Sequence[str], observed: ObservedSwitches | None = None) -> Document:
    """What goes when these tenant clusters go: their networks, everywhere, whatever is observed of them."""
    del observed
    names = [model.tenant_clusters[name].netris_name for name in tenant_clusters]
    gone = [{"name": name, "state": "absent"} for name in names]
    return {**_frame(model), "switches": {name: _switch(model, name, gone) for name in sorted(model.switches)}}


def membership_document(model: Model, observed: ObservedSwitches, server: str, target: str) -> Document:
    """One bare-metal server out of whichever tenant cluster holds it and into another one, or into parking.

    Both sides in one call of its switch, so that it is released before it is claimed; other members stay as they are.
    """
    machine = model.bare_metal[server].netris_name
    wanted = model.tenant_clusters[target] if target else None
    by_switch: dict[str, list[dict[str, Any]]] = {}
    for tenant in model.tenant_clusters.values():
        found = observed.clusters.get(tenant.netris_name)
        if found and tenant is not wanted and machine in found.dedicated:
            leaving = {"members_mode": "merge", "members": [{"server": machine, "state": "absent"}]}
            for switch, look in observed.looks.items():
                carried = {network["name"]: network for network in look["networks"]}
                members = carried.get(found.name, {}).get("members") or ()
                if any(each["server"] == machine for each in members):
                    by_switch.setdefault(switch, []).append({"name": found.name, **leaving})
    if wanted:
        for switch, members in _members_by_switch(model, {machine: False}).items():
            routed = switch == _registry(model) and model.fabric.switch_gateway
            entry = {**_tenant(model, wanted), "routed": routed, "members_mode": "merge", "members": members}
            by_switch.setdefault(switch, []).append(entry)
    return {
        **_frame(model, observed),
        "switches": {switch: _switch(model, switch, entries) for switch, entries in sorted(by_switch.items())},
    }


def _document(
    model: Model, observed: ObservedSwitches, entries: Sequence[tuple[str, dict[str, Any], Mapping[str, bool]]]
) -> Document:
    registry = _registry(model)
    recorded = {str(each["name"]) for each in observed.looks[registry]["networks"]}
    reserve = [{**spec, "routed": model.fabric.switch_gateway} for name, spec, _m in entries if name not in recorded]
    by_switch: dict[str, list[dict[str, Any]]] = {name: [] for name in sorted(model.switches)}
    for name, spec, members in entries:
        here = _members_by_switch(model, members)
        for switch, listed in by_switch.items():
            routed = switch == registry and model.fabric.switch_gateway
            if switch == registry or here.get(switch):
                listed.append({**spec, "routed": routed, "members_mode": "exact", "members": here.get(switch, [])})
            elif any(each["name"] == name for each in observed.looks[switch]["networks"]):
                listed.append({"name": name, "state": "absent"})
    return {
        **_frame(model, observed),
        "reserve": reserve,
        "switches": {name: _switch(model, name, listed) for name, listed in by_switch.items() if listed},
    }


def _frame(model: Model, observed: ObservedSwitches | None = None) -> Document:
    """What every document has: where ids are given away, which are taken, and how switches are set up."""
    looks = observed.looks if observed else {}
    return {
        "registry": _registry(model),
        "reserve": [],
        "records": {
            name: {"vlan_id": each["vlan_id"], "subnet": each["subnet"]}
            for name, each in sorted(networks(looks).items())
        },
        "vlan_ids_used": sorted({int(each) for look in looks.values() for each in look.get("vlan_ids_used") or ()}),
        "vlan_range": model.fabric.vlan_range,
        "bridge": model.fabric.switch_bridge,
        "mtu": model.fabric.switch_mtu,
    }


def _registry(model: Model) -> str:
    """The switch at which ids and subnets are given away, and which is the gateway."""
    return model.fabric.gateway_switch or min(model.switches)


def _switch(model: Model, name: str, entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    switch = model.switches[name]
    return {
        "ports": sorted(switch.links, key=natural),
        "uplinks": sorted(switch.uplinks, key=natural),
        "networks": list(entries),
    }


def _tenant(model: Model, tenant: TenantCluster) -> dict[str, Any]:
    """The network of a tenant cluster; its addresses as host numbers, since its subnet is yet to be chosen."""
    fabric = model.fabric
    first = IPv4Network(fabric.tenant_supernet).network_address
    plan = address_plan(
        f"{first}/{fabric.tenant_prefix_length}", str(first + fabric.gateway_host_number), tenant.replicas
    )
    return {
        "name": tenant.netris_name,
        "supernet": fabric.tenant_supernet,
        "prefix_length": fabric.tenant_prefix_length,
        "gateway_host": fabric.gateway_host_number,
        "dhcp": _hosts(model, int(first), plan.dhcp.start, plan.dhcp.end),
    }


def _hosts(model: Model, first: int, start: str, end: str) -> dict[str, int] | None:
    if not model.fabric.switch_dhcp:
        return None
    return {"start_host": int(IPv4Address(start)) - first, "end_host": int(IPv4Address(end)) - first}


def _tenant_members(model: Model, tenant: TenantCluster) -> dict[str, bool]:
    """Servers of the network, and whether they see it tagged."""
    tagged = {model.shared_servers[host].netris_name: True for host in tenant.shared_servers}
    return {**tagged, **{model.bare_metal[host].netris_name: False for host in tenant.bare_metal}}


def _members_by_switch(model: Model, members: Mapping[str, bool]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for switch in model.switches.values():
        ports: dict[str, list[str]] = {}
        for port, end in switch.links.items():
            ports.setdefault(end.partition("@")[2], []).append(port)
        for server in sorted(members):
            if ports.get(server):
                entry = {
                    "server": server,
                    "ports": sorted(ports[server], key=natural),
                    "tagged": members[server],
                }
                found.setdefault(switch.name, []).append(entry)
    return found
