# SPDX-License-Identifier: Apache-2.0
"""What makes the bridges on the shared servers, and what cannot be asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Inventory
from .test_schema_files import complaints

REPOSITORY = Path(__file__).parents[3]
OPERATOR: dict[str, Any] = {
    "host_network_backend": "bridge_operator",
    "host_network_bridge_operator_accepted": True,
    "host_network_bridge_operator_image": "registry.example.com/bridge-operator@sha256:" + "0" * 64,
}


@pytest.mark.parametrize("backend", ["host", "nmstate"])
def test_two_need_nothing_said(inventory: Inventory, backend: str) -> None:
    inventory.everywhere(host_network_backend=backend).model()


def test_a_misspelt_one_is_told(inventory: Inventory) -> None:
    problems = inventory.everywhere(host_network_backend="nm-state").problems()
    assert problems["host_network_backend"] == (
        "'nm-state' is none of host, nmstate, bridge_operator; did you mean nmstate?"
    )


def test_it_is_the_same_everywhere(inventory: Inventory) -> None:
    problems = inventory.set("shared1", host_network_backend="nmstate").set("shared2", host_network_backend="host")
    assert "must be the same on all hosts" in problems.problems()["host_network_backend"]


def test_bridge_operator_is_refused_with_the_reason(inventory: Inventory) -> None:
    problems = inventory.everywhere(host_network_backend="bridge_operator").problems()
    assert set(problems) == {"host_network_backend", "host_network_bridge_operator_image"}
    assert "loses a tenant's VLAN without telling" in problems["host_network_backend"]
    assert "say host_network_bridge_operator_accepted: true" in problems["host_network_backend"]


@pytest.mark.parametrize("image", ["", "ghcr.io/x/bridge-operator:latest-daemon", "x@sha256:12"])
def test_its_image_is_named_by_digest(inventory: Inventory, image: str) -> None:
    problems = inventory.everywhere(**{**OPERATOR, "host_network_bridge_operator_image": image}).problems()
    assert list(problems) == ["host_network_bridge_operator_image"]


def test_accepted_and_pinned_it_is_taken(inventory: Inventory) -> None:
    inventory.everywhere(**OPERATOR).model()


def test_what_crashes_its_daemon_is_refused_all_at_once(inventory: Inventory) -> None:
    inventory.set("blue", fabric_shared_servers=["shared1", "shared2"])
    for number in range(9):
        inventory.add("tenant_clusters", f"t{number}")
    problems = inventory.everywhere(**OPERATOR).problems()
    assert set(problems) == {"host_network_backend", "blue.fabric_shared_servers"}
    assert "10 tenant clusters at most, there are 11" in problems["host_network_backend"]


@pytest.mark.parametrize(("name", "backend"), [("nmstate", "nmstate"), ("bridge-operator", "bridge_operator")])
def test_the_examples_are_sound(name: str, backend: str) -> None:
    """They are what racks with another maker of bridges start from."""
    example = REPOSITORY / "inventories" / name
    wide = yaml.safe_load((example / "group_vars" / "all.yml").read_text())
    assert complaints("group_vars_all.schema.json", wide) == []
    hosts = yaml.safe_load((example / "hosts.yml").read_text())["all"]["children"]
    groups = {name: list(hosts[name]["hosts"]) for name in ("tenant_clusters", "shared_servers", "bare_metal")}
    hostvars = {name: {**wide, **(own or {})} for group in groups for name, own in hosts[group]["hosts"].items()}
    inventory = Inventory(groups=groups)
    inventory.hostvars = hostvars
    model = inventory.model()
    assert wide["host_network_backend"] == backend and model.tenant_clusters["blue"].bare_metal == ("metal1",)
