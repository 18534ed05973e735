"""Documents for those who keep a control plane in Git."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.filter.kube_documents import FilterModule
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import compare
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import common, control_plane, gitops

from tests.support import control_planes, schemas

GOLDEN = Path(__file__).parent / "golden" / "gitops.yml"
VALUES = control_plane.control_plane_values(control_planes.EXAMPLE)
INTENT: dict[str, Any] = {
    "name": "blue",
    "namespace": "vcluster-blue",
    "namespace_labels": {"pod-security.kubernetes.io/enforce": "privileged"},
    "chart": {"name": "vcluster", "repository": "https://charts.loft.sh", "version": "0.36.1"},
    "vip": "192.168.67.253",
    "port": 443,
    "values": VALUES,
    "argocd": {"namespace": "argocd", "project": "default", "server": "https://kubernetes.default.svc"},
}


def test_golden() -> None:
    """FABRIC_GOLDEN=write writes the file anew."""
    built = [gitops.argocd_application(INTENT), *gitops.cluster_api_objects(INTENT)]
    if os.environ.get("FABRIC_GOLDEN") == "write":
        GOLDEN.write_text("---\n" + "---\n".join(compare.as_text(document) for document in built))
    assert list(yaml.safe_load_all(GOLDEN.read_text())) == built


def test_the_values_are_those_of_the_helm_release() -> None:
    assert gitops.argocd_application(INTENT)["spec"]["source"]["helm"]["valuesObject"] == VALUES
    *_others, control_plane_object = gitops.cluster_api_objects(INTENT)
    assert yaml.safe_load(control_plane_object["spec"]["helmRelease"]["values"]) == VALUES


def test_the_providers_crd_takes_the_control_plane() -> None:
    crd = schemas.document("infrastructure.cluster.x-k8s.io_vclusters.yaml")
    validator = schemas.spec_validator("infrastructure.cluster.x-k8s.io_vclusters.yaml", "v1alpha1")
    *_others, document = gitops.cluster_api_objects(INTENT)
    assert document["apiVersion"] == f"{crd['spec']['group']}/v1alpha1"
    assert document["kind"] == crd["spec"]["names"]["kind"]
    assert [error.message for error in validator.iter_errors(document["spec"])] == []
    assert list(validator.iter_errors({**document["spec"], "helmReleases": {}}))


@pytest.mark.parametrize("build", [gitops.argocd_application, gitops.cluster_api_objects])
def test_nothing_unknown_gets_into_git(build: Any) -> None:
    with pytest.raises(common.DocumentError, match="run tenant_create first"):
        build({**INTENT, "vip": None})
    unknown = {**VALUES, "controlPlane": {**VALUES["controlPlane"], "endpoint": f"{common.KNOWN_AFTER_APPLY}:443"}}
    with pytest.raises(common.DocumentError, match="run tenant_create first"):
        build({**INTENT, "values": unknown})


@pytest.mark.parametrize("build", [gitops.argocd_application, gitops.cluster_api_objects])
@pytest.mark.parametrize("change", [{"name": "/charts/vcluster"}, {"repository": None}, {"version": ""}])
def test_others_must_be_able_to_fetch_the_chart(build: Any, change: dict[str, Any]) -> None:
    with pytest.raises(common.DocumentError, match="has no chart that others can fetch"):
        build({**INTENT, "chart": {**INTENT["chart"], **change}})


def test_text_of_documents() -> None:
    text = FilterModule().filters()["yaml_documents"](gitops.cluster_api_objects(INTENT))
    assert text.startswith("---\n")
    assert list(yaml.safe_load_all(text)) == gitops.cluster_api_objects(INTENT)
    assert "&id" not in text
