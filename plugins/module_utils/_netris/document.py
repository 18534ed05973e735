# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""Between the intent and Netris: what the model means there, and what Netris' answers mean to the model.

Pure: it gets what `netris_info` returned and makes what `netris_document` takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Interface, IPv4Network
from typing import Any

from .._intent.address_plan import AddressPlan, address_plan, largest_free_range
from .._intent.model import HostCluster, Model, Server, TenantCluster
from .._intent.observed import ObservedCluster, ObservedFabric, ObservedServer, SwitchPort
from .document_outside import absent_outside, observe_outside, outside_facts, present_outside

Document = dict[str, Any]
Info = Mapping[str, Sequence[Mapping[str, Any]]]

# What `observe` needs from `netris_info`.
GATHER = (
    "sites",
    "owners",
    "switches",
    "servers",
    "ports",
    "links",
    "vpcs",
    "subnets",
    "vnets",
    "server_cluster_templates",
    "server_clusters",
    "nats",
    "vpc_peerings",
)

# The facts of a tenant cluster's host, in the order in which they are shown.
FACTS = (
    "vlan_id",
    "vpc",
    "vnet",
    "subnet",
    "gateway",
    "vip",
    "control_plane_range",
    "dhcp_range",
    "snat_address",
    "dnat",
    "peered_vpcs",
)


# --- Netris' answers in the intent's words -----------------------------------------------------------------------


def observe(model: Model, info: Info) -> ObservedFabric:
    """The present fabric, from what `netris_info` gathered."""
    site: Mapping[str, Any] = next((each for each in info["sites"] if each["name"] == model.fabric.site), {})
    chosen_from = site.get("vlan_range_auto_assign") or site.get("vlan_range")
    return ObservedFabric(
        sites=[str(each["name"]) for each in info["sites"]],
        owners=[str(each["name"]) for each in info["owners"]],
        servers=_servers(info),
        switches={str(each["name"]): _unhealthy(each) for each in info["switches"]},
        clusters={str(each["name"]): _cluster(each) for each in info["server_clusters"]},
        vlan_ids=_vlan_ids(str(chosen_from)) if chosen_from else None,
        vlan_ids_used=frozenset(int(each) for each in site.get("vlans_used") or ()),
        subnets=[str(each["prefix"]) for each in info["subnets"]],
        **observe_outside(model.fabric.site, info),
    )


def _servers(info: Info) -> dict[str, ObservedServer]:
    names = {str(each["name"]) for each in info["servers"]}
    switches = {str(each["name"]) for each in info["switches"]}
    nics: dict[str, dict[str, SwitchPort | None]] = {name: {} for name in sorted(names)}
    for port in info["ports"]:
        if port["device"] in names and not port.get("lag"):
            nics[str(port["device"])][str(port["port"])] = None
    for link in info["links"]:
        ends = [str(link["local"]), str(link["remote"])]
        for near, far in (ends, reversed(ends)):
            nic, _at, server = near.partition("@")
            port_name, _at, switch = far.partition("@")
            if server in names and switch in switches:
                nics[server][nic] = SwitchPort(switch, port_name)
    return {name: ObservedServer(name, found) for name, found in nics.items()}


def _unhealthy(switch: Mapping[str, Any]) -> str | None:
    health = switch["health"]
    return None if health["ok"] else str(health.get("message") or "no reason given")


def _cluster(cluster: Mapping[str, Any]) -> ObservedCluster:
    servers = cluster.get("servers") or ()
    return ObservedCluster(
        name=str(cluster["name"]),
        template=str(cluster.get("template") or ""),
        vpc=str(cluster.get("vpc") or ""),
        shared=[str(each["name"]) for each in servers if each.get("shared")],
        dedicated=[str(each["name"]) for each in servers if not each.get("shared")],
    )


def _vlan_ids(ranges: str) -> frozenset[int]:
    """The ids of "2-100,200" that a V-Net may have."""
    ids: set[int] = set()
    for part in ranges.replace(" ", "").split(","):
        low, _dash, high = part.partition("-")
        if low.isdigit() and (high or low).isdigit():
            ids.update(range(max(2, int(low)), min(4094, int(high or low)) + 1))
    return frozenset(ids)


# --- the intent in Netris' words ---------------------------------------------------------------------------------


