# SPDX-License-Identifier: Apache-2.0
"""What must hold between the variables, beyond each one's type."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, TypeVar

from .address_plan import AddressPlanError, address_plan
from .model import BareMetalServer, Model, Server, TenantCluster, VmNode
from .names import (
    HELM_RELEASE_LENGTH,
    STATEFUL_SET_LENGTH,
    WORST_VLAN_ID,
    bridge,
    default_namespace,
    default_network_namespace,
    dns_label_mistake,
    interface_mistake,
    vlan_interface,
)
from .networks import NamedNetwork, parse_interface, parse_network, report_overlaps
from .problems import Problems

_Named = TypeVar("_Named", bound="Server | VmNode")

_SUPERNET = "fabric_tenant_supernet"
_PREFIX_LENGTH = "fabric_tenant_prefix_length"
_GATEWAY_NUMBER = "fabric_gateway_host_number"
_HOST_GATEWAY = "fabric_host_cluster.gateway"
_HOST_ENDPOINT = "fabric_host_cluster.api_endpoint"


def check(model: Model, problems: Problems) -> None:
    """Every rule over the model; each adds what it finds and none stops the others."""
    _check_interfaces(model, problems)
    _check_server_names(model, problems)
    _check_netris_names(model, problems)
    for tenant in model.all_tenant_clusters.values():
        _check_tenant_names(tenant, problems)
        _check_shared_servers(model, tenant, problems)
    _check_namespaces(model, problems)
    for server in model.bare_metal.values():
        _check_assignment(model, server, problems)
    for machine in model.vm_nodes.values():
        _check_vm_node(model, machine, problems)
    _check_vm_addresses(model, problems)
    host_subnet = _check_host_cluster(model, problems)
    supernet = (
        parse_network(model.fabric.tenant_supernet, _SUPERNET, problems) if model.fabric.tenant_supernet else None
    )
    _check_overlaps(model, host_subnet, supernet, problems)
    if supernet is not None:
        _check_subnets(model, supernet, problems)


def check_groups(
    members: Mapping[str, Sequence[str]],
    groups: Mapping[str, Sequence[str]],
    hostvars: Mapping[str, Mapping[str, Any]],
    problems: Problems,
) -> None:
    """Hosts stand in one group each, and groups made by hand agree with the variables."""
    if not members["shared_servers"]:
        problems.add("shared_servers", "the group has no hosts; the host cluster needs shared servers")
    places: dict[str, list[str]] = {}
    for group, hosts in members.items():
        for host in hosts:
            places.setdefault(host, []).append(group)
    for host, where in sorted(places.items()):
        if len(where) > 1:
            problems.add(host, f"is in the groups {' and '.join(where)}; a host belongs to one of them")
    for host in members["shared_servers"]:
        if hostvars.get(host, {}).get("fabric_tenant_cluster"):
            problems.add(
                f"{host}.fabric_tenant_cluster",
                "is for bare-metal servers; a shared server carries every tenant cluster that names it",
            )
    for tenant in members["tenant_clusters"]:
        for host in groups.get(f"tenant_{tenant.replace('-', '_')}", ()):
            named = hostvars.get(host, {}).get("fabric_tenant_cluster")
            if host in (*members["bare_metal"], *members.get("vm_nodes", ())) and named and named != tenant:
                problems.add(
                    f"{host}.fabric_tenant_cluster",
                    f"server in two tenant clusters: '{named}' by this variable, '{tenant}' by its group",
                )


# --- names -------------------------------------------------------------------------------------------------------


def _check_interfaces(model: Model, problems: Problems) -> None:
    fabric = model.fabric
    for index, nic in enumerate(fabric.server_nics):
        _add_if(problems, f"fabric_server_nics[{index}]", interface_mistake(nic))
        if nic == fabric.bond:
            problems.add("fabric_bond", f"'{fabric.bond}' is also one of fabric_server_nics")
    mistake = interface_mistake(fabric.bond)
    # The VLAN id is the controller's choice, so the longest one must fit.
    derived = (vlan_interface(fabric.bond, WORST_VLAN_ID), bridge(WORST_VLAN_ID))
    _add_if(problems, "fabric_bond", mistake or next(filter(None, map(interface_mistake, derived)), None))


def _check_server_names(model: Model, problems: Problems) -> None:
    servers: list[Server] = [*model.shared_servers.values(), *model.bare_metal.values()]
    for server in servers:
        for variable, name in (("fabric_hostname", server.hostname), ("fabric_node_name", server.node_name)):
            mistake = next(filter(None, map(dns_label_mistake, name.split("."))), None)
            _add_if(problems, f"{server.name}.{variable}", mistake)
        for nic in server.nic_macs:
            if nic not in model.fabric.server_nics:
                problems.add(
                    f"{server.name}.fabric_nic_macs.{nic}",
                    f"no such fabric NIC; fabric_server_nics: {', '.join(model.fabric.server_nics)}",
                )
    _report_twice(servers, "fabric_hostname", lambda each: [each.hostname], problems)
    nodes: list[Server | VmNode] = [*servers, *model.vm_nodes.values()]
    _report_twice(nodes, "fabric_node_name", lambda each: [each.node_name], problems)
    _report_twice(servers, "fabric_nic_macs", lambda each: each.nic_macs.values(), problems)


def _check_netris_names(model: Model, problems: Problems) -> None:
    """Netris finds everything by name, so two things of ours must not share one."""
    servers: list[Server] = [*model.shared_servers.values(), *model.bare_metal.values()]
    assignments = {each.name: each.tenant_cluster for each in model.bare_metal.values()}
    first: dict[str, str] = {}
    for server in servers:
        other = first.setdefault(server.netris_name, server.name)
        if other == server.name:
            continue
        owners = {assignments.get(other), assignments.get(server.name)} - {None}
        two = f" and would be in two tenant clusters: {', '.join(sorted(map(str, owners)))}" if len(owners) > 1 else ""
        problems.add(
            f"{server.name}.fabric_netris_name",
            f"'{server.netris_name}' is also the Netris server of {other}{two}",
        )
    for index, extra in enumerate(model.host_cluster.extra_servers):
        if extra in first:
            problems.add(
                f"fabric_host_cluster.extra_servers[{index}]",
                f"'{extra}' is the Netris server of the inventory's host {first[extra]}",
            )
    clusters = {model.host_cluster.name: "the host cluster"}
    for tenant in model.tenant_clusters.values():
        holder = clusters.setdefault(tenant.netris_name, tenant.name)
        if holder != tenant.name:
            problems.add(f"{tenant.name}.fabric_netris_name", f"'{tenant.netris_name}' is also the name of {holder}")
    if model.fabric.host_template == model.fabric.tenant_template:
        problems.add(
            "fabric_host_template",
            f"'{model.fabric.host_template}' is also fabric_tenant_template; the host cluster's template is its own",
        )


def _check_tenant_names(tenant: TenantCluster, problems: Problems) -> None:
    mistake = dns_label_mistake(tenant.name)
    limit = min(HELM_RELEASE_LENGTH, STATEFUL_SET_LENGTH)
    if mistake is None and len(tenant.name) > limit:
        mistake = (
            f"'{tenant.name}' has {len(tenant.name)} characters; as a StatefulSet's name it may have {limit} at most"
        )
    _add_if(problems, tenant.name, mistake)
    for variable, name, derived in (
        ("tenant_cluster_namespace", tenant.namespace, default_namespace(tenant.name)),
        ("tenant_network_namespace", tenant.network_namespace, default_network_namespace(tenant.name)),
    ):
        if not name:  # of a tenant cluster without networks
            continue
        if name != derived:
            _add_if(problems, f"{tenant.name}.{variable}", dns_label_mistake(name))
        elif mistake is None:
            found = dns_label_mistake(name)
            _add_if(problems, tenant.name, f"namespace {found} (set {variable})" if found else None)


def _check_namespaces(model: Model, problems: Problems) -> None:
    first: dict[str, str] = {}
    for tenant in model.all_tenant_clusters.values():
        for variable, name in (
            ("tenant_cluster_namespace", tenant.namespace),
            ("tenant_network_namespace", tenant.network_namespace),
        ):
            path = f"{tenant.name}.{variable}"
            other = first.setdefault(name, path) if name else path
            if other != path:
                problems.add(path, f"namespace '{name}' is taken by {other}")


# --- references --------------------------------------------------------------------------------------------------


def _check_shared_servers(model: Model, tenant: TenantCluster, problems: Problems) -> None:
    known = True
    for name in tenant.shared_servers:
        if name not in model.shared_servers:
            known = False
            problems.add(
                f"{tenant.name}.fabric_shared_servers",
                f"no shared server '{name}'; known: {_listed(model.shared_servers)}",
            )
    if known and tenant.replicas > len(tenant.shared_servers):
        problems.add(
            f"{tenant.name}.tenant_cluster_replicas",
            f"{tenant.replicas} replicas need a shared server each, there are {len(tenant.shared_servers)}:"
            f" {_listed(tenant.shared_servers)}",
        )


def _check_assignment(model: Model, server: BareMetalServer, problems: Problems) -> None:
    named = server.tenant_cluster
    if named is None or named in model.tenant_clusters:
        return
    several = [each.strip() for each in named.split(",")]
    path = f"{server.name}.fabric_tenant_cluster"
    if len(several) > 1 and all(each in model.tenant_clusters for each in several):
        problems.add(path, f"server in two tenant clusters: {', '.join(several)}; it can be in one")
    else:
        problems.add(path, _no_such_tenant(model, named))


def _no_such_tenant(model: Model, named: str) -> str:
    if named in model.shared_node_clusters:
        return f"'{named}' runs on the shared servers alone; for servers of its own it belongs into tenant_clusters"
    return f"no tenant cluster '{named}'; known: {_listed(model.tenant_clusters)}"


# --- virtual machines --------------------------------------------------------------------------------------------


def _check_vm_node(model: Model, machine: VmNode, problems: Problems) -> None:
    _add_if(problems, machine.name, dns_label_mistake(machine.name))
    path = f"{machine.name}.fabric_node_name"
    _add_if(problems, path, dns_label_mistake(machine.node_name) if machine.node_name != machine.name else None)
    path = f"{machine.name}.fabric_tenant_cluster"
    if problems.has(path):
        pass
    elif not machine.tenant_cluster:
        problems.add(path, "is required: a virtual machine is a node of one tenant cluster")
    elif machine.tenant_cluster not in model.tenant_clusters:
        problems.add(path, _no_such_tenant(model, machine.tenant_cluster))
    path = f"{machine.name}.vm_node_image"
    if problems.has(path):
        pass
    elif not machine.image:
        problems.add(path, "is required: the URL of a cloud image, or docker://<registry>/<image>")
    elif machine.image.startswith("docker://"):
        if machine.image_checksum:
            problems.add(
                f"{path}_checksum", "is for the URL of a file; give an image in a registry by its digest: …@sha256:…"
            )
    elif not machine.image_checksum and not problems.has(f"{path}_checksum"):
        problems.add(f"{path}_checksum", f"is required, or {machine.image} could become another disk unnoticed")
    path = f"{machine.name}.vm_node_mac"
    if not problems.has(path) and int(machine.mac[:2], 16) & 1:
        problems.add(path, f"'{machine.mac}' is a group address; the second digit of a NIC's address is even")


def _check_vm_addresses(model: Model, problems: Problems) -> None:
    """Tenant clusters do not see each other, so only within one must the addresses differ."""
    for tenant in model.tenant_clusters.values():
        machines = [model.vm_nodes[name] for name in tenant.vm_nodes]
        servers = [model.bare_metal[name] for name in tenant.bare_metal]
        taken = {mac: server.name for server in servers for mac in server.nic_macs.values()}
        for machine in machines:
            other = taken.setdefault(machine.mac, machine.name)
            if other != machine.name:
                problems.add(f"{machine.name}.vm_node_mac", f"'{machine.mac}' is also set for {other}")


# --- addresses ---------------------------------------------------------------------------------------------------


def _check_host_cluster(model: Model, problems: Problems) -> NamedNetwork | None:
    host = model.host_cluster
    gateway = parse_interface(host.gateway, _HOST_GATEWAY, problems) if host.gateway else None
    address, _colon, port = host.api_endpoint.rpartition(":")
    if host.api_endpoint:
        try:
            endpoint = IPv4Address(address)
            valid = port.isdigit() and 1 <= int(port) <= 65535
        except ValueError:
            valid = False
        if not valid:
            problems.add(_HOST_ENDPOINT, f"'{host.api_endpoint}' is not address:port such as 192.168.55.253:6443")
        elif gateway is not None and endpoint == gateway.ip:
            problems.add(_HOST_ENDPOINT, f"{endpoint} is the gateway's address")
        elif gateway is not None and endpoint not in gateway.network:
            problems.add(_HOST_ENDPOINT, f"{endpoint} lies outside the host cluster's subnet {gateway.network}")
    return NamedNetwork("host cluster's subnet", _HOST_GATEWAY, gateway.network) if gateway is not None else None


def _check_overlaps(
    model: Model, host_subnet: NamedNetwork | None, supernet: IPv4Network | None, problems: Problems
) -> None:
    def named(what: str, path: str, prefix: str) -> list[NamedNetwork]:
        network = parse_network(prefix, path, problems) if prefix else None
        return [NamedNetwork(what, path, network)] if network is not None else []

    reserved = [
        network
        for index, each in enumerate(model.fabric.reserved_networks)
        for network in named(
            f"reserved network '{each.name}'", f"fabric_reserved_networks[{index}].prefix", each.prefix
        )
    ]
    pods = named("host cluster's pod range", "fabric_host_cluster.pod_cidr", model.host_cluster.pod_cidr)
    services = named(
        "host cluster's service range", "fabric_host_cluster.service_cidr", model.host_cluster.service_cidr
    )
    subnet = [host_subnet] if host_subnet is not None else []
    tenants = [NamedNetwork("tenant supernet", _SUPERNET, supernet)] if supernet is not None else []
    for one, others in (
        (tenants, [*subnet, *pods, *services, *reserved]),
        (subnet, [*pods, *services, *reserved]),
        (pods, [*services, *reserved]),
        (services, reserved),
    ):
        for each in one:
            report_overlaps(each, others, problems)
    for tenant in model.tenant_clusters.values():
        tenant_pods = named("pod range", f"{tenant.name}.tenant_cluster_pod_cidr", tenant.pod_cidr)
        tenant_services = named("service range", f"{tenant.name}.tenant_cluster_service_cidr", tenant.service_cidr)
        for each in tenant_pods:
            report_overlaps(each, [*tenant_services, *tenants, *reserved], problems)
        for each in tenant_services:
            report_overlaps(each, [*tenants, *reserved], problems)


def _check_subnets(model: Model, supernet: IPv4Network, problems: Problems) -> None:
    length, number = model.fabric.tenant_prefix_length, model.fabric.gateway_host_number
    if problems.has(_PREFIX_LENGTH):
        return
    if length < supernet.prefixlen:
        problems.add(_SUPERNET, f"{supernet} is too small for a subnet of /{length}")
        return
    rooms = 2 ** (length - supernet.prefixlen)
    if rooms < len(model.tenant_clusters):
        problems.add(
            _SUPERNET,
            f"{supernet} has room for {'1 subnet' if rooms == 1 else f'{rooms} subnets'} of /{length},"
            f" there are {len(model.tenant_clusters)} tenant clusters",
        )
    last = 2 ** (32 - length) - 2
    if number > last:
        problems.add(_GATEWAY_NUMBER, f"host number {number} lies outside a /{length}, which has 1 to {last}")
        return
    if problems.has(_GATEWAY_NUMBER):
        return
    # Subnets differ in their first address only, so what holds for the first child holds for all.
    gateway = str(supernet.network_address + number)
    subnet = f"{supernet.network_address}/{length}"
    for tenant in model.tenant_clusters.values():
        try:
            plan = address_plan(subnet, gateway, max(1, tenant.replicas))
        except AddressPlanError:
            problems.add(
                _PREFIX_LENGTH,
                f"a /{length} has no room for the address plan: gateway, API endpoint, control plane"
                f" ({max(3, tenant.replicas)} addresses for {tenant.name}) and DHCP",
            )
            continue
        if plan.dhcp.size < len(tenant.bare_metal) + len(tenant.vm_nodes):
            machines = f" and {len(tenant.vm_nodes)} virtual machines" if tenant.vm_nodes else ""
            problems.add(
                _PREFIX_LENGTH,
                f"a /{length} leaves {plan.dhcp.size} addresses for DHCP, {tenant.name} has"
                f" {len(tenant.bare_metal)} bare-metal servers{machines}",
            )


# --- helpers -----------------------------------------------------------------------------------------------------


def _report_twice(
    servers: Sequence[_Named], variable: str, values: Callable[[_Named], Iterable[str]], problems: Problems
) -> None:
    first: dict[str, str] = {}
    for server in servers:
        for value in values(server):
            other = first.setdefault(value, server.name)
            if other != server.name:
                problems.add(f"{server.name}.{variable}", f"'{value}' is also set for {other}")


def _add_if(problems: Problems, path: str, mistake: str | None) -> None:
    if mistake is not None:
        problems.add(path, mistake)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)) or "none"
