# SPDX-License-Identifier: Apache-2.0
"""Mistakes in the options and values of a control plane: each is told at the place where it can be mended."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._intent import IntentError
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.control_plane_variables import (
    CONTROL_PLANE,
    DEFAULT_CHART,
    DEFAULT_CHART_VERSION,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._intent.variables import TENANT_CLUSTER

from tests.support import schemas
from tests.support.control_planes import OPTIONS

from .conftest import Inventory

Only = Callable[[dict[str, str], str], str]
ROLE = Path(__file__).parents[3] / "roles" / "tenant_cluster"


@pytest.fixture(autouse=True)
def no_downloads(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """What the developer's own Helm has downloaded decides nothing here."""
    cache = tmp_path / "cache"
    monkeypatch.setenv("HELM_CACHE_HOME", str(cache))
    monkeypatch.delenv("HELM_REPOSITORY_CACHE", raising=False)
    return cache / "repository"


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    """A chart with the real schema."""
    directory = tmp_path / "chart"
    directory.mkdir()
    (directory / "Chart.yaml").write_text("name: vcluster\nversion: 0.36.1\n")
    schema = schemas.find("vcluster-values-v0.36.1.schema.json").read_text()
    (directory / "values.schema.json").write_text(schema)
    return directory


def archive(directory: Path, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for file in sorted(directory.iterdir()):
            tar.add(file, f"vcluster/{file.name}")
        inner = tarfile.TarInfo("vcluster/charts/other/values.schema.json")
        inner.size = 2
        tar.addfile(inner, io.BytesIO(b"{}"))
    return path


# --- the schema inside the chart


def test_every_mistake_against_the_charts_schema(inventory: Inventory, chart: Path) -> None:
    values = {"controlPlane": {"statefulSett": {}, "ingress": {"enabled": "yes"}}, "privateNode": {}, "logging": []}
    inventory.set("blue", tenant_cluster_chart=str(chart), tenant_cluster_values=values)
    assert inventory.problems() == {
        "blue.tenant_cluster_values.controlPlane.statefulSett": "the chart has no such key; did you mean statefulSet?",
        "blue.tenant_cluster_values.controlPlane.ingress.enabled": "the chart refuses it: must be true or false",
        "blue.tenant_cluster_values.privateNode": "the chart has no such key; did you mean privateNodes?",
        "blue.tenant_cluster_values.logging": "the chart refuses it: must be a dictionary",
    }


def test_the_variable_is_named_that_gave_a_wrong_value(inventory: Inventory, chart: Path, only: Only) -> None:
    bent = json.loads((chart / "values.schema.json").read_text())
    bent["$defs"]["CoreDNSDeployment"]["properties"].pop("replicas")
    (chart / "values.schema.json").write_text(json.dumps(bent))
    inventory.set("blue", tenant_cluster_chart=str(chart), tenant_cluster_dns={"replicas": 2})
    message = only(inventory.problems(), "blue.tenant_cluster_dns")
    assert message == "the chart has no such key (controlPlane.coredns.deployment.replicas)"


def test_a_former_key_is_told_once(inventory: Inventory, chart: Path, only: Only) -> None:
    inventory.set("blue", tenant_cluster_chart=str(chart), tenant_cluster_values={"etcd": {"replicas": 3}})
    assert "has no such key since 0.20" in only(inventory.problems(), "blue.tenant_cluster_values.etcd.replicas")


def test_no_value_is_repeated(inventory: Inventory, chart: Path) -> None:
    database = {"external": {"enabled": True, "dataSource": ["postgres://u:s3cret@h/d"]}}
    values = {"controlPlane": {"backingStore": {"database": database, "etcd": {"embedded": {"enabled": False}}}}}
    inventory.set("blue", tenant_cluster_chart=str(chart), tenant_cluster_values=values)
    problems = inventory.problems()
    assert "blue.tenant_cluster_values.controlPlane.backingStore.database.external.dataSource" in problems
    assert "s3cret" not in str(problems)


@pytest.mark.parametrize("where", ["archive", "schema", "schema-of-a-chart", "download"])
def test_wherever_the_schema_is(
    inventory: Inventory, chart: Path, tmp_path: Path, no_downloads: Path, where: str, only: Only
) -> None:
    variables: dict[str, Any] = {
        "archive": {"tenant_cluster_chart": str(archive(chart, tmp_path / "vcluster-0.36.1.tgz"))},
        "schema": {"tenant_cluster_chart_schema": str(chart / "values.schema.json")},
        "schema-of-a-chart": {"tenant_cluster_chart_schema": str(chart)},
        "download": {},
    }[where]
    if where == "download":
        archive(chart, no_downloads / f"{DEFAULT_CHART}-{DEFAULT_CHART_VERSION}.tgz")
    inventory.set("blue", **variables, tenant_cluster_values={"privateNode": {}})
    assert "did you mean privateNodes" in only(inventory.problems(), "blue.tenant_cluster_values.privateNode")


def test_a_chart_that_is_not_here_is_helms_matter(inventory: Inventory) -> None:
    inventory.set("blue", tenant_cluster_chart_version="0.35.3", tenant_cluster_values={"privateNode": {}}).model()


@pytest.mark.parametrize("variable", ["tenant_cluster_chart", "tenant_cluster_chart_schema"])
def test_a_chart_that_cannot_be_read(inventory: Inventory, tmp_path: Path, only: Only, variable: str) -> None:
    broken = tmp_path / "broken.tgz"
    broken.write_text("no archive")
    inventory.set("blue", **{variable: str(broken)})
    assert str(broken) in only(inventory.problems(), f"blue.{variable}")


def test_the_charts_own_version_counts(inventory: Inventory, chart: Path) -> None:
    (chart / "Chart.yaml").write_text("name: vcluster\nversion: 0.31.0\n")
    (chart / "values.schema.json").unlink()
    inventory.set("blue", tenant_cluster_chart=str(chart), tenant_cluster_values={"sleepMode": {"enabled": False}})
    inventory.model()
    newer = chart.with_name("newer")
    newer.mkdir()
    (newer / "Chart.yaml").write_text("name: vcluster\nversion: 0.32.0\n")
    inventory.set("blue", tenant_cluster_chart=str(newer))
    assert list(inventory.problems()) == ["blue.tenant_cluster_values.sleepMode"]


# --- options and their suboptions


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        (f"tenant_cluster_{key}", value)
        for key, values in OPTIONS.items()
        if f"tenant_cluster_{key}" in TENANT_CLUSTER
        for value in values
    ],
)
def test_what_the_examples_set_is_sound(inventory: Inventory, chart: Path, variable: str, value: Any) -> None:
    inventory.set("blue", tenant_cluster_chart=str(chart), tenant_cluster_licence_tier="Scale", **{variable: value})
    inventory.model()


