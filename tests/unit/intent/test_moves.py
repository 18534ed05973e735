# SPDX-License-Identifier: Apache-2.0
"""Where servers are, where they belong, and what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.filter.server_move_steps import server_move_steps
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.moves import Move, intended, moves
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import membership_document, observe

from .conftest import Inventory
from .fabric_now import BLUE, SHARED, cluster, info

TENANTS = ["blue", "green"]


def now() -> dict[str, Any]:
    found = info()
    found["server_clusters"] = [cluster("blue", ["metal1"], SHARED, **BLUE), cluster("green", ["metal2"], SHARED)]
    return found


def planned(inventory: Inventory, found: dict[str, Any], *servers: str) -> list[Move]:
    model = inventory.model()
    return moves(model, observe(model, found), intended(model, list(servers)))


def refused(inventory: Inventory, found: dict[str, Any], *servers: str) -> dict[str, str]:
    with pytest.raises(IntentError) as caught:
        planned(inventory, found, *servers)
    return {each.path: each.message for each in caught.value.problems}


def test_moves_of_all_kinds(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_tenant_cluster="green").set("metal2", fabric_tenant_cluster="")
    inventory.set("metal3", fabric_tenant_cluster="blue")
    found = planned(inventory, now(), "metal1", "metal2", "metal3")
    assert [(each.source, each.target, each.needed) for each in found] == [
        ("blue", "green", True),
        ("green", "", True),
        ("", "blue", True),
    ]
    assert [str(each) for each in found] == [
        "server metal1: moves from 'blue' to 'green'",
        "server metal2: moves from 'green' to parking",
        "server metal3: moves from parking to 'blue'",
    ]


def test_what_stays(inventory: Inventory) -> None:
    found = planned(inventory, now(), "metal1", "metal3")
    assert [each.needed for each in found] == [False, False]
    assert [str(each) for each in found] == ["server metal1: stays in 'blue'", "server metal3: stays parked"]


def test_a_target_that_does_not_exist(inventory: Inventory) -> None:
    found = now()
    del found["server_clusters"][1]
    inventory.set("metal1", fabric_tenant_cluster="green")
    assert "'green' does not exist on the fabric" in refused(inventory, found, "metal1")["metal1.fabric_tenant_cluster"]


def test_a_holder_that_is_not_ours(inventory: Inventory) -> None:
    found = now()
    found["server_clusters"].append(cluster("theirs", ["metal3"], []))
    message = refused(inventory, found, "metal3")["metal3"]
    assert "held by 'theirs', which is no tenant cluster of this inventory" in message


def test_cables_matter_where_it_goes_and_not_where_it_is_parked(inventory: Inventory) -> None:
    found = now()
    found["links"] = [each for each in found["links"] if "eth9@metal1" not in (each["local"], each["remote"])]
    found["switches"][0]["health"] = {"ok": False, "message": "no report for 20 s"}
    inventory.set("metal1", fabric_tenant_cluster="green")
    assert list(refused(inventory, found, "metal1")) == ["metal1", "leaf1"]
    inventory.set("metal1", fabric_tenant_cluster="")
    assert planned(inventory, found, "metal1")[0].needed


def test_a_server_in_two_clusters_comes_from_the_other_one(inventory: Inventory) -> None:
    found = now()
    found["server_clusters"][1]["servers"].append({"name": "metal1", "shared": False})
    assert planned(inventory, found, "metal1") == [Move("metal1", "green", "blue")]


def test_the_document_writes_both_sides_and_nobody_else(inventory: Inventory) -> None:
    model = inventory.set("metal1", fabric_tenant_cluster="green").model()
    document = membership_document(model, observe(model, now()), "metal1", "green")
    assert document["server_clusters"] == [
        {
            "name": "blue",
            "site": "Default",
            "servers_mode": "merge",
            "servers": [{"name": "metal1", "state": "absent"}],
        },
        {
            "name": "green",
            "site": "Default",
            "servers_mode": "merge",
            "servers": [{"name": "metal1", "shared": False}],
        },
    ]
    assert [each["description"] for each in document["lags"]] == ["metal1"]
    parked = membership_document(model, observe(model, now()), "metal1", "")
    assert parked == {"lags": [], "server_clusters": document["server_clusters"][:1]}


def step(source: str, target: str, **look: Any) -> tuple[bool, str]:
    move = Move("metal1", source, target).as_dict()
    found = server_move_steps(move, look, TENANTS)
    return found["leave"], found["leave_from"]


@pytest.mark.parametrize(
    ("source", "target", "look", "expected"),
    [
        ("blue", "green", {"tenant": "blue", "foreign": True, "remains": ["x"]}, (True, "blue")),
        ("blue", "green", {}, (True, "blue")),  # killed after the reset: its node may still be there
        ("blue", "", {"tenant": "blue", "remains": ["x"]}, (True, "blue")),
        ("", "", {}, (False, "")),
        ("", "", {"tenant": "blue", "remains": ["x"]}, (True, "blue")),  # was not to be reached when it was parked
        ("", "", {"tenant": "red", "remains": ["x"]}, (True, "")),  # of a tenant cluster that is gone
        ("", "blue", {}, (False, "")),
        ("blue", "blue", {"tenant": "blue", "joined": True, "remains": ["x"]}, (False, "")),
        ("blue", "blue", {"tenant": "blue", "interrupted": True, "remains": ["x"]}, (False, "")),
        ("green", "green", {"tenant": "blue", "foreign": True, "remains": ["x"]}, (True, "blue")),  # moved by hand
        ("blue", "green", {"tenant": "green", "remains": ["x"]}, (True, "blue")),
    ],
)
def test_what_has_to_be_left(source: str, target: str, look: dict[str, Any], expected: tuple[bool, str]) -> None:
    assert step(source, target, **look) == expected
