# SPDX-License-Identifier: Apache-2.0
"""From the inventory's variables to the model, or to the list of everything that is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from .._kube.documents.common import SHARED_NODES
from .._kube.documents.virtual_machine import stable_mac
from .._vcluster.chart import Chart
from . import (
    bridge_rules,
    kamaji_rules,
    node_rules,
    outside_rules,
    provision_rules,
    rules,
    switch_rules,
    vcluster_rules,
    way_rules,
)
from .model import (
    NETRIS,
    BareMetalServer,
    Dnat,
    Fabric,
    HostCluster,
    Model,
    ReservedNetwork,
    Server,
    SharedVpc,
    Switch,
    TenantCluster,
    VmNode,
)
from .names import KAMAJI, default_api_port, default_namespace, default_network_namespace
from .problems import IntentError, Problem, Problems
from .schema import MISSING, Schema, read, suggestion
from .variables import (
    BARE_METAL,
    COLLECTION_WIDE,
    NOT_INTENT,
    REQUIRED,
    SHARED_NODE_CLUSTER,
    SHARED_SERVER,
    SWITCH,
    TENANT_CLUSTER,
    VM_NODE,
)

TENANT_CLUSTERS_GROUP = "tenant_clusters"
SHARED_SERVERS_GROUP = "shared_servers"
BARE_METAL_GROUP = "bare_metal"
VM_NODES_GROUP = "vm_nodes"
SHARED_NODE_CLUSTERS_GROUP = "shared_node_clusters"
GROUPS = (
    TENANT_CLUSTERS_GROUP,
    SHARED_NODE_CLUSTERS_GROUP,
    SHARED_SERVERS_GROUP,
    BARE_METAL_GROUP,
    VM_NODES_GROUP,
)
# Switches are no part of a play: what is done on them is delegated to them.
SWITCHES_GROUP = "switches"

HostVars = Mapping[str, Mapping[str, Any]]


def _no_chart(_variables: Mapping[str, Any]) -> Chart | None:
    return None


def build_model(
    hostvars: HostVars,
    groups: Mapping[str, Sequence[str]],
    found_before: Iterable[Problem] = (),
    find_chart: vcluster_rules.FindChart = _no_chart,
) -> Model:
    """The model of the whole inventory; raises IntentError with every mistake at once.

    `hostvars` holds plain values; `found_before` are mistakes that were met while they were obtained; `find_chart`
    reads the chart that a tenant cluster's variables name, if it is on this machine.
    """
    problems = Problems()
    problems.extend(found_before)
    members = {group: sorted(groups.get(group, ())) for group in GROUPS}
    switch_names = sorted(groups.get(SWITCHES_GROUP, ()))
    hosts = sorted({*(host for group in GROUPS for host in members[group]), *switch_names})

    _report_unknown(hostvars, hosts, problems)
    wide = _collection_wide(hostvars, hosts, problems)
    shared_values = {
        name: _read_host(SHARED_SERVER, hostvars, name, problems) for name in members[SHARED_SERVERS_GROUP]
    }
    shared_servers = {name: Server(**_server(name, values)) for name, values in shared_values.items()}
    metal_values = {name: _read_host(BARE_METAL, hostvars, name, problems) for name in members[BARE_METAL_GROUP]}
    bare_metal = {name: _bare_metal(name, values) for name, values in metal_values.items()}
    for name, values in metal_values.items():
        node_rules.check_node(name, values, problems)
    provision_rules.check_all({**shared_values, **metal_values}, wide["fabric_server_nics"], problems)
    vm_nodes = {name: _vm_node(name, _read_host(VM_NODE, hostvars, name, problems)) for name in members[VM_NODES_GROUP]}
    tenant_clusters = {
        name: _tenant_cluster(
            name, _read_host(TENANT_CLUSTER, hostvars, name, problems), list(shared_servers), bare_metal, vm_nodes
        )
        for name in members[TENANT_CLUSTERS_GROUP]
    }
    on_shared_nodes = {
        name: _shared_node_cluster(
            name, _read_host(SHARED_NODE_CLUSTER, hostvars, name, problems), list(shared_servers)
        )
        for name in members[SHARED_NODE_CLUSTERS_GROUP]
    }
    host_cluster = _host_cluster(wide["fabric_host_cluster"])
    for clusters in (tenant_clusters, on_shared_nodes):
        for name, own in clusters.items():
            variables = hostvars.get(name, {})
            tenant = replace(own, host_kubeconfig=own.host_kubeconfig or host_cluster.kubeconfig)
            clusters[name] = tenant
            way_rules.check(tenant, variables, problems)
            if tenant.private_nodes and tenant.backend == KAMAJI:
                kamaji_rules.check(tenant, variables, problems)
            else:
                licences = vcluster_rules.check(tenant, variables, find_chart, problems)
                clusters[name] = replace(tenant, licences=licences)
    model = Model(
        fabric=_fabric(wide),
        host_cluster=host_cluster,
        shared_servers=shared_servers,
        bare_metal=bare_metal,
        tenant_clusters=tenant_clusters,
        vm_nodes=vm_nodes,
        shared_node_clusters=on_shared_nodes,
        switches=_switches(wide, hostvars, switch_names, problems),
    )
    rules.check_groups(members, groups, hostvars, problems)
    rules.check(model, problems)
    bridge_rules.check(model, wide, problems)
    outside_rules.check_groups(members, hostvars, problems)
    outside_rules.check(model, problems)
    if model.fabric.provider != NETRIS:
        switch_rules.check(model, members, wide["fabric_mtu"], problems)
    if problems:
        raise IntentError(problems.as_list())
    return model


def _collection_wide(hostvars: HostVars, hosts: Sequence[str], problems: Problems) -> dict[str, Any]:
    """Variables that every host must agree on; where a host does not set one, the others' value holds."""
    wide = {}
    for name, schema in COLLECTION_WIDE.items():
        values: dict[str, Any] = {}
        holders: dict[str, list[str]] = {}
        for host in hosts:
            value = hostvars.get(host, {}).get(name)
            if value is not None:
                key = json.dumps(value, sort_keys=True, default=str)
                values[key] = value
                holders.setdefault(key, []).append(host)
        if len(values) > 1:
            told = "; ".join(f"{key} on {', '.join(on)}" for key, on in holders.items())
            problems.add(name, f"must be the same on all hosts: {told}")
        if not values and name in REQUIRED and not problems.has(name):
            problems.add(name, "is required")
        wide[name] = read(schema, next(iter(values.values()), MISSING), name, problems)
    return wide


