# SPDX-License-Identifier: Apache-2.0
"""The add-ons' manifests as Ansible renders them: pinned, consistent in themselves, and following the variables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

ROLES = Path(__file__).resolve().parents[3] / "roles"


def render(role: str, **variables: Any) -> list[dict[str, Any]]:
    defaults = trusted(yaml.safe_load((ROLES / role / "defaults/main.yml").read_text()))
    text = (ROLES / role / "templates" / f"{role}.yaml.j2").read_text()
    templar = Templar(DataLoader(), variables={**defaults, **variables})
    return list(yaml.safe_load_all(templar.template(trust_as_template(text))))


def trusted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: trusted(each) for key, each in value.items()}
    if isinstance(value, list):
        return [trusted(each) for each in value]
    return trust_as_template(value) if isinstance(value, str) else value


def one(objects: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = (each for each in objects if each["kind"] == kind)
    return found


def pod(objects: list[dict[str, Any]], kind: str = "DaemonSet") -> dict[str, Any]:
    found: dict[str, Any] = one(objects, kind)["spec"]["template"]["spec"]
    return found


@pytest.mark.parametrize("role", ["multus", "whereabouts"])
def test_no_image_moves(role: str) -> None:
    for workload in render(role):
        template = workload.get("spec", {}).get("template")
        for container in (template or {"spec": {}})["spec"].get("containers", []):
            assert container["image"].rpartition(":")[2].startswith("v"), container["image"]


@pytest.mark.parametrize("role", ["multus", "whereabouts"])
def test_selectors_match_their_pods_and_accounts_exist(role: str) -> None:
    objects = render(role)
    accounts = {each["metadata"]["name"] for each in objects if each["kind"] == "ServiceAccount"}
    bound = {subject["name"] for subject in one(objects, "ClusterRoleBinding")["subjects"]}
    assert one(objects, "ClusterRoleBinding")["roleRef"]["name"] == one(objects, "ClusterRole")["metadata"]["name"]
    for workload in (each for each in objects if each["kind"] in ("DaemonSet", "Deployment")):
        template = workload["spec"]["template"]
        assert workload["spec"]["selector"]["matchLabels"].items() <= template["metadata"]["labels"].items()
        assert {template["spec"]["serviceAccountName"]} == accounts == bound
        mounts = {mount["name"] for each in template["spec"]["containers"] for mount in each["volumeMounts"]}
        assert mounts == {volume["name"] for volume in template["spec"]["volumes"]}


def test_multus_renews_its_token_and_names_no_cni_version() -> None:
    (container,) = pod(render("multus"))["containers"]
    assert "--cleanup-config-on-exit=true" in container["args"]
    assert not any(argument.startswith("--cni-version") for argument in container["args"])
    assert not any("namespace-isolation" in argument for argument in container["args"])


def test_multus_keeps_namespaces_apart_when_asked() -> None:
    objects = render("multus", multus_namespace_isolation=True, multus_global_namespaces=["a", "b"])
    assert pod(objects)["containers"][0]["args"][-2:] == ["--namespace-isolation=true", "--global-namespaces=a,b"]


def test_multus_follows_the_nodes_directories() -> None:
    spec = pod(render("multus", multus_conf_dir="/var/lib/k3s/net.d", multus_bin_dir="/var/lib/k3s/bin"))
    assert {volume["hostPath"]["path"] for volume in spec["volumes"]} == {"/var/lib/k3s/net.d", "/var/lib/k3s/bin"}
    kubeconfig = "--multus-kubeconfig-file-host=/var/lib/k3s/net.d/multus.d/multus.kubeconfig"
    assert kubeconfig in spec["containers"][0]["args"]


def test_whereabouts_writes_the_nodes_own_paths() -> None:
    """Its installer strips /host and writes the rest into the plugin's configuration."""
    spec = pod(render("whereabouts", whereabouts_conf_dir="/var/lib/k3s/net.d"))
    (container,) = spec["containers"]
    assert {"name": "CNI_CONF_DIR", "value": "/host/var/lib/k3s/net.d"} in container["env"]
    paths = {volume["name"]: volume["hostPath"]["path"] for volume in spec["volumes"]}
    assert {mount["mountPath"]: paths[mount["name"]] for mount in container["volumeMounts"]} == {
        "/host/var/lib/k3s/net.d": "/var/lib/k3s/net.d",
        "/host/opt/cni/bin": "/opt/cni/bin",
    }


def test_whereabouts_reconciler_is_one_and_never_two_at_a_time() -> None:
    deployment = one(render("whereabouts"), "Deployment")
    assert deployment["spec"]["replicas"] == 1 and deployment["spec"]["strategy"] == {"type": "Recreate"}


def test_definitions_are_those_that_the_programs_use() -> None:
    definitions = {
        each["metadata"]["name"]: each["spec"]
        for role in ("multus", "whereabouts")
        for each in render(role)
        if each["kind"] == "CustomResourceDefinition"
    }
    assert set(definitions) == {
        "network-attachment-definitions.k8s.cni.cncf.io",
        "ippools.whereabouts.cni.cncf.io",
        "nodeslicepools.whereabouts.cni.cncf.io",
        "overlappingrangeipreservations.whereabouts.cni.cncf.io",
    }
    for name, spec in definitions.items():
        assert name == f"{spec['names']['plural']}.{spec['group']}"
        assert spec["scope"] == "Namespaced"
        (version,) = spec["versions"]
        assert version["served"] and version["storage"]
    pool = definitions["ippools.whereabouts.cni.cncf.io"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"][
        "spec"
    ]
    assert pool["properties"]["allocations"]["additionalProperties"]["required"] == ["id", "podref"]
