# SPDX-License-Identifier: Apache-2.0
"""What must hold for the ways out of a tenant cluster: public addresses, and peerings with shared VPCs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import Any

from .address_plan import address_plan
from .model import NETRIS, Model, TenantCluster
from .networks import NamedNetwork, parse_network, report_overlaps
from .observed import ObservedFabric
from .problems import Problems

_SUBNETS = "fabric_nat_subnets"
_SHARED = "fabric_shared_vpcs"
_VARIABLES = ("fabric_internet", "fabric_peerings")


def check_groups(
    members: Mapping[str, Sequence[str]], hostvars: Mapping[str, Mapping[str, Any]], problems: Problems
) -> None:
    for host in members.get("shared_node_clusters", ()):
        for variable in _VARIABLES:
            if hostvars.get(host, {}).get(variable):
                problems.add(f"{host}.{variable}", "is for tenant clusters with a VLAN of their own")


def check(model: Model, problems: Problems) -> None:
    """Every rule that needs no look at the fabric."""
    nat = [
        NamedNetwork("subnet for NAT", f"{_SUBNETS}[{index}]", network)
        for index, text in enumerate(model.fabric.nat_subnets)
        if text and (network := parse_network(text, f"{_SUBNETS}[{index}]", problems)) is not None
    ]
    shared = _shared_networks(model, problems)
    _check_networks(model, nat, shared, problems)
    _check_shared_names(model, problems)
    _check_peering_names(model, problems)
    for tenant in model.tenant_clusters.values():
        _check_provider(model, tenant, problems)
        _check_targets(model, tenant, problems)
        _check_peerings(model, tenant, shared, problems)
    _check_addresses(model, nat, problems)


def _check_provider(model: Model, tenant: TenantCluster, problems: Problems) -> None:
    asked = (bool(tenant.snat_address or tenant.dnat), bool(tenant.peerings))
    for variable, is_asked in zip(_VARIABLES, asked, strict=True):
        if is_asked and model.fabric.provider != NETRIS:
            problems.add(
                f"{tenant.name}.{variable}", f"is what Netris does, and fabric_provider is {model.fabric.provider}"
            )


# --- networks ----------------------------------------------------------------------------------------------------


def _shared_networks(model: Model, problems: Problems) -> dict[str, list[NamedNetwork]]:
    found: dict[str, list[NamedNetwork]] = {}
    for index, vpc in enumerate(model.fabric.shared_vpcs):
        for place, text in enumerate(vpc.prefixes):
            path = f"{_SHARED}[{index}].prefixes[{place}]"
            network = parse_network(text, path, problems) if text else None
            if network is not None:
                found.setdefault(vpc.name, []).append(NamedNetwork(f"shared VPC '{vpc.name}'", path, network))
    return found


def _quiet(what: str, path: str, text: str) -> list[NamedNetwork]:
    """A network of another rule's, which has complained already if it is none."""
    try:
        return [NamedNetwork(what, path, IPv4Network(text))]
    except ValueError:
        return []


def _check_networks(
    model: Model, nat: list[NamedNetwork], shared: Mapping[str, list[NamedNetwork]], problems: Problems
) -> None:
    host = model.host_cluster
    supernet = _quiet("tenant supernet", "fabric_tenant_supernet", model.fabric.tenant_supernet)
    try:
        gateway = str(IPv4Interface(host.gateway).network)
    except ValueError:
        gateway = ""
    others = [
        *supernet,
        *_quiet("host cluster's subnet", "fabric_host_cluster.gateway", gateway),
        *_quiet("host cluster's pod range", "fabric_host_cluster.pod_cidr", host.pod_cidr),
        *_quiet("host cluster's service range", "fabric_host_cluster.service_cidr", host.service_cidr),
    ]
    for index, reserved in enumerate(model.fabric.reserved_networks):
        path = f"fabric_reserved_networks[{index}].prefix"
        others += _quiet(f"reserved network '{reserved.name}'", path, reserved.prefix)
    for index, one in enumerate(nat):
        report_overlaps(one, [*others, *nat[:index]], problems)
    for networks in shared.values():
        for one in networks:
            # Peered, an address means one place: a shared network must be nobody's own.
            report_overlaps(one, [*supernet, *nat], problems)


# --- public addresses --------------------------------------------------------------------------------------------


def addresses(tenant: TenantCluster) -> Iterator[tuple[str, str]]:
    """Its public addresses, each with the path that says so."""
    if tenant.snat_address:
        yield f"{tenant.name}.fabric_internet.snat_address", tenant.snat_address
    for index, rule in enumerate(tenant.dnat):
        if rule.address:
            yield f"{tenant.name}.fabric_internet.dnat[{index}].address", rule.address


