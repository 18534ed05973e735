"""Where the host cluster's control plane lives: addresses, folders, ranges. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path

from fabric_lab.rack import topology
from fabric_lab.state import Lab, LabError

POD_CIDR = "10.244.0.0/16"
SERVICE_CIDR = "10.96.0.0/16"
PORT = 6443
ETCD = "http://127.0.0.1:2379"
CONTAINERD_SOCKET = "unix:///run/containerd/containerd.sock"


@dataclass(frozen=True)
class Cluster:
    """The host cluster of one lab."""

    lab: Lab
    pod_cidr: str = POD_CIDR
    service_cidr: str = SERVICE_CIDR

    def __post_init__(self) -> None:
        for name in ("pod_cidr", "service_cidr"):
            try:
                IPv4Network(getattr(self, name))
            except ValueError as error:
                raise LabError(f"{name} of the host cluster: {error}") from None

    @property
    def directory(self) -> Path:
        return self.lab.directory / "cluster"

    @property
    def pki(self) -> Path:
        return self.directory / "pki"

    @property
    def configuration(self) -> Path:
        return self.directory / "kubeadm.yaml"

    @property
    def prepared(self) -> Path:
        """The configuration that the running cluster was prepared with."""
        return self.directory / "prepared.yaml"

    @property
    def address(self) -> str:
        """Where nodes find the API server: on the host cluster's network."""
        return topology.OUTSIDE_ADDRESS.split("/")[0]

    @property
    def endpoint(self) -> str:
        return f"{self.address}:{PORT}"

    @property
    def operator_address(self) -> str:
        """Where the operator finds it: on the management network."""
        return topology.control_plane_address(self.lab)

    @property
    def operator_kubeconfig(self) -> Path:
        return self.lab.directory / "host.kubeconfig"

    @property
    def node_settings(self) -> Path:
        """What the installer hook tells a server that becomes a node."""
        return self.directory / "node.json"

    @property
    def dns_address(self) -> str:
        return str(IPv4Network(self.service_cidr)[10])

    def component_kubeconfig(self, name: str) -> Path:
        return self.directory / f"{name}.conf"
