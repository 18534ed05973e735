"""Values that cannot be changed once a control plane is there."""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.filter.kube_documents import FilterModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import immutable
from ansible_collections.baremetal.fabric.plugins.modules import kube_objects_info

from tests.support.control_planes import EXAMPLE

from .charts import schema_of
from .paths import knows

REPOSITORY = Path(__file__).parents[3]


def record(values: dict[str, Any], chart: dict[str, Any] | None = None) -> dict[str, Any]:
    release = {"name": "blue", "config": values, **({"chart": chart} if chart else {})}
    packed = base64.b64encode(gzip.compress(json.dumps(release).encode()))
    return {"type": "helm.sh/release.v1", "data": {"release": base64.b64encode(packed).decode()}}


def refused(new: dict[str, Any], **old: Any) -> list[str]:
    deployed = immutable.release_values(record(control_plane_values({**EXAMPLE, **old})))
    assert deployed is not None
    return list(immutable.refused(immutable.kept(deployed), control_plane_values({**EXAMPLE, **new})))


def test_helms_record_is_read() -> None:
    values = control_plane_values(EXAMPLE)
    assert immutable.release_values(record(values)) == values


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"type": "Opaque", "data": {"release": "eA=="}},
        {"type": "helm.sh/release.v1", "data": {"release": "bm90IGJhc2U2NCE="}},
        {"type": "helm.sh/release.v1", "data": {"release": base64.b64encode(base64.b64encode(b"\x1f\x8bx")).decode()}},
    ],
)
def test_what_is_no_record(broken: dict[str, Any]) -> None:
    assert immutable.release_values(broken) is None


def test_no_secret_leaves_the_record() -> None:
    store = {"kind": "external_database", "data_source": "postgres://u:s3cret@h/d"}
    kept = immutable.kept(control_plane_values({**EXAMPLE, "backing_store": store, "values": {"plugins": {"x": 1}}}))
    assert "s3cret" not in str(kept) and "plugins" not in str(kept)
    assert kept["controlPlane.backingStore.database.external.enabled"] is True


def test_what_may_change() -> None:
    changes = {"replicas": 1, "vip": "192.168.67.1", "kubernetes_version": "v1.36.0", "storage_size": "20Gi"}
    assert refused(changes) == refused({}) == []


def test_another_backing_store() -> None:
    (message,) = refused({"backing_store": {"kind": "sqlite"}, "replicas": 1})
    assert message.startswith("tenant_cluster_backing_store.kind: the control plane keeps its state in embedded etcd")
    assert "SQLite would begin empty" in message and "make it again" in message
    assert "migrateFromDeployedEtcd" not in message


def test_deployed_etcd_can_be_taken_in() -> None:
    deployed = {"backing_store": {"kind": "deployed_etcd"}}
    (message,) = refused({}, **deployed)
    assert "migrateFromDeployedEtcd: true" in message
    migrate = {"controlPlane": {"backingStore": {"etcd": {"embedded": {"migrateFromDeployedEtcd": True}}}}}
    assert refused({"values": migrate}, **deployed) == []


def test_other_networks() -> None:
    assert [each.split(":")[0] for each in refused({"service_cidr": "10.9.0.0/16", "pod_cidr": "10.8.0.0/16"})] == [
        "tenant_cluster_service_cidr",
        "tenant_cluster_pod_cidr",
    ]
    (message,) = refused({"service_cidr": "10.9.0.0/16"})
    assert "is 10.96.0.0/16 and cannot become 10.9.0.0/16" in message


@pytest.mark.parametrize(
    "values",
    [
        {"privateNodes": {"vpn": {"enabled": True}}},
        {"sync": {"toHost": {"namespaces": {"enabled": True}}}},
        {"privateNodes": {"enabled": False}},
    ],
)
def test_what_is_decided_at_the_beginning(values: dict[str, Any]) -> None:
    (message,) = refused({"values": values})
    assert message.startswith("tenant_cluster_values.") and "cannot become" in message
    (message,) = refused({}, values=values)
    assert "set it back" in message


@pytest.mark.parametrize("path", immutable.PATHS)
def test_the_schema_has_every_path(path: str) -> None:
    assert knows(schema_of("0.36"), path.split("."))


def test_the_role_reads_what_is_compared() -> None:
    variables = yaml.safe_load((REPOSITORY / "roles/tenant_cluster/vars/main.yml").read_text())
    assert variables["__tenant_cluster_immutable"] == list(immutable.PATHS)


def test_the_newest_record_counts() -> None:
    refused_changes = FilterModule().filters()["tenant_cluster_refused_changes"]
    values = control_plane_values(EXAMPLE)

    def found(version: int, status: str, **changes: Any) -> dict[str, Any]:
        labels = {"version": str(version), "status": status}
        return {"metadata": {"labels": labels}, "helm_values": immutable.kept({**values, **changes})}

    other = {"networking": {"podCIDR": "10.8.0.0/16"}}
    assert refused_changes([], values) == []
    assert refused_changes([{"metadata": {"labels": {"status": "deployed", "version": "1"}}}], values) == []
    assert refused_changes([found(9, "superseded", **other), found(10, "deployed")], values) == []
    (message,) = refused_changes([found(9, "deployed"), found(10, "deployed", **other)], values)
    assert message.startswith("tenant_cluster_pod_cidr: is 10.8.0.0/16 and cannot become 10.244.0.0/16")
    # The first installation failed: there is nothing to keep yet.
    assert refused_changes([found(1, "failed", **other)], values) == []


def test_of_a_record_only_what_was_asked_for_is_shown() -> None:
    document = {"kind": "Secret", **record({"networking": {"podCIDR": "10.8.0.0/16"}, "plugins": {"word": "s3cret"}})}
    shown = kube_objects_info.shown(document, ["networking.podCIDR", "networking.serviceCIDR"])
    assert shown["helm_values"] == {"networking.podCIDR": "10.8.0.0/16"}
    assert shown["data"] == {"release": "(hidden)"}
    assert "helm_values" not in kube_objects_info.shown(document, [])