def _read_host(declared: Mapping[str, Schema], hostvars: HostVars, host: str, problems: Problems) -> dict[str, Any]:
    values = hostvars.get(host, {})
    return {
        name: read(schema, values.get(name, MISSING), f"{host}.{name}", problems) for name, schema in declared.items()
    }


def _report_unknown(hostvars: HostVars, hosts: Sequence[str], problems: Problems) -> None:
    """Misspelt variables: without this they are silently somebody's default."""
    known = sorted(
        {
            *COLLECTION_WIDE,
            *TENANT_CLUSTER,
            *SHARED_SERVER,
            *BARE_METAL,
            *VM_NODE,
            *SHARED_NODE_CLUSTER,
            *SWITCH,
            *NOT_INTENT,
        }
    )
    unknown: dict[str, list[str]] = {}
    for host in hosts:
        for name in hostvars.get(host, {}):
            if name.startswith("fabric_") and name not in known and suggestion(name, known):
                unknown.setdefault(name, []).append(host)
    for name, holders in sorted(unknown.items()):
        places = [name] if holders == list(hosts) else [f"{host}.{name}" for host in holders]
        for place in places:
            problems.add(place, f"unknown variable{suggestion(name, known)}")


def _fabric(wide: Mapping[str, Any]) -> Fabric:
    return Fabric(
        site=wide["fabric_site"],
        owner=wide["fabric_owner"],
        server_nics=tuple(wide["fabric_server_nics"]),
        bond=wide["fabric_bond"],
        template_postfix=wide["fabric_template_postfix"],
        host_template=wide["fabric_host_template"],
        tenant_template=wide["fabric_tenant_template"],
        tenant_supernet=wide["fabric_tenant_supernet"],
        tenant_prefix_length=wide["fabric_tenant_prefix_length"],
        gateway_host_number=wide["fabric_gateway_host_number"],
        reserved_networks=tuple(ReservedNetwork(**each) for each in wide["fabric_reserved_networks"]),
        nat_subnets=tuple(wide["fabric_nat_subnets"]),
        shared_vpcs=tuple(SharedVpc(each["name"], tuple(each["prefixes"])) for each in wide["fabric_shared_vpcs"]),
        peering_rule=wide["fabric_peering_rule"],
        provider=wide["fabric_provider"],
        vlan_range=wide["fabric_vlan_range"],
        switch_bridge=wide["fabric_switch_bridge"],
        switch_mtu=wide["fabric_switch_mtu"],
        gateway_switch=wide["fabric_gateway_switch"],
        switch_gateway=wide["fabric_switch_gateway"],
        switch_dhcp=wide["fabric_switch_dhcp"],
    )


