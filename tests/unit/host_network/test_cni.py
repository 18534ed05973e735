# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._host_cluster.cni import RESTARTED_FOR, Snapshot, detect


def daemon_set(name: str, namespace: str = "kube-system", labels: Any = None, **environment: str) -> dict[str, Any]:
    env = [{"name": key, "value": value} for key, value in environment.items()]
    template = {"metadata": {}, "spec": {"containers": [{"name": "main", "env": env}]}}
    return {"metadata": {"name": name, "namespace": namespace, "labels": labels or {}}, "spec": {"template": template}}


def cilium(config: dict[str, str], **more: Any) -> Snapshot:
    return Snapshot(daemon_sets=[daemon_set("cilium", labels={"k8s-app": "cilium"})], cilium_config=config, **more)


def calico(**more: Any) -> Snapshot:
    return Snapshot(daemon_sets=[daemon_set("calico-node", "calico-system")], **more)


def installation(network: dict[str, Any], computed: dict[str, Any] | None = None) -> dict[str, Any]:
    return {"spec": {"calicoNetwork": network}, "status": {"computed": {"calicoNetwork": computed or {}}}}


def test_cilium_as_its_chart_installs_it_needs_both_changes() -> None:
    found = detect(cilium({"cni-exclusive": "true"}))
    assert found.name == "cilium" and not found.problems
    assert found.changes == {"cni-exclusive": "false", "vlan-bpf-bypass": "0"}


@pytest.mark.parametrize(
    ("config", "changes"),
    [
        ({"cni-exclusive": "false", "vlan-bpf-bypass": "0"}, set()),
        ({"cni-exclusive": "false", "vlan-bpf-bypass": "3 0"}, set()),
        ({"cni-exclusive": "false", "vlan-bpf-bypass": "3 4"}, {"vlan-bpf-bypass"}),
        ({"cni-exclusive": "false", "vlan-bpf-bypass": "10"}, {"vlan-bpf-bypass"}),
        ({"vlan-bpf-bypass": "0"}, {"cni-exclusive"}),
        # with a configuration of somebody else's, Cilium leaves the directory alone
        ({"custom-cni-conf": "true", "vlan-bpf-bypass": "0"}, set()),
    ],
)
def test_cilium_settings(config: dict[str, str], changes: set[str]) -> None:
    assert set(detect(cilium(config)).changes) == changes


@pytest.mark.parametrize(
    ("more", "manager"),
    [
        ({}, "manifest"),
        ({"helm_releases": [{"metadata": {"labels": {"name": "cilium"}}}]}, "helm"),
        ({"helm_charts": [{"metadata": {"name": "rke2-cilium"}}]}, "helm-controller"),
    ],
)
def test_who_holds_ciliums_settings(more: dict[str, Any], manager: str) -> None:
    assert detect(cilium({}, **more)).managed_by == manager


def test_a_restart_that_was_not_reached_is_still_due() -> None:
    snapshot = cilium({"cni-exclusive": "false", "vlan-bpf-bypass": "0"}, cilium_restart="77", cilium_revision="80")
    assert detect(snapshot).changes and detect(snapshot).revision == "80"
    snapshot.daemon_sets[0]["spec"]["template"]["metadata"] = {"annotations": {RESTARTED_FOR: "77"}}
    assert not detect(snapshot).changes


@pytest.mark.parametrize(
    "snapshot",
    [
        calico(calico_installation=installation({"linuxDataplane": "BPF"})),
        calico(calico_installation=installation({}, {"linuxDataplane": "BPF"})),
        calico(felix={"spec": {"bpfEnabled": True}}),
        Snapshot(daemon_sets=[daemon_set("calico-node", FELIX_BPFENABLED="true")]),
    ],
)
def test_calico_ebpf_is_a_problem_wherever_it_is_switched_on(snapshot: Snapshot) -> None:
    found = detect(snapshot)
    assert found.dataplane == "eBPF"
    assert len(found.problems) == 1 and "drops the tagged frames" in found.problems[0]


def test_what_felix_says_beats_its_environment() -> None:
    snapshot = Snapshot(
        daemon_sets=[daemon_set("calico-node", FELIX_BPFENABLED="true")], felix={"spec": {"bpfEnabled": False}}
    )
    assert detect(snapshot).problems == []


@pytest.mark.parametrize(
    ("snapshot", "encapsulation"),
    [
        (
            calico(calico_installation=installation({"ipPools": [{"encapsulation": "VXLANCrossSubnet"}]})),
            ["VXLANCrossSubnet"],
        ),
        (calico(ip_pools=[{"spec": {"vxlanMode": "Always", "ipipMode": "Never"}}]), ["VXLAN"]),
        (calico(ip_pools=[{"spec": {"vxlanMode": "Never", "ipipMode": "CrossSubnet"}}]), ["IPIPCrossSubnet"]),
        (calico(ip_pools=[{"spec": {"vxlanMode": "Never", "ipipMode": "Never"}}]), ["None"]),
        (Snapshot(daemon_sets=[daemon_set("calico-node", CALICO_IPV4POOL_VXLAN="Always")]), ["VXLAN"]),
    ],
)
def test_calico_encapsulation(snapshot: Snapshot, encapsulation: list[str]) -> None:
    found = detect(snapshot)
    assert found.encapsulation == encapsulation and not found.problems and not found.changes


def test_calicos_vpp_dataplane_is_a_problem() -> None:
    assert "VPP" in detect(calico(calico_installation=installation({"linuxDataplane": "VPP"}))).problems[0]


@pytest.mark.parametrize(
    ("snapshot", "name", "encapsulation"),
    [
        (
            Snapshot(
                daemon_sets=[daemon_set("kube-flannel-ds", "kube-flannel")],
                flannel_config={"net-conf.json": '{"Backend": {"Type": "host-gw"}}'},
            ),
            "flannel",
            ["host-gw"],
        ),
        (Snapshot(daemon_sets=[daemon_set("rke2-canal")], flannel_config={"net-conf.json": "broken"}), "canal", []),
        (
            Snapshot(nodes=[{"metadata": {"annotations": {"flannel.alpha.coreos.com/backend-type": "vxlan"}}}]),
            "flannel",
            ["vxlan"],
        ),
    ],
)
def test_flannel_in_its_forms(snapshot: Snapshot, name: str, encapsulation: list[str]) -> None:
    found = detect(snapshot)
    assert (found.name, found.encapsulation, found.changes, found.problems) == (name, encapsulation, {}, [])


def test_another_cni_is_named_and_an_invisible_one_is_a_bridge() -> None:
    other = detect(Snapshot(daemon_sets=[daemon_set("antrea-agent")]))
    assert other.name == "antrea" and "has not been tried" in other.notes[0]
    assert detect(Snapshot(daemon_sets=[daemon_set("kube-proxy")])).name == "bridge"
