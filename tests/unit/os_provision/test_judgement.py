# SPDX-License-Identifier: Apache-2.0
"""A disk is written only where nothing speaks against it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.action import os_provision_plan
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import redfish
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision.judgement import (
    INSTALL,
    KEEP,
    Look,
    Node,
    judge,
)

OURS, THEIRS = "4c4c4544-0039-4210-8052-b4c04f4d3632", "4c4c4544-0039-4210-8052-b4c04f4d3633"


def look(**changes: Any) -> Look:
    """A blank server that may be installed."""
    return Look(
        **{"server": "metal1", "provider": "redfish", "answers": False, "power": "Off", "consent": True, **changes}
    )


def test_a_blank_server_is_installed() -> None:
    verdict = judge(look())
    assert (verdict.action, verdict.refusals) == (INSTALL, ())


@pytest.mark.parametrize("changes", [{"provider": "existing"}, {"answers": True}, {"answers": True, "consent": False}])
def test_a_server_with_a_system_is_left_alone(changes: dict[str, Any]) -> None:
    verdict = judge(look(**changes))
    assert (verdict.action, verdict.refusals) == (KEEP, ())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"consent": False}, "set os_provision_wipe: true in host_vars/metal1.yml"),
        ({"consent": False, "consent_elsewhere": True}, "not in the variables of metal1 itself"),
        ({"power": "On", "clusters_asked": True}, "-e fabric_reinstall=metal1"),
        ({"power": "", "clusters_asked": True}, "unknown state of power"),
        ({"power": "On", "asked": True}, "there is no host cluster to ask"),
        ({"nodes": [Node("tenant cluster blue", "metal1", True)]}, "the Ready node metal1 of tenant cluster blue"),
        ({"nodes": [Node("tenant cluster blue", "metal1", False)]}, "which is not Ready"),
        ({"unknown": ["blue does not answer"]}, "cannot be told whether it is a node: blue does not answer"),
    ],
)
def test_refusals(changes: dict[str, Any], words: str) -> None:
    (refusal,) = judge(look(**changes)).refusals
    assert words in refusal


@pytest.mark.parametrize("ready", [True, False])
def test_a_namesake_on_another_machine_is_not_the_server(ready: bool) -> None:
    namesake = Node("tenant cluster green", "metal1", ready, same=False)
    verdict = judge(look(nodes=[namesake], clusters_asked=True))
    assert (verdict.action, verdict.refusals) == (INSTALL, ())
    # A UUID that was mistyped must not cost the disk of a node that runs.
    (refusal,) = judge(look(nodes=[namesake], clusters_asked=True, power="On", asked=True)).refusals
    assert "on another machine, and this one runs: power it off" in refusal


def test_the_server_under_another_name() -> None:
    (refusal,) = judge(look(nodes=[Node("tenant cluster green", "old-name", True, same=True)])).refusals
    assert "it is the Ready node old-name of tenant cluster green" in refusal


def test_nodes_are_matched_by_uuid_and_without_one_by_name() -> None:
    listed = [
        {"cluster": "blue", "name": "metal1", "ready": True, "system_uuid": THEIRS},
        {"cluster": "green", "name": "other", "ready": True, "system_uuid": OURS},
        {"cluster": "host", "name": "metal1", "ready": True},
        {"cluster": "host", "name": "metal2", "ready": True, "system_uuid": THEIRS},
    ]
    options = {"nodes": listed, "node_name": "metal1", "system_uuid": OURS}
    assert [(each.cluster, each.same) for each in os_provision_plan._nodes(options)] == [
        ("blue", False),
        ("green", True),
        ("host", None),
    ]
    by_name = os_provision_plan._nodes({**options, "system_uuid": None})
    assert [(each.cluster, each.same) for each in by_name] == [("blue", None), ("host", None)]


def test_all_refusals_are_told_at_once() -> None:
    nodes = [Node("host cluster", "metal1", True)]
    assert len(judge(look(consent=False, power="On", nodes=nodes, unknown=["green is gone"])).refusals) == 5


def test_who_is_named_is_installed_though_it_runs() -> None:
    nodes = [Node("blue", "metal1", False)]
    verdict = judge(look(answers=True, asked=True, power="On", clusters_asked=True, nodes=nodes))
    assert (verdict.action, verdict.refusals) == (INSTALL, ())


def test_a_ready_node_is_refused_whatever_is_asked_for() -> None:
    (refusal,) = judge(
        look(answers=True, asked=True, power="On", clusters_asked=True, nodes=[Node("blue", "metal1", True)])
    ).refusals
    assert "the Ready node" in refusal


def test_naming_a_server_is_no_consent() -> None:
    (refusal,) = judge(look(answers=True, asked=True, power="On", clusters_asked=True, consent=False)).refusals
    assert "nobody allowed it" in refusal


ENTRIES = [
    [{"system_uri": "/redfish/v1/Systems/metal1"}, {"PowerState": "Off"}],
    [{"system_uri": "/redfish/v1/Systems/metal2/"}, {"PowerState": "On"}],
    [{"system_uri": "/redfish/v1/Systems/metal3"}, {}],
]


def test_power_of_the_system_that_is_meant() -> None:
    assert redfish.power(ENTRIES, "metal2") == "On"
    assert redfish.power(ENTRIES[:1]) == "Off"


@pytest.mark.parametrize(
    ("system", "words"),
    [(None, "has 3 systems"), ("metal4", "no system 'metal4'; it has metal1, metal2"), ("metal3", "does not tell")],
)
def test_power_that_cannot_be_told(system: str | None, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        redfish.power(ENTRIES, system)