def _switches(
    wide: Mapping[str, Any], hostvars: HostVars, names: Sequence[str], problems: Problems
) -> dict[str, Switch]:
    """Netris knows its switches itself; a group of that name may then mean anything."""
    if wide["fabric_provider"] == NETRIS:
        return {}
    found = {}
    for name in names:
        values = _read_host(SWITCH, hostvars, name, problems)
        found[name] = Switch(
            name=name,
            hostname=values["fabric_hostname"] or name,
            links=values["fabric_links"],
            uplinks=tuple(values["fabric_uplinks"]),
        )
    return found


def _host_cluster(values: Mapping[str, Any]) -> HostCluster:
    return HostCluster(**{**values, "extra_servers": tuple(values["extra_servers"])})


def _server(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "name": name,
        "netris_name": values["fabric_netris_name"] or name,
        "hostname": values["fabric_hostname"] or name,
        "node_name": values["fabric_node_name"] or name,
        "nic_macs": {nic: mac.lower() for nic, mac in values["fabric_nic_macs"].items()},
    }


def _bare_metal(name: str, values: Mapping[str, Any]) -> BareMetalServer:
    return BareMetalServer(**_server(name, values), tenant_cluster=values["fabric_tenant_cluster"].strip() or None)


def _vm_node(name: str, values: Mapping[str, Any]) -> VmNode:
    tenant = values["fabric_tenant_cluster"].strip()
    return VmNode(
        name=name,
        node_name=values["fabric_node_name"] or name,
        tenant_cluster=tenant,
        state=values["vm_node_state"],
        cores=values["vm_node_cores"],
        memory=values["vm_node_memory"],
        disk=values["vm_node_disk"],
        image=values["vm_node_image"],
        image_checksum=values["vm_node_image_checksum"],
        storage_class=values["vm_node_storage_class"],
        mac=values["vm_node_mac"].lower() or stable_mac(tenant, name),
        labels=values["vm_node_labels"],
    )


def _tenant_cluster(
    name: str,
    values: Mapping[str, Any],
    all_shared: Sequence[str],
    bare_metal: Mapping[str, BareMetalServer],
    vm_nodes: Mapping[str, VmNode],
) -> TenantCluster:
    return TenantCluster(
        name=name,
        netris_name=values["fabric_netris_name"] or name,
        shared_servers=tuple(sorted(values["fabric_shared_servers"] or all_shared)),
        bare_metal=tuple(sorted(each.name for each in bare_metal.values() if each.tenant_cluster == name)),
        vm_nodes=tuple(sorted(each.name for each in vm_nodes.values() if each.tenant_cluster == name)),
        replicas=values["tenant_cluster_replicas"],
        pod_cidr=values["tenant_cluster_pod_cidr"],
        service_cidr=values["tenant_cluster_service_cidr"],
        backend=values["tenant_cluster_backend"],
        api_port=values["tenant_cluster_api_port"] or default_api_port(values["tenant_cluster_backend"]),
        namespace=values["tenant_cluster_namespace"] or default_namespace(name),
        host_kubeconfig=values["tenant_cluster_host_kubeconfig"] or "",
        network_namespace=values["tenant_network_namespace"] or default_network_namespace(name),
        snat_address=values["fabric_internet"].get("snat_address", ""),
        dnat=tuple(
            Dnat(**{**each, "to_port": each["to_port"] or each["port"]})
            for each in values["fabric_internet"].get("dnat", ())
        ),
        peerings=tuple(values["fabric_peerings"]),
    )


def _shared_node_cluster(name: str, values: Mapping[str, Any], all_shared: Sequence[str]) -> TenantCluster:
    """Nothing of it is on the switch fabric, so what only a VLAN needs is empty."""
    return TenantCluster(
        name=name,
        netris_name="",
        shared_servers=tuple(sorted(values["fabric_shared_servers"] or all_shared)),
        bare_metal=(),
        vm_nodes=(),
        replicas=values["tenant_cluster_replicas"],
        pod_cidr="",
        service_cidr="",
        backend=values["tenant_cluster_backend"],
        api_port=0,
        namespace=values["tenant_cluster_namespace"] or default_namespace(name),
        host_kubeconfig=values["tenant_cluster_host_kubeconfig"] or "",
        network_namespace="",
        nodes=SHARED_NODES,
    )
