# SPDX-License-Identifier: Apache-2.0
"""The published schemas are the declarations that the validator reads with."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import variables

from .conftest import WIDE

REPOSITORY = Path(__file__).parents[3]
SCHEMAS = REPOSITORY / "schemas"


@pytest.mark.parametrize("name", sorted(variables.published()))
def test_the_file_says_what_the_code_says(name: str) -> None:
    """Run with FABRIC_UPDATE_SCHEMAS=1 to write the files anew."""
    text = json.dumps(variables.published()[name], indent=2) + "\n"
    if os.environ.get("FABRIC_UPDATE_SCHEMAS"):
        (SCHEMAS / name).write_text(text)
    assert (SCHEMAS / name).read_text() == text


def test_no_other_schema_lies_about() -> None:
    assert {path.name for path in SCHEMAS.glob("*.json")} == set(variables.published())


@pytest.mark.parametrize("name", sorted(variables.published()))
def test_every_variable_is_described(name: str) -> None:
    for variable, schema in variables.published()[name]["properties"].items():
        assert schema["description"].endswith("."), variable


def complaints(name: str, values: dict[str, Any]) -> list[str]:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((SCHEMAS / name).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(values)]


def test_they_accept_the_lab() -> None:
    lab = REPOSITORY / "inventories" / "lab"
    for schema, file in (
        ("group_vars_all.schema.json", "group_vars/all/fabric.yml"),
        ("tenant_cluster.schema.json", "host_vars/blue.yml"),
    ):
        assert complaints(schema, yaml.safe_load((lab / file).read_text())) == []


def test_they_accept_the_example_with_ways_out() -> None:
    example = REPOSITORY / "inventories" / "internet"
    wide = [yaml.safe_load(path.read_text()) for path in sorted((example / "group_vars" / "all").glob("*.yml"))]
    assert complaints("group_vars_all.schema.json", {key: value for each in wide for key, value in each.items()}) == []
    for file in sorted((example / "host_vars").glob("*.yml")):
        assert complaints("tenant_cluster.schema.json", yaml.safe_load(file.read_text())) == []


def test_they_refuse_a_misspelt_key() -> None:
    values = {**WIDE, "fabric_host_cluster": {**WIDE["fabric_host_cluster"], "gatway": "x"}}
    assert any("gatway" in each for each in complaints("group_vars_all.schema.json", values))


def test_they_refuse_a_server_in_two_tenant_clusters() -> None:
    assert complaints("bare_metal_server.schema.json", {"fabric_tenant_cluster": ["blue", "green"]})
