# SPDX-License-Identifier: Apache-2.0
"""The neutral model: everything defaulted, every reference resolved, nothing of any backend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from .._kube.documents.common import PRIVATE_NODES

NETRIS = "netris"
LINUX_SWITCH = "linux_switch"
MANUAL = "manual"


@dataclass(frozen=True)
class ReservedNetwork:
    name: str
    prefix: str


@dataclass(frozen=True)
class SharedVpc:
    """A VPC that is nobody's tenant cluster, and the networks in it that tenant clusters may reach."""

    name: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True)
class Dnat:
    """A port of a public address that leads into a tenant cluster: to an address, or to a host number of its subnet."""

    address: str
    protocol: str
    port: int
    # Empty where a host number is given.
    to: str
    to_host_number: int
    to_port: int


@dataclass(frozen=True)
class Fabric:
    """What holds for the whole rack."""

    site: str
    owner: str
    server_nics: tuple[str, ...]
    bond: str
    template_postfix: str
    host_template: str
    tenant_template: str
    tenant_supernet: str
    tenant_prefix_length: int
    gateway_host_number: int
    reserved_networks: tuple[ReservedNetwork, ...]
    # Where public addresses come from, and where else than to the internet tenant clusters may go.
    nat_subnets: tuple[str, ...] = ()
    shared_vpcs: tuple[SharedVpc, ...] = ()
    peering_rule: str = "permit {prefix}"
    # Who brings networks onto the switch ports.
    provider: str = NETRIS
    # What only providers without a controller of their own need.
    vlan_range: str = ""
    switch_bridge: str = "br-fabric"
    switch_mtu: int = 9216
    # Where ids and subnets are given away and gateways are; empty where there is one switch only.
    gateway_switch: str = ""
    switch_gateway: bool = True
    switch_dhcp: bool = True

    def shared_vpc(self, name: str) -> SharedVpc | None:
        return next((each for each in self.shared_vpcs if each.name == name), None)


@dataclass(frozen=True)
class Switch:
    """A leaf switch; `name` is the inventory's, `hostname` what it calls itself by LLDP."""

    name: str
    hostname: str
    # By port, the server NIC at the other end as nic@server.
    links: Mapping[str, str]
    # Ports that lead to the rest of the fabric and carry every network.
    uplinks: tuple[str, ...] = ()


@dataclass(frozen=True)
class HostCluster:
    name: str
    gateway: str
    api_endpoint: str
    pod_cidr: str
    service_cidr: str
    kubeconfig: str
    extra_servers: tuple[str, ...]


@dataclass(frozen=True)
class Server:
    """A shared or bare-metal server under its four names; `name` is the inventory's."""

    name: str
    netris_name: str
    hostname: str
    node_name: str
    nic_macs: Mapping[str, str]


@dataclass(frozen=True)
class BareMetalServer(Server):
    # None: parked.
    tenant_cluster: str | None


@dataclass(frozen=True)
class VmNode:
    """A virtual machine on the host cluster that is a node of one tenant cluster; `name` is the inventory's."""

    name: str
    node_name: str
    tenant_cluster: str
    # present, or absent: it is on its way out, and no node is expected of it.
    state: str
    cores: int
    memory: str
    disk: str
    image: str
    image_checksum: str
    storage_class: str
    mac: str
    labels: Mapping[str, str]


@dataclass(frozen=True)
class TenantCluster:
    name: str
    netris_name: str
    # Inventory names, sorted.
    shared_servers: tuple[str, ...]
    bare_metal: tuple[str, ...]
    vm_nodes: tuple[str, ...]
    replicas: int
    pod_cidr: str
    service_cidr: str
    backend: str
    api_port: int
    namespace: str
    network_namespace: str
    # private: servers of its own on a VLAN of its own. shared: the host cluster's nodes run its pods.
    nodes: str = PRIVATE_NODES
    # By which the host cluster is asked about it: credentials of its own, or the host cluster's.
    host_kubeconfig: str = ""
    # What of its control plane needs a licence, by the licence's tier; empty for what needs none.
    licences: Mapping[str, Sequence[str]] = field(default_factory=dict)
    # Empty: its servers do not reach the internet.
    snat_address: str = ""
    dnat: tuple[Dnat, ...] = ()
    # Names of shared VPCs.
    peerings: tuple[str, ...] = ()

    @property
    def private_nodes(self) -> bool:
        return self.nodes == PRIVATE_NODES

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> TenantCluster:
        lists = {key: tuple(data[key]) for key in ("shared_servers", "bare_metal", "vm_nodes")}
        lists["peerings"] = tuple(data.get("peerings", ()))
        return cls(**{**data, **lists, "dnat": tuple(Dnat(**each) for each in data.get("dnat", ()))})


@dataclass(frozen=True)
class Model:
    fabric: Fabric
    host_cluster: HostCluster
    shared_servers: Mapping[str, Server]
    bare_metal: Mapping[str, BareMetalServer]
    # Those with servers of their own, which the switch fabric knows.
    tenant_clusters: Mapping[str, TenantCluster]
    vm_nodes: Mapping[str, VmNode]
    # Those without, which it does not.
    shared_node_clusters: Mapping[str, TenantCluster] = field(default_factory=dict)
    # Those that a provider without a controller has to know.
    switches: Mapping[str, Switch] = field(default_factory=dict)

    @property
    def all_tenant_clusters(self) -> dict[str, TenantCluster]:
        return {**self.tenant_clusters, **self.shared_node_clusters}

    def as_dict(self) -> dict[str, Any]:
        """Plain lists and dictionaries, as Ansible and JSON want them."""
        plain: dict[str, Any] = _plain(asdict(self))
        return plain

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Model:
        """The model again, from what `as_dict` made of it."""
        fabric = dict(data["fabric"])
        fabric["server_nics"] = tuple(fabric["server_nics"])
        fabric["reserved_networks"] = tuple(ReservedNetwork(**each) for each in fabric["reserved_networks"])
        fabric["nat_subnets"] = tuple(fabric.get("nat_subnets", ()))
        fabric["shared_vpcs"] = tuple(
            SharedVpc(each["name"], tuple(each["prefixes"])) for each in fabric.get("shared_vpcs", ())
        )
        host_cluster = dict(data["host_cluster"])
        host_cluster["extra_servers"] = tuple(host_cluster["extra_servers"])
        return cls(
            fabric=Fabric(**fabric),
            host_cluster=HostCluster(**host_cluster),
            shared_servers={name: Server(**each) for name, each in data["shared_servers"].items()},
            bare_metal={name: BareMetalServer(**each) for name, each in data["bare_metal"].items()},
            tenant_clusters={name: TenantCluster.from_dict(each) for name, each in data["tenant_clusters"].items()},
            vm_nodes={name: VmNode(**each) for name, each in data["vm_nodes"].items()},
            shared_node_clusters={
                name: TenantCluster.from_dict(each) for name, each in data.get("shared_node_clusters", {}).items()
            },
            switches={
                name: Switch(**{**each, "uplinks": tuple(each["uplinks"])})
                for name, each in data.get("switches", {}).items()
            },
        )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    return value