def _check_addresses(model: Model, nat: list[NamedNetwork], problems: Problems) -> None:
    """Each lies in a subnet for NAT and belongs to one tenant cluster, each of its ports to one target."""
    holders: dict[IPv4Address, tuple[str, str]] = {}
    complete = len(nat) == len(model.fabric.nat_subnets)
    for tenant in model.tenant_clusters.values():
        for path, text in addresses(tenant):
            try:
                address = IPv4Address(text)
            except ValueError:
                problems.add(path, f"'{text}' is not an IPv4 address such as 198.51.100.5")
                continue
            if complete and not any(address in each.network for each in nat):
                known = ", ".join(str(each.network) for each in nat)
                problems.add(path, f"{address} lies in none of {_SUBNETS}: {known or 'none is set'}")
            holder, at = holders.setdefault(address, (tenant.name, path))
            if holder != tenant.name:
                problems.add(path, f"{address} is also used by {holder} ({at}); an address leads to one tenant cluster")
        ports: dict[tuple[str, str, int], str] = {}
        for index, rule in enumerate(tenant.dnat):
            path = f"{tenant.name}.fabric_internet.dnat[{index}]"
            first = ports.setdefault((rule.address, rule.protocol, rule.port), path)
            if first != path:
                problems.add(f"{path}.port", f"{rule.protocol} port {rule.port} of {rule.address} is taken by {first}")


def _check_targets(model: Model, tenant: TenantCluster, problems: Problems) -> None:
    for index, rule in enumerate(tenant.dnat):
        path = f"{tenant.name}.fabric_internet.dnat[{index}]"
        if bool(rule.to) == bool(rule.to_host_number):
            if not problems.has(f"{path}.to_host_number"):
                problems.add(f"{path}.to", "is required, or to_host_number; one of the two")
        elif rule.to_host_number:
            _check_host_number(model, tenant, rule.to_host_number, f"{path}.to_host_number", problems)
        else:
            _check_target(model, tenant, rule.to, f"{path}.to", problems)


def _check_host_number(model: Model, tenant: TenantCluster, number: int, path: str, problems: Problems) -> None:
    length = model.fabric.tenant_prefix_length
    last = 2 ** (32 - length) - 2
    if not 1 <= number <= last:
        problems.add(path, f"host number {number} lies outside a /{length}, which has 1 to {last}")
    elif number == model.fabric.gateway_host_number:
        problems.add(path, f"host number {number} is the gateway's")
    elif number in _control_plane(model, tenant):
        problems.add(
            path,
            f"host number {number} is of the control plane or its API endpoint, which answer strangers by the host"
            " cluster's network: a port cannot lead there",
        )


def _control_plane(model: Model, tenant: TenantCluster) -> set[int]:
    """Host numbers that the address plan gives to the control plane."""
    length = model.fabric.tenant_prefix_length
    try:
        gateway = IPv4Network(f"0.0.0.0/{length}").network_address + model.fabric.gateway_host_number
        plan = address_plan(f"0.0.0.0/{length}", str(gateway), max(1, tenant.replicas))
    except ValueError:  # another rule's complaint
        return set()
    first, last = (int(IPv4Address(each)) for each in (plan.control_plane.start, plan.control_plane.end))
    return {*range(first, last + 1), int(IPv4Address(plan.vip))}


def _check_target(model: Model, tenant: TenantCluster, text: str, path: str, problems: Problems) -> None:
    try:
        target = IPv4Address(text)
    except ValueError:
        problems.add(path, f"'{text}' is not an IPv4 address such as 192.168.64.10")
        return
    try:
        supernet = IPv4Network(model.fabric.tenant_supernet)
    except ValueError:
        return
    if target not in supernet:
        problems.add(path, f"{target} lies outside the tenant supernet {supernet}, so in no tenant cluster's subnet")
        return
    # Subnets are cut at multiples of their size, so the host number shows before the subnet is known.
    _check_host_number(model, tenant, int(target) % 2 ** (32 - model.fabric.tenant_prefix_length), path, problems)


# --- peerings ----------------------------------------------------------------------------------------------------


def _vpcs_of_ours(model: Model) -> dict[str, str]:
    names = {each.netris_name: f"tenant cluster {each.name}" for each in model.tenant_clusters.values()}
    return {**names, model.host_cluster.name: "the host cluster"}


def _check_shared_names(model: Model, problems: Problems) -> None:
    first: dict[str, str] = {}
    for index, vpc in enumerate(model.fabric.shared_vpcs):
        path = f"{_SHARED}[{index}].name"
        other = first.setdefault(vpc.name, path)
        owner = _vpcs_of_ours(model).get(vpc.name)
        if other != path:
            problems.add(path, f"'{vpc.name}' is listed twice, also at {other}")
        elif owner:
            problems.add(path, f"'{vpc.name}' is the VPC of {owner}, which is not to be shared")


def peering_name(tenant: str, shared: str) -> str:
    """The fabric's name for the peering of two VPCs. A peering has no tags, so its name says whose it is."""
    return f"{tenant}-{shared}"


