# SPDX-License-Identifier: Apache-2.0
"""What is written down several times says the same everywhere: module, role, example inventory, playbook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._host_network import multicast
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import model, rules
from ansible_collections.baremetal.fabric.plugins.modules import k8slan_lans

REPOSITORY = Path(__file__).parents[3]
EXAMPLE = REPOSITORY / "inventories" / "k8slan"


def load(path: str) -> Any:
    return yaml.safe_load((REPOSITORY / path).read_text())


SPECS = load("roles/k8slan/meta/argument_specs.yml")["argument_specs"]


def shape(options: dict[str, Any]) -> dict[str, Any]:
    """Without what only people read."""
    kept = ("type", "elements", "choices", "default", "required")
    return {
        name: {
            **{key: each[key] for key in kept if key in each and each[key] is not False},
            **({"options": shape(each["options"])} if "options" in each else {}),
        }
        for name, each in options.items()
    }


def test_the_role_takes_the_lans_that_the_module_takes() -> None:
    role, module = SPECS["main"]["options"]["k8slan_lans"], k8slan_lans.argument_spec()["lans"]
    assert shape(role["options"]) == shape(module["options"])


def test_every_variable_is_an_option_of_some_entry_point() -> None:
    options = {name for entry in SPECS.values() for name in entry["options"]}
    assert set(load("roles/k8slan/defaults/main.yml")) == options


def test_every_entry_point_is_there() -> None:
    tasks = REPOSITORY / "roles" / "k8slan" / "tasks"
    assert {path.stem for path in tasks.glob("*.yml")} >= set(SPECS)


def test_defaults_are_the_same_everywhere() -> None:
    lan = k8slan_lans.argument_spec()["lans"]["options"]
    made = model.from_options({"name": "x"})
    assert (made.bridge, made.vxlan, made.namespace) == tuple(
        lan[key]["default"] for key in ("bridge", "vxlan", "namespace")
    )
    assert (made.group, made.port) == (lan["group"]["default"], lan["port"]["default"])
    text = (REPOSITORY / "roles/k8slan/vars/main.yml").read_text()
    assert f"default('{made.group}', true)" in text and f"default({made.port}, true)" in text
    assert load("roles/k8slan/defaults/main.yml")["k8slan_probe_port"] == multicast.PROBE_PORT != made.port


@pytest.fixture(scope="module")
def example() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLE / "group_vars" / "shared_servers.yml").read_text())
    return found


def test_the_example_breaks_no_rule(example: dict[str, Any]) -> None:
    hosts = yaml.safe_load((EXAMPLE / "hosts.yml").read_text())["all"]["children"]["shared_servers"]["hosts"]
    nodes = [{"metadata": {"name": name, "labels": {}}} for name in hosts]
    lans = [model.from_options({"device": example["k8slan_device"], **each}) for each in example["k8slan_lans"]]
    assert len(lans) > 1 and rules.mistakes(lans, rules.Facts(nodes=nodes, namespaces={"default"})) == []


def test_the_example_sets_nothing_but_options(example: dict[str, Any]) -> None:
    assert set(example) - {"fabric_host_cluster"} <= set(SPECS["main"]["options"])
    assert set(example["fabric_host_cluster"]) == {"kubeconfig"}
    lan = SPECS["main"]["options"]["k8slan_lans"]["options"]
    for each in example["k8slan_lans"]:
        assert set(each) <= set(lan)
        assert all(set(spoke) <= set(lan["spokes"]["options"]) for spoke in each["spokes"])


def test_the_playbook_uses_every_entry_point_of_the_servers() -> None:
    text = (REPOSITORY / "playbooks" / "k8slan.yml").read_text()
    for entry in ("preflight", "nodes", "nodes_absent"):
        assert f"tasks_from: {entry}\n" in text