def present_document(model: Model, observed: ObservedFabric, tenant_clusters: Sequence[str]) -> Document:
    """Everything that these tenant clusters need in Netris, as one document."""
    chosen = [model.tenant_clusters[name] for name in tenant_clusters]
    servers: dict[str, Server] = {}
    for tenant in chosen:
        servers.update({host: model.shared_servers[host] for host in tenant.shared_servers})
        servers.update({host: model.bare_metal[host] for host in tenant.bare_metal})
    return {
        "lags": _lags(model, observed, servers.values()),
        "vpcs": [{"name": tenant.netris_name, "owner": model.fabric.owner} for tenant in chosen],
        "server_cluster_templates": [tenant_template(model)],
        "server_clusters": [_server_cluster(model, tenant) for tenant in chosen],
        "vnets": [_tenant_vnet(model, tenant) for tenant in chosen],
        **present_outside(model, observed, chosen),
    }


def host_document(model: Model, observed: ObservedFabric) -> Document:
    """Everything that the host cluster needs in Netris."""
    host, fabric = model.host_cluster, model.fabric
    members = sorted([*(each.netris_name for each in model.shared_servers.values()), *host.extra_servers])
    return {
        "lags": _lags(model, observed, model.shared_servers.values()),
        "vpcs": [{"name": host.name, "owner": fabric.owner}],
        "server_cluster_templates": [_template(model, fabric.host_template, host.gateway)],
        "server_clusters": [
            {
                "name": host.name,
                "site": fabric.site,
                "owner": fabric.owner,
                "vpc": host.name,
                "template": fabric.host_template,
                "servers": [{"name": name, "shared": False} for name in members],
            }
        ],
        "vnets": [
            {
                "server_cluster": host.name,
                "postfix": fabric.template_postfix,
                "gateways": [{"dhcp": _host_dhcp_range(host)}],
            }
        ],
    }


def absent_document(model: Model, tenant_clusters: Sequence[str], observed: ObservedFabric | None = None) -> Document:
    """What goes when these tenant clusters go: their own, and the shared template once nobody uses it.

    LAGs stay: they belong to the servers' cabling, which does not change with who uses a server.
    """
    names = [model.tenant_clusters[name].netris_name for name in tenant_clusters]
    return {
        "server_clusters": [{"name": name, "site": model.fabric.site, "state": "absent"} for name in names],
        "vpcs": [{"name": name, "state": "absent"} for name in names],
        "server_cluster_templates": [{"name": model.fabric.tenant_template, "state": "absent", "if_unused": True}],
        **(absent_outside(observed, names) if observed else {}),
    }


def membership_document(model: Model, observed: ObservedFabric, server: str, target: str) -> Document:
    """One bare-metal server out of whichever tenant cluster holds it and into another one, or into parking.

    Both sides in one document, so that it is released before it is claimed; all other members stay as they are.
    """
    machine = model.bare_metal[server]
    site, entries = model.fabric.site, []
    wanted = model.tenant_clusters[target].netris_name if target else None
    for tenant in model.tenant_clusters.values():
        found = observed.clusters.get(tenant.netris_name)
        if found and tenant.netris_name != wanted and machine.netris_name in found.dedicated:
            leaving = [{"name": machine.netris_name, "state": "absent"}]
            entries.append({"name": found.name, "site": site, "servers_mode": "merge", "servers": leaving})
    if wanted:
        entering = [{"name": machine.netris_name, "shared": False}]
        entries.append({"name": wanted, "site": site, "servers_mode": "merge", "servers": entering})
    return {"lags": _lags(model, observed, [machine]) if wanted else [], "server_clusters": entries}


def tenant_template(model: Model) -> dict[str, Any]:
    fabric = model.fabric
    return _template(
        model,
        fabric.tenant_template,
        {
            "assign_type": "auto",
            "allocation": fabric.tenant_supernet,
            "child_subnet_prefix_length": fabric.tenant_prefix_length,
            "hostnum": fabric.gateway_host_number,
        },
    )


