# SPDX-License-Identifier: Apache-2.0
"""Which CNI a cluster runs and how it is set, told from the objects that it leaves in the API. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]

#: CNIs that tagged traffic on the nodes' bond is known to get along with.
KNOWN = ("bridge", "calico", "canal", "cilium", "flannel")
_OTHERS = {
    "antrea-agent": "antrea",
    "kube-router": "kube-router",
    "ovnkube-node": "ovn-kubernetes",
    "weave-net": "weave",
}
#: What Cilium must be set to so that it neither drops tagged frames nor renames Multus' configuration.
CILIUM_CONFIG = {"cni-exclusive": "false", "vlan-bpf-bypass": "0"}
#: The role `cni_compat` notes which version of the ConfigMap it changed: there, in one step with the change, and on the
#: agents' pods once they restart for it. Whoever comes after a kill sees that the restart is still due.
RESTARTED_FOR = "baremetal.fabric/restarted-for"


@dataclass
class Snapshot:
    """What was read from the API; absent kinds are empty."""

    daemon_sets: list[Document] = field(default_factory=list)
    nodes: list[Document] = field(default_factory=list)
    cilium_config: dict[str, str] | None = None
    cilium_revision: str = ""
    cilium_restart: str = ""
    flannel_config: dict[str, str] | None = None
    calico_installation: Document | None = None
    felix: Document | None = None
    ip_pools: list[Document] = field(default_factory=list)
    helm_releases: list[Document] = field(default_factory=list)
    helm_charts: list[Document] = field(default_factory=list)


@dataclass
class Cni:
    name: str
    dataplane: str = ""
    encapsulation: list[str] = field(default_factory=list)
    namespace: str = ""
    workload: str = ""
    managed_by: str = "manifest"
    #: Version of the settings that were judged.
    revision: str = ""
    settings: dict[str, str] = field(default_factory=dict)
    #: What must be changed before tenant VLANs work; each can be repaired by `cni_compat`.
    changes: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


#: CNIs that enforce network policies. K3s adds that to its Flannel.
_ENFORCING = ("antrea", "calico", "canal", "cilium", "kube-router", "ovn-kubernetes", "weave")


def enforces_network_policies(cni: Cni) -> bool:
    """As far as can be told from the CNI: some clusters have a program of its own for that."""
    return cni.name in _ENFORCING or (cni.name == "flannel" and cni.managed_by == "k3s")


def detect(snapshot: Snapshot) -> Cni:
    """The first that matches wins: a cluster with two of them has bigger trouble than this."""
    for look in (_cilium, _calico, _flannel, _other):
        found = look(snapshot)
        if found:
            return found
    return Cni(
        "bridge", managed_by="nodes", notes=["no CNI is visible in the API; the nodes' own configuration is used"]
    )


def _cilium(snapshot: Snapshot) -> Cni | None:
    workload = _daemon_set(snapshot, lambda name, labels: labels.get("k8s-app") == "cilium" or name == "cilium")
    if workload is None or snapshot.cilium_config is None:
        return None
    config = snapshot.cilium_config
    found = _installed("cilium", workload, "eBPF")
    found.managed_by = _manager(snapshot, "cilium")
    found.revision = snapshot.cilium_revision
    found.encapsulation = (
        [config.get("tunnel-protocol") or "vxlan"] if config.get("routing-mode") != "native" else ["none"]
    )
    keys = ("cni-exclusive", "vlan-bpf-bypass", "devices", "custom-cni-conf", "write-cni-conf-when-ready")
    found.settings = {key: config[key] for key in keys if key in config}
    # Cilium leaves the CNI directory alone when it does not write its own configuration
    if config.get("custom-cni-conf") != "true" and config.get("cni-exclusive", "true") != "false":
        found.changes["cni-exclusive"] = CILIUM_CONFIG["cni-exclusive"]
    if "0" not in config.get("vlan-bpf-bypass", "").split():
        found.changes["vlan-bpf-bypass"] = CILIUM_CONFIG["vlan-bpf-bypass"]
    found.changes.update(_restart_due(workload, snapshot.cilium_restart))
    if "vlan-bpf-bypass" in found.settings and "vlan-bpf-bypass" in found.changes:
        found.notes.append("single VLAN ids in bpf.vlanBypass do not scale beyond 5 and are read at agent start only")
    return found


def _restart_due(workload: Document, wanted: str) -> dict[str, str]:
    """Settings that are there already, but not for the agents that run."""
    template = workload.get("spec", {}).get("template", {}).get("metadata", {})
    if not wanted or (template.get("annotations") or {}).get(RESTARTED_FOR) == wanted:
        return {}
    return CILIUM_CONFIG


def _calico(snapshot: Snapshot) -> Cni | None:
    workload = _daemon_set(snapshot, lambda name, _labels: name == "calico-node")
    if workload is None:
        return None
    found = _installed("calico", workload)
    network = _installed_network(snapshot.calico_installation)
    if snapshot.calico_installation is not None:
        found.managed_by = "operator"
    environment = _environment(workload)
    dataplane = network.get("linuxDataplane") or "Iptables"
    bpf = (snapshot.felix or {}).get("spec", {}).get("bpfEnabled")
    if bpf is None:
        bpf = environment.get("FELIX_BPFENABLED", "false").lower() == "true"
    found.dataplane = "eBPF" if dataplane == "BPF" or bpf is True else dataplane
    found.encapsulation = sorted(set(_encapsulations(network, snapshot.ip_pools, environment)))
    found.settings = {"bgp": str(network.get("bgp", "Enabled"))} if network else {}
    if found.dataplane == "eBPF":
        found.problems.append(
            "Calico runs its eBPF dataplane, which drops the tagged frames of tenant VLANs on the bond that carries the"
            " node's own untagged traffic. Switch the Installation's linuxDataplane to Iptables or Nftables."
        )
    elif dataplane == "VPP":
        found.problems.append(
            "Calico's VPP dataplane takes the NICs away from the kernel; tenant VLANs need them there."
        )
    found.notes.append("pin nodeAddressAutodetectionV4 to the bond, so that no tenant device becomes a node's address")
    return found


def _flannel(snapshot: Snapshot) -> Cni | None:
    canal = _daemon_set(snapshot, lambda name, _labels: name in ("canal", "rke2-canal"))
    workload = canal or _daemon_set(snapshot, lambda name, _labels: name in ("kube-flannel-ds", "kube-flannel"))
    if workload is not None:
        name = "canal" if canal else "flannel"
        found = _installed(name, workload, "iptables")
        found.managed_by = _manager(snapshot, name)
        backend = _flannel_backend(snapshot.flannel_config)
        found.encapsulation = [backend] if backend else []
        return found
    backends = {
        (node.get("metadata", {}).get("annotations") or {}).get("flannel.alpha.coreos.com/backend-type")
        for node in snapshot.nodes
    } - {None}
    if backends:
        return Cni("flannel", "iptables", sorted(str(each) for each in backends), managed_by="k3s")
    return None


def _other(snapshot: Snapshot) -> Cni | None:
    for name, cni in _OTHERS.items():
        workload = _daemon_set(snapshot, lambda found, _labels, wanted=name: found == wanted)
        if workload is not None:
            found = _installed(cni, workload)
            found.notes.append(f"{cni} has not been tried with tagged traffic on the nodes' bond")
            return found
    return None


def _daemon_set(snapshot: Snapshot, matches: Any) -> Document | None:
    for workload in snapshot.daemon_sets:
        metadata = workload.get("metadata", {})
        if matches(metadata.get("name", ""), metadata.get("labels") or {}):
            return workload
    return None


def _installed(name: str, workload: Document, dataplane: str = "") -> Cni:
    metadata = workload["metadata"]
    return Cni(name, dataplane, namespace=str(metadata.get("namespace", "")), workload=str(metadata["name"]))


def _manager(snapshot: Snapshot, name: str) -> str:
    """Who would undo a change that is made behind its back."""
    for chart in snapshot.helm_charts:
        if chart.get("metadata", {}).get("name") in (name, f"rke2-{name}"):
            return "helm-controller"
    return "helm" if any(_release_name(each) == name for each in snapshot.helm_releases) else "manifest"


def _release_name(secret: Document) -> str:
    return str((secret.get("metadata", {}).get("labels") or {}).get("name", ""))


def _installed_network(installation: Document | None) -> Document:
    """The operator writes the defaults it filled in to the status."""
    if installation is None:
        return {}
    wanted: Document = (installation.get("spec") or {}).get("calicoNetwork") or {}
    computed: Document = ((installation.get("status") or {}).get("computed") or {}).get("calicoNetwork") or {}
    return {**computed, **wanted}


def _encapsulations(network: Document, pools: list[Document], environment: dict[str, str]) -> Iterator[str]:
    for pool in pools:
        spec = pool.get("spec", {})
        modes = [
            f"{kind}{'CrossSubnet' if spec.get(key) == 'CrossSubnet' else ''}"
            for kind, key in (("VXLAN", "vxlanMode"), ("IPIP", "ipipMode"))
            if spec.get(key) not in (None, "", "Never")
        ]
        yield from modes or ["None"]
    if not pools:
        yield from (str(pool.get("encapsulation", "IPIP")) for pool in network.get("ipPools") or [])
    if not pools and not network:
        for kind in ("VXLAN", "IPIP"):
            if environment.get(f"CALICO_IPV4POOL_{kind}", "Never") != "Never":
                yield kind


def _environment(workload: Document) -> dict[str, str]:
    containers = workload.get("spec", {}).get("template", {}).get("spec", {}).get("containers") or []
    return {
        entry["name"]: str(entry["value"])
        for container in containers
        for entry in container.get("env") or []
        if "value" in entry
    }


def _flannel_backend(config: dict[str, str] | None) -> str:
    try:
        backend: Document = json.loads((config or {}).get("net-conf.json", "{}")).get("Backend") or {}
    except ValueError:
        return ""
    return str(backend.get("Type", "vxlan"))
