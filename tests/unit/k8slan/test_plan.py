# SPDX-License-Identifier: Apache-2.0
"""What becomes of LANs that are there, how far they are, and when a finalizer may be taken off."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import model
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.plan import differences, plan
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan.progress import missing, releasable

from .world import NODES, OTHER, agent, attachments, declared, facts, lan, node, uses


def test_what_is_not_there_is_made_and_what_is_right_stays() -> None:
    due = plan([lan(), lan(OTHER)], facts(lan()), recreate=False)
    assert [each.name for each in due.create] == ["other"] and [each.name for each in due.keep] == ["lan-example"]
    assert due.remove == due.refused == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"netns": "x"}, "netns is lan-example, not x"),
        ({"bridge": "br2"}, "bridge is br0, not br2"),
        ({"vxlan": "vx2"}, "vxlan is vx0, not vx2"),
        ({"vni": 7}, "vni is 222, not 7"),
        ({"group": "ff02::15"}, "group is ff02::14, not ff02::15"),
        ({"port": 14790}, "port is 14789, not 14790"),
        ({"device": "eth1"}, "device is eth0, not eth1"),
        ({"devices": {}}, "devices is shared2=eth2, not none"),
        ({"spokes": [{"name": "srl"}]}, "spokes is srl, vm, not srl"),
    ],
)
def test_no_field_of_a_lan_can_be_changed(changes: dict[str, Any], expected: str) -> None:
    due = plan([lan(**changes)], facts(lan()), recreate=False)
    (told,) = due.refused
    assert told.startswith("LAN default/lan-example cannot be changed, only made anew (recreate)")
    assert told.endswith(expected)
    again = plan([lan(**changes)], facts(lan()), recreate=True)
    assert again.refused == [] and len(again.remove) == len(again.create) == 1


def test_spelling_and_order_are_no_difference() -> None:
    found = declared(lan())
    found["spec"]["vxlanGrp"] = "FF02:0:0:0:0:0:0:14"
    found["spec"]["spokes"] = ["vm", "srl"]
    assert differences(found, lan()) == []


def test_what_k8slan_fills_in_is_known() -> None:
    found = declared(lan(port=4789))
    for key in ("vxlanPort", "vxlanGrp"):
        del found["spec"][key]
    assert differences(found, lan(port=4789)) == []


def test_nothing_is_made_anew_while_somebody_is_attached() -> None:
    world = facts(lan(), consumers=[uses("Pod", "router", "k8slan-veth-srl")])
    (told,) = plan([lan(vni=7)], world, recreate=True).refused
    assert "still has Pod team/router attached" in told


def test_somebody_elses_lan_is_left_alone() -> None:
    (told,) = plan([lan()], facts(lans=[declared(lan(), labels={})]), recreate=True).refused
    assert told.startswith("LAN default/lan-example was not made by this collection")


def test_one_that_goes_already_is_awaited_and_made_anew() -> None:
    going = declared(lan(), deletionTimestamp="2026-01-01T00:00:00Z")
    due = plan([lan()], facts(lans=[going]), recreate=False)
    assert due.remove == [going] and due.create == [lan()] and due.refused == []


def test_ready_is_taken_up_named_and_offered() -> None:
    assert missing(lan(), facts(lan())) == []


def test_it_says_what_is_missing_where() -> None:
    resources = [model.resource(lan(), lan().spokes[0])]
    world = facts(
        lans=[declared(lan(), hosts=NODES[:1])],
        attachments=attachments(lan())[:1],
        nodes=[node(each, resources=resources) for each in NODES],
    )
    assert missing(lan(), world) == [
        "LAN default/lan-example: no network attachment k8slan-mac-vm;"
        " shared1 does not offer macvtap.k8slan.io/k8slan-mac-vm; shared2 has not taken it up",
        "  k8slan has written no condition to it",
    ]


def test_its_last_conditions_are_shown() -> None:
    found = declared(lan(), hosts=())
    found["status"] = {
        "conditions": [{"type": "Degraded", "status": "True", "reason": "NoDevice", "message": "no eth0"}]
    }
    assert missing(lan(), facts(lans=[found]))[-1] == "  condition Degraded=True NoDevice no eth0"


def test_without_k8slan_nothing_is_ready() -> None:
    assert missing(lan(), facts(lan(), nodes=[])) == ["LAN default/lan-example: k8slan runs on no node"]
    assert missing(lan(), facts()) == ["LAN default/lan-example is not there"]


def test_a_finalizer_is_free_where_nobody_takes_it_off() -> None:
    found = declared(lan(), hosts=("shared1", "shared2", "shared3", "gone"))
    nodes = [node("shared1"), node("shared2", ready=False), node("shared3")]
    reasons = releasable(found, facts(lans=[found], nodes=nodes, agents=[agent("shared1"), agent("shared3", False)]))
    assert reasons == {
        "finalizer.k8slan.io/shared2": "node shared2 is not Ready",
        "finalizer.k8slan.io/shared3": "k8slan does not run on shared3",
        "finalizer.k8slan.io/gone": "there is no node gone any more",
    }


def test_other_finalizers_and_other_peoples_lans_are_not_freed() -> None:
    held = declared(lan(), finalizers=["example.com/backup"])
    assert releasable(held, facts(lans=[held], nodes=[])) == {}
    foreign = declared(lan(), labels={})
    assert releasable(foreign, facts(lans=[foreign], nodes=[])) == {}
