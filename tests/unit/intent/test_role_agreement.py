# SPDX-License-Identifier: Apache-2.0
"""What is written down both in Python and in YAML says the same in both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.build import GROUPS
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.variables import NOT_INTENT
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.document import FACTS, GATHER

REPOSITORY = Path(__file__).parents[3]
PLAYBOOKS = (
    "host_cluster",
    "os_provision",
    "server_move",
    "tenant_create",
    "tenant_delete",
    "tenant_pause",
    "tenant_resume",
    "tenant_upgrade",
    "verify",
)


def load(path: str) -> Any:
    return yaml.safe_load((REPOSITORY / path).read_text())


def test_the_role_gathers_what_the_plan_needs() -> None:
    assert tuple(load("roles/fabric/vars/main.yml")["__fabric_gather"]) == GATHER


def test_the_role_sets_every_fact() -> None:
    task = load("roles/fabric/tasks/facts.yml")[0]
    assert set(task["ansible.builtin.set_fact"]) == {f"fabric_{fact}" for fact in FACTS}


def test_facts_are_not_taken_for_misspelt_variables() -> None:
    assert {f"fabric_{fact}" for fact in FACTS} <= set(NOT_INTENT)


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_opens_with_the_intent(playbook: str) -> None:
    first = load(f"playbooks/{playbook}.yml")[0]
    # Ansible warns of a group that is not there, and hardly any rack has them all.
    assert first["hosts"] == f"{{{{ {list(GROUPS)} | select('in', groups) | join(':') }}}}"
    assert [role["role"] for role in first["roles"]] == ["baremetal.fabric.intent"]
    assert first["any_errors_fatal"] is True


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_hold_roles_only(playbook: str) -> None:
    for play in load(f"playbooks/{playbook}.yml"):
        assert play["gather_facts"] is False
        assert ("roles" in play) != ("tasks" in play)
        for task in play.get("tasks", []):
            assert {"ansible.builtin.import_role", "ansible.builtin.include_role"} & set(task), task["name"]


@pytest.mark.parametrize("playbook", ["tenant_create", "tenant_restore", "tenant_resume", "tenant_upgrade"])
def test_what_ends_with_nodes_is_about_all_of_them(playbook: str) -> None:
    hosts = [play["hosts"] for play in load(f"playbooks/{playbook}.yml")]
    assert any(each.startswith("bare_metal:&fabric_target") for each in hosts)
    assert any("'vm_nodes:&fabric_target'" in each for each in hosts)


def test_an_upgrade_reaches_every_kind_of_tenant_cluster_and_node() -> None:
    reached = "\n".join(play["hosts"] for play in load("playbooks/tenant_upgrade.yml")[1:])
    assert [
        kind for kind in ("tenant_clusters", "shared_node_clusters", "bare_metal", "vm_nodes") if kind not in reached
    ] == []


def test_deleting_needs_names() -> None:
    """Without the variable nothing is chosen: that is what keeps a bare run from deleting everything."""
    (role,) = load("playbooks/tenant_delete.yml")[0]["roles"]
    assert role["intent_all_by_default"] is False
    assert role["intent_tenant_clusters"] == "{{ fabric_delete | default([]) }}"
