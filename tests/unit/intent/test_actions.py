# SPDX-License-Identifier: Apache-2.0
"""The action plugins: what they take from Ansible, and what they give back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from unittest.mock import MagicMock

import pytest
from ansible.errors import AnsibleError
from ansible_collections.baremetal.fabric.plugins.action import fabric_plan, intent

from .conftest import Inventory
from .fabric_now import SHARED, cluster, info


class Host(Mapping[str, Any]):
    """One host's variables as Ansible hands them out: resolved on access, which may fail."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        value = self._values[name]
        if value == "{{ missing }}":
            raise AnsibleError("'missing' is undefined")
        return value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def run(module: Any, inventory: Inventory, **options: Any) -> dict[str, Any]:
    task = MagicMock(args=options, async_val=0, check_mode=True, diff=False, environment=None)
    action = module.ActionModule(
        task=task,
        connection=MagicMock(),
        play_context=MagicMock(check_mode=True),
        loader=MagicMock(),
        templar=MagicMock(),
        shared_loader_obj=None,
    )
    task_vars = {
        "groups": inventory.groups,
        "hostvars": {host: Host(values) for host, values in inventory.hostvars.items()},
    }
    result: dict[str, Any] = action.run(task_vars=task_vars)
    return result


def test_intent_returns_the_model_and_the_targets(inventory: Inventory) -> None:
    result = run(intent, inventory, tenant_clusters="blue, ")
    assert result["changed"] is False
    assert "ansible_facts" not in result
    assert result["model"] == inventory.model().as_dict()
    assert result["targets"]["hosts"] == ["blue", *SHARED, "metal1"]


def test_intent_of_the_play_s_hosts(inventory: Inventory) -> None:
    result = run(intent, inventory, play_hosts=["green", "metal2", *SHARED])
    assert result["targets"]["tenant_clusters"] == ["green"]


def test_intent_fails_with_all_mistakes(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_tenant_cluster="bleu").set("metal2", fabric_tenant_cluster="gren")
    result = run(intent, inventory)
    assert result["failed"] is True
    assert [each["path"] for each in result["problems"]] == [
        "metal1.fabric_tenant_cluster",
        "metal2.fabric_tenant_cluster",
    ]
    assert result["msg"].startswith("2 mistakes, nothing was touched:")


def test_templates_that_cannot_be_resolved(inventory: Inventory) -> None:
    inventory.set("metal1", fabric_hostname="{{ missing }}").everywhere(fabric_site="{{ missing }}")
    result = run(intent, inventory)
    assert {each["path"]: each["message"] for each in result["problems"]} == {
        "fabric_site": "cannot be resolved: 'missing' is undefined",
        "metal1.fabric_hostname": "cannot be resolved: 'missing' is undefined",
    }


def test_other_peoples_templates_are_not_touched(inventory: Inventory) -> None:
    inventory.everywhere(somebody_elses="{{ missing }}")
    assert "failed" not in run(intent, inventory)


def test_plan_of_tenant_clusters(inventory: Inventory) -> None:
    result = run(fabric_plan, inventory, info=info(), tenant_clusters=["blue"])
    assert result["changed"] is False
    assert [each["name"] for each in result["document"]["server_clusters"]] == ["blue"]
    # A /18 has sixteen /22 and the site a hundred ids; blue takes one of each.
    assert result["capacity"] == {"vlan_ids": 99, "subnets": 15, "tenant_clusters": 15}
    assert result["summary"] == [
        "tenant cluster blue: to be created",
        "  tagged: shared1, shared2, shared3",
        "    enters: shared1, shared2, shared3",
        "  untagged: metal1",
        "    enters: metal1",
        "  licence of tier Free: privateNodes.enabled, controlPlane.backingStore.etcd.embedded.enabled",
        "capacity: room for 15 more tenant clusters (VLAN ids left: 99, child subnets left: 15) after this play",
    ]


def test_plan_shows_who_leaves(inventory: Inventory) -> None:
    now = info()
    now["server_clusters"] = [cluster("blue", ["metal1", "metal3"], SHARED)]
    result = run(fabric_plan, inventory, info=now, tenant_clusters=["blue"])
    assert result["summary"][:4] == [
        "tenant cluster blue: exists",
        "  tagged: shared1, shared2, shared3",
        "  untagged: metal1",
        "    leaves: metal3",
    ]
    assert result["capacity"]["subnets"] == 16


def test_plan_of_the_host_cluster(inventory: Inventory) -> None:
    result = run(fabric_plan, inventory, info=info(), host_cluster=True)
    assert result["summary"][0] == "host cluster host: to be created, gateway 192.168.55.254/21"
    assert [each["name"] for each in result["document"]["server_clusters"]] == ["host"]


def test_plan_of_a_deletion_does_not_judge(inventory: Inventory) -> None:
    now = info()
    now["switches"][0]["health"] = {"ok": False, "message": "down"}
    now["server_clusters"] = [cluster("green", ["metal2"], SHARED)]
    result = run(fabric_plan, inventory, info=now, tenant_clusters=["green", "blue"], state="absent")
    assert result["summary"] == [
        "tenant cluster green: to be removed; bare-metal servers released: metal2",
        "tenant cluster blue: already gone from the fabric",
    ]


def test_plan_fails_with_all_mistakes(inventory: Inventory) -> None:
    now = info()
    now["server_clusters"] = [cluster("green", ["metal1"], [])]
    now["switches"][0]["health"] = {"ok": False, "message": "down"}
    result = run(fabric_plan, inventory, info=now, tenant_clusters=["blue"])
    assert result["failed"] is True
    assert [each["path"] for each in result["problems"]] == ["leaf1", "metal1.fabric_tenant_cluster"]
    assert "document" not in result


@pytest.mark.parametrize("module", [intent, fabric_plan])
def test_unknown_options_are_refused(inventory: Inventory, module: Any) -> None:
    with pytest.raises(AnsibleError, match="colour"):
        run(module, inventory, info={}, colour="grey")