@pytest.mark.parametrize(
    ("variables", "place", "told"),
    [
        ({"backing_store": {"kind": "etcd"}}, "backing_store.kind", "none of embedded_etcd, deployed_etcd"),
        ({"backing_store": {"knd": "sqlite"}}, "backing_store.knd", "did you mean kind?"),
        ({"backing_store": {"replicas": 3}}, "backing_store.replicas", "is for the kind deployed_etcd"),
        (
            {"backing_store": {"kind": "sqlite", "data_source": "mysql://x"}},
            "backing_store.data_source",
            "is for the kind external_database, and this is sqlite",
        ),
        (
            {"backing_store": {"kind": "external_database"}, "licence_tier": "Prod"},
            "backing_store",
            "needs data_source, or connector",
        ),
        ({"backing_store": {"kind": "sqlite"}, "replicas": 3}, "backing_store", "tenant_cluster_replicas is 3"),
        (
            {"backing_store": {"kind": "deployed_etcd", "persistent": False, "storage_size": "5Gi"}},
            "backing_store.storage_size",
            "persistent is false",
        ),
        ({"storage": {"persistent": False}, "storage_size": "5Gi"}, "storage_size", "is for volumes"),
        ({"storage": {"retention": "Forget"}}, "storage.retention", "none of Retain, Delete"),
        ({"storage_size": "five"}, "storage_size", "does not look like 5Gi"),
        ({"kubernetes_version": "1.35"}, "kubernetes_version", "does not look like v1.35.0"),
        ({"dns": {"replicas": 0}}, "dns.replicas", "must be at least 1"),
        ({"extra_args": {"api_server": ["v=4"]}}, "extra_args.api_server[0]", "--name=value"),
        ({"exposure": {"node_port": 30443}}, "exposure.node_port", "is for the type NodePort"),
        ({"exposure": {"ingress": {"class": "nginx"}}}, "exposure.ingress.host", "is required"),
        ({"exposure": {"gateway": {"host": "a.test"}}}, "exposure.gateway.parents", "is required"),
        (
            {
                "exposure": {"gateway": {"host": "a.test", "parents": [{"name": "g"}]}},
                "chart_version": "0.33.4",
            },
            "exposure",
            "since 0.34",
        ),
        ({"isolation": {"pod_security": "strict"}}, "isolation.pod_security", "none of privileged, baseline"),
        ({"addons": {"flannel": "no"}}, "addons.flannel", "must be true or false"),
        ({"images": {"pull_secrets": "registry"}}, "images.pull_secrets", "must be a list"),
    ],
)
def test_mistakes_in_options(
    inventory: Inventory, only: Only, variables: dict[str, Any], place: str, told: str
) -> None:
    inventory.set("blue", **{f"tenant_cluster_{key}": value for key, value in variables.items()})
    assert told in only(inventory.problems(), f"blue.tenant_cluster_{place}")


