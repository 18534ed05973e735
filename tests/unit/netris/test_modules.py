"""Modules, their documentation, the engine's declarations and the action group agree."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.doc_fragments.netris import ModuleDocFragment
from ansible_collections.baremetal.fabric.plugins.module_utils._netris import module as layer
from ansible_collections.baremetal.fabric.plugins.module_utils._netris.nouns.registry import ALL, MANAGED

ROOT = Path(__file__).parents[3]
MODULES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("netris_*.py"))
PACKAGE = "ansible_collections.baremetal.fabric.plugins.modules."


def spec_of(name: str) -> dict[str, Any]:
    if name == "netris_document":
        return layer.document_argument_spec()
    if name == "netris_info":
        return layer.info_argument_spec()
    return layer.noun_argument_spec(next(key for key in MANAGED if f"netris_{key[:-1]}" == name))


def documentation(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(importlib.import_module(PACKAGE + name).DOCUMENTATION)
    options: dict[str, Any] = {}
    for fragment in found["extends_documentation_fragment"]:
        part = fragment.removeprefix("baremetal.fabric.netris").lstrip(".").upper() or "DOCUMENTATION"
        options.update(yaml.safe_load(getattr(ModuleDocFragment, part)).get("options", {}))
    return {**found, "options": {**options, **found["options"]}}


def comparable(options: dict[str, Any], nested: str) -> dict[str, Any]:
    return {
        name: {
            "type": option["type"],
            "elements": option.get("elements"),
            "choices": sorted(option.get("choices") or []),
            "required": option.get("required", False),
            "default": option.get("default"),
            "nested": comparable(option.get(nested) or {}, nested),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("name", MODULES)
def test_documentation_and_options_agree(name: str) -> None:
    documented = documentation(name)
    assert documented["module"] == name
    assert comparable(documented["options"], "suboptions") == comparable(spec_of(name), "options")


@pytest.mark.parametrize("name", MODULES)
def test_examples_and_results_are_yaml(name: str) -> None:
    module = importlib.import_module(PACKAGE + name)
    for task in yaml.safe_load(module.EXAMPLES):
        for key, options in task.items():
            if key.startswith("baremetal.fabric.netris_"):
                unknown = set(options) - set(spec_of(key.rpartition(".")[2]))
                assert not unknown
    assert yaml.safe_load(module.RETURN)


def test_there_is_a_module_for_every_noun() -> None:
    nouns = {f"netris_{key[:-1]}" for key in MANAGED}
    assert set(MODULES) == nouns | {"netris_document", "netris_info"}
    assert set(documentation("netris_info")["options"]["gather"]["choices"]) == set(ALL)


def test_the_action_group_holds_all_of_them() -> None:
    runtime = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text())
    assert sorted(runtime["action_groups"]["netris"]) == MODULES


def test_secrets_are_marked() -> None:
    assert layer.connection_spec()["password"]["no_log"] is True
