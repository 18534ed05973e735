"""The typed options of a control plane: what they become in the chart's values, for every release of the chart."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.control_plane_variables import (
    SHARED_NODES,
    TYPED_OPTIONS,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.problems import Problems
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.schema import read
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.variables import TENANT_CLUSTER
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import control_plane_options
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import options, quota
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster.former_keys import release_of
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster.paths import at

from tests.support.control_planes import EXAMPLE, OPTIONS, combinations

from . import option_table
from .charts import RELEASES, schema_of, validator_of
from .paths import knows

REPOSITORY = Path(__file__).parents[3]
PAGE = REPOSITORY / "docs" / "tenant-cluster-options.md"
COMBINATIONS = dict(combinations())
DECLARED = {**TYPED_OPTIONS, **SHARED_NODES}


def version(release: str) -> options.Release:
    found = release_of(f"{release}.0")
    assert found is not None
    return found


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("name", COMBINATIONS)
def test_every_release_takes_the_values_or_is_told_to_be_too_old(release: str, name: str) -> None:
    values = control_plane_values({**COMBINATIONS[name], "chart_version": f"{release}.0"})
    wrong = [error.message for error in validator_of(release).iter_errors(values)]
    newer = [key for key, _message in options.too_new(values, version(release))]
    assert bool(wrong) is bool(newer), wrong


@pytest.mark.parametrize("release", RELEASES)
def test_a_tenant_cluster_in_a_tenant_cluster(release: str) -> None:
    """The inner one chooses nodes by a label in the outer one, which has to count there and on the real nodes."""
    common = {"nodes": "shared", "replicas": 1, "chart_version": f"{release}.0"}
    outer = control_plane_values(
        {**common, "name": "outer", "host_nodes": {"show": "labelled", "scheduler": True, "sync_back": True}}
    )
    inner = control_plane_values({**common, "name": "inner"})
    assert at(outer, "controlPlane.distro.k8s.scheduler.enabled") is True
    assert at(outer, "sync.fromHost.nodes.syncBackChanges") is True
    assert at(inner, "sync.fromHost.nodes.selector.labels") == {"tenant.baremetal.fabric/inner": "node"}
    assert at(inner, "controlPlane.statefulSet.scheduling.nodeSelector") == {"tenant.baremetal.fabric/inner": "node"}
    for values in (outer, inner):
        assert [error.message for error in validator_of(release).iter_errors(values)] == []


@pytest.mark.parametrize("release", RELEASES)
def test_the_schemas_would_object(release: str) -> None:
    wrong = control_plane_values({**EXAMPLE, "values": {"privateNode": {"enabled": True}}})
    assert "privateNode" in next(validator_of(release).iter_errors(wrong)).message


@pytest.mark.parametrize("option", options.OPTIONS, ids=lambda each: each.name)
def test_the_table_names_the_keys_and_their_first_release(option: options.Option) -> None:
    for key in option.keys:
        having = [release for release in RELEASES if knows(schema_of(release), key.split("."))]
        assert having == [release for release in RELEASES if version(release) >= option.since], key


def suboptions(schema: dict[str, Any], name: str) -> Iterator[str]:
    properties = schema.get("properties")
    if not properties:
        yield name
    for each, inside in (properties or {}).items():
        if "enum" in inside and each == "kind":
            yield from (f"{name}.{each}={value}" for value in inside["enum"])
        else:
            yield from suboptions(inside, f"{name}.{each}")


def test_the_table_has_every_typed_option() -> None:
    declared = {path for name, schema in DECLARED.items() for path in suboptions(schema, name)}
    listed = {option.name for option in options.OPTIONS if option.name.split(".")[0] in DECLARED}
    assert listed == declared


def test_every_suboption_is_tried() -> None:
    """Otherwise the validation above would prove less than it seems to."""
    unset = set()
    everything = [control_plane_values({**intent, "chart_version": "0.36.1"}) for intent in COMBINATIONS.values()]
    for option in options.OPTIONS:
        if option.keys and not any(all(at(values, key) is not None for key in option.keys) for values in everything):
            unset.add(option.name)
    assert unset == set()


def test_the_argument_specs_have_the_same_options() -> None:
    specs = yaml.safe_load((REPOSITORY / "roles/tenant_cluster/meta/argument_specs.yml").read_text())
    documented = specs["argument_specs"]["main"]["options"]

    def compare(schema: dict[str, Any], spec: dict[str, Any], name: str) -> None:
        types = {"string": "str", "integer": "int", "boolean": "bool", "array": "list", "object": "dict"}
        assert spec["type"] == types[schema["type"]], name
        if "enum" in schema:
            assert spec["choices"] == [each for each in schema["enum"] if each], name
        schema = {**schema, **schema["items"]} if schema.get("items", {}).get("properties") else schema
        assert set(schema.get("properties", {})) == set(spec.get("options", {})), name
        assert bool(schema.get("writeOnly")) is bool(spec.get("no_log")), name
        for each, inside in schema.get("properties", {}).items():
            compare(inside, spec["options"][each], f"{name}.{each}")

    for name, schema in DECLARED.items():
        compare(schema, documented[name], name)
    assert {name for name in TENANT_CLUSTER if name.startswith("tenant_cluster_")} <= set(documented)


def test_what_is_not_set_is_left_to_the_chart() -> None:
    empty = {key: {} for key in OPTIONS if isinstance(OPTIONS[key][0], dict)}
    none = dict.fromkeys(OPTIONS)
    assert control_plane_values(EXAMPLE) == control_plane_values({**EXAMPLE, **empty})
    assert control_plane_values(EXAMPLE) == control_plane_values({**EXAMPLE, **none})


def test_values_of_the_user_come_last() -> None:
    values = control_plane_values(
        {**EXAMPLE, "dns": {"replicas": 2}, "values": {"controlPlane": {"coredns": {"deployment": {"replicas": 5}}}}}
    )
    assert at(values, "controlPlane.coredns.deployment.replicas") == 5
    assert at(values, "controlPlane.coredns.enabled") is True


@pytest.mark.parametrize(
    ("intent", "kind"),
    [
        ({}, "StatefulSet"),
        ({"storage": {"persistent": False}}, "StatefulSet"),
        ({"backing_store": {"kind": "deployed_etcd"}}, "Deployment"),
        ({"backing_store": {"kind": "deployed_etcd"}, "storage": {"persistent": True}}, "StatefulSet"),
        ({"backing_store": {"kind": "external_database", "connector": "x"}}, "Deployment"),
        ({"backing_store": {"kind": "sqlite"}}, "StatefulSet"),
        ({"backing_store": {"kind": "sqlite"}, "storage": {"persistent": False}}, "Deployment"),
    ],
)
def test_what_the_chart_makes_of_the_control_plane(intent: dict[str, Any], kind: str) -> None:
    assert control_plane_options.workload_kind(control_plane_values({**EXAMPLE, **intent})) == kind


def test_the_licence_secret_where_the_release_looks_for_it() -> None:
    def paths(chart_version: str | None) -> list[str]:
        values = control_plane_values({**EXAMPLE, "licence_secret": "key", "chart_version": chart_version})
        return [path for path in ("platform", "external") if path in values]

    assert paths("0.31.3") == ["external"]
    assert paths("0.32.0") == paths(None) == ["platform"]


def test_the_page_says_what_is_declared() -> None:
    """Run with FABRIC_UPDATE_DOCS=1 to write it anew."""
    if os.environ.get("FABRIC_UPDATE_DOCS"):
        PAGE.write_text(option_table.renewed(PAGE.read_text()))
    assert PAGE.read_text() == option_table.renewed(PAGE.read_text())
    assert PAGE.read_text().count("\n| `") == len(options.OPTIONS)


def examples() -> list[str]:
    return re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)


@pytest.mark.parametrize("example", examples())
@pytest.mark.parametrize("release", RELEASES)
def test_the_pages_examples_are_sound(example: str, release: str) -> None:
    variables = yaml.safe_load(example.replace("{{ vault_blue_password }}", "word"))
    intent = {name.removeprefix("tenant_cluster_"): value for name, value in variables.items()}
    values = control_plane_values({**EXAMPLE, **intent})
    assert [error.message for error in validator_of(release).iter_errors(values)] == []
    problems = Problems()
    for name, value in variables.items():
        read(TENANT_CLUSTER[name], value, name, problems)
    assert problems.as_list() == []
    room = at(intent, "isolation.quota.room") or {}
    assert list(quota.mistakes(values, 2, room, stateful=True)) == []
