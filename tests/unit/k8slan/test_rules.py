# SPDX-License-Identifier: Apache-2.0
"""One example for each rule that it catches, and that it lets pass what is right."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import model, rules
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.rules import Facts

from .world import NODES, OTHER, declared, facts, lan, node, uses


def test_what_is_right_passes() -> None:
    both = [lan(), lan(OTHER)]
    assert rules.mistakes(both, Facts()) == []
    assert rules.mistakes(both, facts()) == []
    # there already, and used as it shall be
    used = [uses("Pod", "router", "k8slan-veth-srl"), uses("VirtualMachine", "probe", "k8slan-mac-vm")]
    assert rules.mistakes(both, facts(*both, consumers=used)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "Lan_1"}, "lans[0].name: 'Lan_1' is no DNS label"),
        ({"netns": ""}, "lans[0].netns: '' cannot be the name of a network namespace"),
        ({"netns": "a/b"}, "lans[0].netns: 'a/b' cannot be"),
        ({"bridge": ""}, "lans[0].bridge: '' has 0 characters, 1..13 are possible"),
        ({"bridge": "br-far-too-long"}, "lans[0].bridge: 'br-far-too-long' has 15 characters, 1..13 are possible"),
        ({"bridge": "br 0"}, "lans[0].bridge: 'br 0' is no name of a network device"),
        ({"vxlan": "vx-far-too-long"}, "lans[0].vxlan: 'vx-far-too-long' has 15 characters"),
        ({"bridge": "x", "vxlan": "x"}, "lans[0].vxlan: 'x' is the bridge's name, too"),
        ({"vni": None}, "lans[0].vni: is required"),
        ({"vni": 0}, "lans[0].vni: 0 is not in 1..16777215"),
        ({"vni": 16777216}, "lans[0].vni: 16777216 is not in 1..16777215"),
        ({"port": 70000}, "lans[0].port: 70000 is not in 1..65535"),
        ({"group": "2001:db8::1"}, "lans[0].group: '2001:db8::1' is no multicast address"),
        ({"group": "all"}, "lans[0].group: 'all' is no multicast address"),
        ({"spokes": []}, "lans[0].spokes: 0 are given, k8slan takes 1..4095"),
        ({"spokes": [{"name": f"s{n}"} for n in range(4096)]}, "lans[0].spokes: 4096 are given"),
        ({"spokes": [{"name": "a-spoke-of-14c"}]}, "lans[0].spokes[0].name: 'a-spoke-of-14c' has 14 characters"),
        ({"spokes": [{"name": ""}]}, "lans[0].spokes[0].name: '' has 0 characters"),
        ({"spokes": [{"name": "e1_1"}]}, "lans[0].spokes[0].name: 'e1_1' becomes part of an attachment's name"),
        (
            {"spokes": [{"name": "br"}], "bridge": "brp"},
            "its bridge port 'brp' would have the name of the LAN's bridge",
        ),
        ({"device": "a-device-of-16-c"}, "lans[0].device: 'a-device-of-16-c' has 16 characters, 1..15 are possible"),
        ({"devices": {"shared1": "a/b"}}, "lans[0].devices.shared1: 'a/b' is no name of a network device"),
    ],
)
def test_a_lan_by_itself(changes: dict[str, Any], expected: str) -> None:
    (told,) = rules.mistakes([lan(**changes)], Facts())
    assert expected in told


def test_names_that_are_too_long_together() -> None:
    long = {"name": "a-lan-whose-name-is-forty-two-letters-long", "spokes": [{"name": "thirteen-char"}]}
    assert rules.mistakes([lan(**long)], Facts()) == []
    (told,) = rules.mistakes([lan(naming="lan_spoke", **long)], Facts())
    assert "are too long together for the name of a resource" in told


@pytest.mark.parametrize(
    ("changes", "world", "expected"),
    [
        ({"namespace": "nowhere"}, {}, "lans[0].namespace: there is no namespace 'nowhere'"),
        ({"port": 4789}, {}, "lans[0].port: 4789 is the VXLAN port of the CNI, calico"),
        (
            {"port": 8472},
            {"cni": "flannel", "encapsulation": ["vxlan"]},
            "lans[0].port: 8472 is the VXLAN port of the CNI, flannel",
        ),
        (
            {"devices": {"shared9": "eth2"}},
            {},
            "lans[0].devices.shared9: there is no node with this host name; there are shared1, shared2",
        ),
        ({"device": ""}, {}, "lans[0].device: shared1 has none; set it, or devices.shared1"),
    ],
)
def test_a_lan_in_its_cluster(changes: dict[str, Any], world: dict[str, Any], expected: str) -> None:
    (told,) = rules.mistakes([lan(**changes)], facts(**world))
    assert expected in told


def test_a_port_without_vxlan_on_it_is_free() -> None:
    assert rules.mistakes([lan(port=4789)], facts(encapsulation=["IPIP"])) == []


def test_before_k8slan_is_there_nodes_without_taints_count() -> None:
    tainted = node("shared3", taints=[{"key": "control-plane", "effect": "NoSchedule"}])
    world = facts(agents=[], nodes=[node("shared1"), tainted])
    assert rules.served(world) == ["shared1"]
    assert rules.mistakes([lan(device="", devices={"shared1": "eth0"})], world) == []


def test_nodes_are_known_by_their_host_names() -> None:
    renamed = node("shared1.example.com")
    renamed["metadata"]["labels"][model.HOSTNAME_LABEL] = "shared1"
    assert rules.mistakes([lan(devices={"shared1": "eth2"})], facts(agents=[], nodes=[renamed])) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"netns": "lan-example"}, "lans: netns lan-example must be used once in the whole cluster"),
        ({"vni": 222}, "lans: vni 222 must be used once in the whole cluster"),
        ({"spokes": [{"name": "srl"}]}, "lans: spoke srl must be used once in the whole cluster"),
    ],
)
def test_what_is_unique_across_all_lans(changes: dict[str, Any], expected: str) -> None:
    twin = lan(OTHER, namespace="default", **changes)
    (told,) = rules.mistakes([lan(), twin], Facts())
    assert told.startswith(expected) and "default/lan-example, default/other" in told
    # somebody else's, in another namespace, counts as well
    world = facts(lans=[declared(lan(namespace="elsewhere"))])
    (told,) = rules.mistakes([twin], world)
    assert told.startswith(expected) and "elsewhere/lan-example (exists)" in told


def test_a_spoke_twice_in_one_lan() -> None:
    (told,) = rules.mistakes([lan(spokes=[{"name": "srl"}, {"name": "srl"}])], Facts())
    assert "spoke srl must be used once" in told


def test_a_value_may_go_from_one_lan_to_another() -> None:
    before = [lan(), lan(OTHER)]
    assert rules.mistakes([lan(vni=223), lan(OTHER, vni=222)], facts(*before)) == []


def test_a_lan_twice() -> None:
    told = rules.mistakes([lan(), lan()], Facts())
    assert "lans: default/lan-example is there 2 times" in told


def test_an_attachment_of_somebody_else() -> None:
    world = facts(attachments=[{"metadata": {"name": "k8slan-veth-srl", "namespace": "team"}}])
    (told,) = rules.mistakes([lan()], world)
    assert "lans[0].spokes[0].name: 'srl' needs the network attachment k8slan-veth-srl" in told
    assert "in namespace team" in told


def test_one_kind_of_attachment_for_a_spoke() -> None:
    world = facts(lan(), consumers=[uses("VirtualMachine", "probe", "k8slan-mac-srl")])
    (told,) = rules.mistakes([lan()], world)
    assert told == (
        "lans[0].spokes[0].consumer: the spoke 'srl' is for a pod, by k8slan-veth-srl, but VirtualMachine team/probe"
        " uses k8slan-mac-srl"
    )


def test_one_consumer_for_a_spoke() -> None:
    world = facts(lan(), consumers=[uses("Pod", name, "k8slan-veth-srl") for name in ("one", "two")])
    (told,) = rules.mistakes([lan()], world)
    assert told == "lans[0].spokes[0].name: 'srl' takes one consumer, but has 2: Pod team/one, Pod team/two"


def test_all_mistakes_at_once() -> None:
    told = rules.mistakes([lan(vni=0, port=0, bridge=""), lan(OTHER, vni=None)], Facts())
    assert len(told) == 4


def test_no_lan_both_comes_and_goes() -> None:
    (told,) = rules.mistakes([lan()], Facts(), [lan().key, ("default", "gone")])
    assert told == "lans: default/lan-example shall be there and shall not be there"


def test_removal_asks_who_is_attached_and_whose_it_is() -> None:
    world = facts(lan(), consumers=[uses("Pod", "router", "k8slan-veth-srl")])
    (told,) = rules.removal_mistakes(world.lans, world)
    assert told.startswith("LAN default/lan-example still has Pod team/router attached")
    foreign = declared(lan(), labels={})
    (told,) = rules.removal_mistakes([foreign], facts(lans=[foreign]))
    assert "was not made by this collection" in told
    held = declared(lan(), finalizers=["example.com/backup", f"{model.FINALIZERS}{NODES[0]}"])
    (told,) = rules.removal_mistakes([held], facts(lans=[held]))
    assert told == "LAN default/lan-example is held by example.com/backup, for which k8slan refuses its deletion"