def test_a_data_source_of_the_wrong_type_is_not_shown(inventory: Inventory) -> None:
    option = {"kind": "external_database", "data_source": ["postgres://u:s3cret@h/d"]}
    inventory.set("blue", tenant_cluster_backing_store=option)
    assert "s3cret" not in str(inventory.problems())


def test_a_deployment_needs_a_second_server_to_be_renewed(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_backing_store={"kind": "deployed_etcd"}, fabric_shared_servers=["shared1"])
    assert "two shared servers" in only(inventory.problems(), "blue.fabric_shared_servers")


def test_embedded_kube_vip_has_one_port(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", api_load_balancer_mode="kube_vip_embedded", tenant_cluster_licence_tier="Scale")
    assert "8443" in only(inventory.problems(), "blue.tenant_cluster_api_port")
    inventory.set("blue", tenant_cluster_api_port=8443).model()


# --- the quota


def test_a_quota_that_is_too_small(inventory: Inventory) -> None:
    inventory.set(
        "blue",
        tenant_cluster_replicas=3,
        tenant_cluster_isolation={"quota": {"hard": {"limits.memory": "4Gi", "count/pods": 4}}},
    )
    first, second = _messages(inventory)
    assert first.startswith("4 is too little: control plane 3, load balancer 2 need 5")
    assert second.startswith("4Gi is too little: control plane 6Gi, load balancer 768Mi need 6.75Gi")


def _messages(inventory: Inventory) -> list[str]:
    with pytest.raises(IntentError) as caught:
        inventory.model()
    assert {each.path for each in caught.value.problems} == {"blue.tenant_cluster_isolation"}
    return [each.message for each in caught.value.problems]


def test_a_quota_leaves_room_for_others(inventory: Inventory) -> None:
    quota = {"hard": {"requests.memory": "1Gi"}}
    inventory.set("blue", tenant_cluster_isolation={"quota": quota}).model()
    inventory.set("blue", tenant_cluster_isolation={"quota": {**quota, "room": {"requests.memory": "2Gi"}}})
    assert "room for others 2Gi" in _messages(inventory)[0]


# --- the licence


def test_a_paid_tier_needs_a_licence(inventory: Inventory, only: Only) -> None:
    inventory.set("blue", tenant_cluster_values={"sleep": {"auto": {"afterInactivity": "1h"}}})
    message = only(inventory.problems(), "blue.tenant_cluster_licence_tier")
    assert message.startswith("vCluster needs a licence of tier Dev for sleep.auto, and no tenant_cluster_licence")
    inventory.set("blue", tenant_cluster_licence_tier="Free")
    assert "your licence is Free" in only(inventory.problems(), "blue.tenant_cluster_licence_tier")
    inventory.set("blue", tenant_cluster_licence_tier="Dev").model()


def test_a_licence_is_taken_for_the_right_one(inventory: Inventory) -> None:
    inventory.set("blue", tenant_cluster_licence={"accessKey": "x"})
    model = inventory.set("blue", tenant_cluster_values={"integrations": {"netris": {"enabled": True}}}).model()
    assert model.tenant_clusters["blue"].licences["Scale"] == ["integrations.netris.enabled"]


# --- what is written down twice


def test_the_roles_defaults_are_the_same() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    for name, schema in CONTROL_PLANE.items():
        if name.startswith("tenant_cluster_") and schema.get("default"):
            assert defaults[name] == schema["default"], name
    assert defaults["tenant_cluster_chart"] == DEFAULT_CHART