def _template(model: Model, name: str, gateway: str | dict[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "vnets": [
            {
                "postfix": model.fabric.template_postfix,
                "type": "l2vpn",
                "vlan": "untagged",
                "vlan_id": "auto",
                "server_nics": list(model.fabric.server_nics),
                "ipv4_gateway": gateway,
                "ipv4_dhcp_enabled": True,
            }
        ],
    }


def _server_cluster(model: Model, tenant: TenantCluster) -> dict[str, Any]:
    shared = sorted(model.shared_servers[host].netris_name for host in tenant.shared_servers)
    dedicated = sorted(model.bare_metal[host].netris_name for host in tenant.bare_metal)
    return {
        "name": tenant.netris_name,
        "site": model.fabric.site,
        "owner": model.fabric.owner,
        "vpc": tenant.netris_name,
        "template": model.fabric.tenant_template,
        "servers": [
            *({"name": name, "shared": True} for name in shared),
            *({"name": name, "shared": False} for name in dedicated),
        ],
    }


def _tenant_vnet(model: Model, tenant: TenantCluster) -> dict[str, Any]:
    """The V-Net's DHCP range, as host numbers: which subnet it will be, only the controller knows."""
    dhcp = any_plan(model, tenant)
    first = int(IPv4Network(dhcp.subnet).network_address)
    start, end = (int(IPv4Interface(each).ip) - first for each in (dhcp.dhcp.start, dhcp.dhcp.end))
    return {
        "server_cluster": tenant.netris_name,
        "postfix": model.fabric.template_postfix,
        "gateways": [{"dhcp": {"start_host": start, "end_host": end}}],
    }


def any_plan(model: Model, tenant: TenantCluster) -> AddressPlan:
    """The tenant cluster's address plan in the supernet's first subnet: the offsets are the same in all of them."""
    first = IPv4Network(model.fabric.tenant_supernet).network_address
    subnet = f"{first}/{model.fabric.tenant_prefix_length}"
    return address_plan(subnet, str(first + model.fabric.gateway_host_number), tenant.replicas)


def _host_dhcp_range(host: HostCluster) -> dict[str, str]:
    """All of the host cluster's subnet but the gateway and the API endpoint."""
    subnet = str(IPv4Interface(host.gateway).network)
    free = largest_free_range(subnet, [host.gateway, host.api_endpoint.rpartition(":")[0]])
    if free is None:
        raise ValueError(f"{subnet} has no address for the shared servers")
    return {"start": free.start, "end": free.end}


def _lags(model: Model, observed: ObservedFabric, servers: Iterable[Server]) -> list[dict[str, Any]]:
    """One for each server and switch on which two or more of the server's NICs end.

    A single cable to a switch is no group there; a server with one cable to each of two switches is bonded by the
    fabric itself.
    """
    lags = []
    for server in sorted(servers, key=lambda each: each.netris_name):
        found = observed.servers.get(server.netris_name)
        ports: dict[str, list[str]] = {}
        for nic in model.fabric.server_nics:
            end = found.nics.get(nic) if found else None
            if end is not None:
                ports.setdefault(end.switch, []).append(end.port)
        lags += [
            {
                "switch": switch,
                "ports": sorted(members),
                "lacp": True,
                "description": server.netris_name,
                "owner": model.fabric.owner,
            }
            for switch, members in sorted(ports.items())
            if len(members) > 1
        ]
    return lags


# --- what the controller chose, as facts -------------------------------------------------------------------------


def tenant_facts(model: Model, name: str, cluster: Mapping[str, Any] | None) -> dict[str, Any]:
    """The facts of one tenant cluster; every value None where only the controller can tell and has not yet.

    `cluster` is the server cluster as `netris_document` and `netris_info` return it, or None.
    """
    tenant = model.tenant_clusters[name]
    entry = ((cluster or {}).get("vnets") or {}).get(model.fabric.template_postfix) or {}
    facts: dict[str, Any] = {**dict.fromkeys(FACTS), **outside_facts(tenant, None)}
    for fact, key in (("vlan_id", "vlan_id"), ("vpc", "vpc"), ("vnet", "vnet"), ("subnet", "subnet")):
        facts[fact] = entry.get(key)
    gateway = entry.get("gateway")
    if not entry.get("subnet") or not gateway:
        return facts
    plan = address_plan(str(entry["subnet"]), str(gateway), tenant.replicas)
    return {
        **facts,
        "gateway": plan.gateway,
        "vip": plan.vip,
        "control_plane_range": {"start": plan.control_plane.start, "end": plan.control_plane.end},
        "dhcp_range": _known_range(entry.get("dhcp_range")),
        **outside_facts(tenant, str(entry["subnet"])),
    }


def _known_range(dhcp: Mapping[str, Any] | None) -> dict[str, str] | None:
    """The range that is in force; None where DHCP is off."""
    if not dhcp or not dhcp.get("start"):
        return None
    return {"start": str(dhcp["start"]), "end": str(dhcp["end"])}