def _check_peering_names(model: Model, problems: Problems) -> None:
    """With `-` in names two pairs of VPCs can come to the same name, and each would take the other's for its own."""
    first: dict[str, tuple[str, str]] = {}
    for tenant in model.tenant_clusters.values():
        for index, vpc in enumerate(tenant.peerings):
            name = peering_name(tenant.netris_name, vpc)
            if (pair := (tenant.netris_name, vpc)) != (other := first.setdefault(name, pair)):
                problems.add(
                    f"{tenant.name}.fabric_peerings[{index}]",
                    f"its peering with '{vpc}' would be named '{name}', as is that of the VPCs '{other[0]}' and"
                    f" '{other[1]}': give the tenant cluster another fabric_netris_name, or the shared VPC another"
                    " name",
                )


def _check_peerings(
    model: Model, tenant: TenantCluster, shared: Mapping[str, list[NamedNetwork]], problems: Problems
) -> None:
    seen: list[NamedNetwork] = [
        *_quiet("pod range", f"{tenant.name}.tenant_cluster_pod_cidr", tenant.pod_cidr),
        *_quiet("service range", f"{tenant.name}.tenant_cluster_service_cidr", tenant.service_cidr),
    ]
    for index, name in enumerate(tenant.peerings):
        path = f"{tenant.name}.fabric_peerings[{index}]"
        if model.fabric.shared_vpc(name) is None:
            owner = _vpcs_of_ours(model).get(name)
            known = ", ".join(each.name for each in model.fabric.shared_vpcs) or "none"
            why = f"is the VPC of {owner}, which is not shared" if owner else "is not a shared VPC"
            problems.add(path, f"'{name}' {why}; {_SHARED}: {known}")
            continue
        networks = [NamedNetwork(each.what, path, each.network) for each in shared.get(name, [])]
        for one in networks:
            report_overlaps(one, seen, problems)
        seen += networks


# --- beside the present fabric -----------------------------------------------------------------------------------


def check_fabric(model: Model, observed: ObservedFabric, tenant_clusters: Sequence[str], problems: Problems) -> None:
    """What only the controller's state shows."""
    for name in tenant_clusters:
        tenant = model.tenant_clusters[name]
        for path, text in addresses(tenant):
            _check_public_address(model, observed, tenant, path, IPv4Address(text), problems)
        own = [IPv4Network(each) for each in observed.vpc_subnets.get(tenant.netris_name, ()) if ":" not in each]
        for index, rule in enumerate(tenant.dnat):
            outside = rule.to and not any(IPv4Address(rule.to) in each for each in own)
            if own and outside:
                path = f"{name}.fabric_internet.dnat[{index}].to"
                problems.add(path, f"{rule.to} lies outside its subnet {', '.join(map(str, own))}")
        for index, vpc in enumerate(tenant.peerings):
            _check_peer(model, observed, tenant, f"{name}.fabric_peerings[{index}]", vpc, own, problems)


def _check_public_address(
    model: Model,
    observed: ObservedFabric,
    tenant: TenantCluster,
    path: str,
    address: IPv4Address,
    problems: Problems,
) -> None:
    if not any(address in IPv4Network(each) for each in observed.nat_subnets if ":" not in each):
        known = ", ".join(observed.nat_subnets) or "none"
        problems.add(
            path,
            f"no subnet with the purpose nat of site '{model.fabric.site}' in Netris has {address};"
            f" there are: {known} (make one with netris_subnet, in the system VPC)",
        )
    for rule in observed.nat_rules:
        if rule.vpc != tenant.netris_name and any(address in IPv4Network(each) for each in rule.addresses):
            problems.add(
                path,
                f"{address} is still in the NAT rule '{rule.name}' of the VPC '{rule.vpc}'; release it there first",
            )


def _check_peer(
    model: Model,
    observed: ObservedFabric,
    tenant: TenantCluster,
    path: str,
    vpc: str,
    own: Sequence[IPv4Network],
    problems: Problems,
) -> None:
    if vpc not in observed.vpcs:
        known = ", ".join(sorted(observed.vpcs)) or "none"
        problems.add(path, f"no VPC '{vpc}' in Netris; known: {known} (whoever runs the services makes it)")
        return
    name = peering_name(tenant.netris_name, vpc)
    for peering in observed.peerings:
        if peering.name == name and set(peering.vpcs) != {tenant.netris_name, vpc}:
            problems.add(
                path,
                f"its peering would be named '{name}', as is one in Netris of the VPCs {' and '.join(peering.vpcs)}:"
                " rename that one, or give the tenant cluster another fabric_netris_name",
            )
    mine = own or [IPv4Network(model.fabric.tenant_supernet)]
    for text in observed.vpc_subnets.get(vpc, ()):
        if ":" not in text and any(each.overlaps(IPv4Network(text)) for each in mine):
            problems.add(
                path, f"subnet {text} of the VPC '{vpc}' overlaps {', '.join(map(str, mine))} of {tenant.name}"
            )
    for other in model.tenant_clusters.values():
        if other.name == tenant.name or vpc not in other.peerings:
            continue
        for text in observed.vpc_subnets.get(other.netris_name, ()):
            if ":" not in text and any(each.overlaps(IPv4Network(text)) for each in own):
                problems.add(
                    path,
                    f"its subnet overlaps {text} of {other.name}, which is peered with '{vpc}', too:"
                    " one of the two must get another subnet",
                )
