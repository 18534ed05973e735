"""The stand-in chart: the real chart's values go in, the real names come out."""

import base64
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from fabric_lab.build import binaries
from fabric_lab.build.components import FORMER_KUBERNETES, KUBERNETES, STANDIN
from fabric_lab.state import REPOSITORY

from tests.support import control_planes, schemas

CHART = REPOSITORY / "lab" / "charts" / "vcluster"

GUIDE: dict[str, Any] = {
    "controlPlane": {
        "endpoint": "192.168.67.253:443",
        "statefulSet": {
            "pods": {"annotations": {"k8s.v1.cni.cncf.io/networks": "vcluster-blue-networks/control-plane"}},
            "highAvailability": {"replicas": 3},
            "scheduling": {"nodeSelector": {"tenant.baremetal.fabric/blue": "bridge"}},
        },
        "backingStore": {"etcd": {"embedded": {"enabled": True}}},
        "coredns": {"enabled": True},
    },
    "privateNodes": {"enabled": True},
}


def _helm() -> str:
    found = shutil.which("helm") or str(binaries.directory() / "helm")
    if not Path(found).exists():
        pytest.skip("no helm here: python -m fabric_lab.build helm")
    return found


def _template(tmp_path: Path, values: dict[str, Any]) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "values.yaml"
    path.write_text(json.dumps(values))
    command = [_helm(), "template", "blue", str(CHART), "--namespace", "vcluster-blue", "--values", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _objects(tmp_path: Path, values: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    done = _template(tmp_path, values)
    assert done.returncode == 0, done.stderr
    documents = [document for document in yaml.safe_load_all(done.stdout) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def _merged(base: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in change.items():
        result[key] = _merged(result.get(key, {}), value) if isinstance(value, dict) else value
    return result


@pytest.mark.parametrize("which", ["defaults", "guide"])
def test_values_are_the_real_charts(which: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    values = GUIDE if which == "guide" else yaml.safe_load((CHART / "values.yaml").read_text())
    schema = json.loads(schemas.find("vcluster-values-v0.36.1.schema.json").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    assert [f"{'.'.join(map(str, error.path))}: {error.message}" for error in validator.iter_errors(values)] == []
    # the check can fail
    broken = _merged(values, {"privateNode": {"enabled": True}})
    assert list(validator.iter_errors(broken))


def test_names_that_others_rely_on(tmp_path: Path) -> None:
    objects = _objects(tmp_path, GUIDE)
    [port] = objects["Service", "blue"]["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (443, 8443)
    assert objects["Service", "blue"]["spec"]["type"] == "ClusterIP"
    assert objects["Service", "blue-headless"]["spec"]["clusterIP"] == "None"
    config = yaml.safe_load(base64.b64decode(objects["Secret", "vc-config-blue"]["data"]["config.yaml"]))
    assert config["controlPlane"]["endpoint"] == "192.168.67.253:443"
    assert config["networking"]["serviceCIDR"] == "10.96.0.0/12"
    stateful = objects["StatefulSet", "blue"]["spec"]
    assert stateful["replicas"] == 3 and stateful["podManagementPolicy"] == "Parallel"
    assert stateful["volumeClaimTemplates"][0]["metadata"]["name"] == "data"
    pod = stateful["template"]
    assert pod["metadata"]["labels"] | {"app": "vcluster", "release": "blue"} == pod["metadata"]["labels"]
    assert pod["metadata"]["annotations"]["k8s.v1.cni.cncf.io/networks"] == "vcluster-blue-networks/control-plane"
    assert pod["spec"]["nodeSelector"] == {"tenant.baremetal.fabric/blue": "bridge"}
    images = {container["image"] for container in pod["spec"]["containers"] + pod["spec"]["initContainers"]}
    assert images == {f"lab.local/standin-vcluster:{STANDIN}"}
    names = [container["name"] for container in pod["spec"]["containers"]]
    assert names == ["etcd", "kube-apiserver", "controller-manager", "scheduler", "syncer"]


def test_new_values_mean_new_pods(tmp_path: Path) -> None:
    hashes = {
        _objects(tmp_path, _merged(GUIDE, {"exportKubeConfig": {"server": server}}))["StatefulSet", "blue"]["spec"][
            "template"
        ]["metadata"]["annotations"]["vClusterConfigHash"]
        for server in ("https://a:1", "https://b:1")
    }
    assert len(hashes) == 2


def test_placement_storage_and_image_are_passed_on(tmp_path: Path) -> None:
    change = {
        "controlPlane": {
            "statefulSet": {
                "image": {"registry": "registry.example.org", "repository": "x/y", "tag": "2"},
                "persistence": {"volumeClaim": {"size": "9Gi", "storageClass": "fast", "retentionPolicy": "Delete"}},
                "scheduling": {"affinity": {"podAntiAffinity": {}}, "podManagementPolicy": "OrderedReady"},
            }
        }
    }
    stateful = _objects(tmp_path, _merged(GUIDE, change))["StatefulSet", "blue"]["spec"]
    [claim] = stateful["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"]["storage"] == "9Gi"
    assert stateful["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Delete"}
    assert stateful["podManagementPolicy"] == "OrderedReady"
    assert stateful["template"]["spec"]["containers"][0]["image"] == "registry.example.org/x/y:2"
    assert "podAntiAffinity" in stateful["template"]["spec"]["affinity"]


@pytest.mark.parametrize(
    ("version", "suffix"),
    [("", ""), (KUBERNETES, ""), (KUBERNETES.removeprefix("v"), ""), (FORMER_KUBERNETES, f"-{FORMER_KUBERNETES[1:]}")],
)
def test_another_kubernetes_is_in_another_image(tmp_path: Path, version: str, suffix: str) -> None:
    change = {"controlPlane": {"distro": {"k8s": {"version": version}}}}
    pod = _objects(tmp_path, _merged(GUIDE, change))["StatefulSet", "blue"]["spec"]["template"]["spec"]
    images = {container["image"] for container in pod["containers"] + pod["initContainers"]}
    assert images == {f"lab.local/standin-vcluster:{STANDIN}{suffix}"}


def test_without_persistence_there_is_no_claim(tmp_path: Path) -> None:
    change = {"controlPlane": {"statefulSet": {"persistence": {"volumeClaim": {"enabled": False}}}}}
    stateful = _objects(tmp_path, _merged(GUIDE, change))["StatefulSet", "blue"]["spec"]
    assert "volumeClaimTemplates" not in stateful
    assert {"name": "data", "emptyDir": {}} in stateful["template"]["spec"]["volumes"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"privateNodes": {"enabled": False}}, "privateNodes.enabled must be true"),
        ({"controlPlane": {"endpoint": "192.168.67.253"}}, "must be HOST:PORT"),
        ({"controlPlane": {"backingStore": {"etcd": {"embedded": {"enabled": False}}}}}, "more than one replica needs"),
        ({"controlPlane": {"backingStore": {"etcd": {"deploy": {"enabled": True}}}}}, "etcd.deploy is not part"),
        (
            {"controlPlane": {"backingStore": {"database": {"external": {"enabled": True}}}}},
            "database.external is not part",
        ),
    ],
)
def test_what_the_stand_in_cannot_do_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    done = _template(tmp_path, _merged(GUIDE, change))
    assert done.returncode != 0 and message in done.stderr


def test_typed_options_reach_the_pods(tmp_path: Path) -> None:
    """Those that the stand-in acts on, from the role's variables to what the host cluster is given."""
    image = {"registry": "registry.example.test", "repository": "own/vcluster", "tag": "v9"}
    values = control_plane_values(
        {
            **control_planes.EXAMPLE,
            "storage_size": "7Gi",
            "storage_class": "fast",
            "storage": {"retention": "Delete"},
            "images": {"control_plane": image},
            "resources": {"requests": {"cpu": "123m"}, "limits": {"memory": "3Gi"}},
            "priority_class": "tenants",
            "extra_args": {"api_server": ["--v=4"]},
            "dns": {"replicas": 2},
            "addons": {"flannel": False},
            "exposure": {"type": "NodePort", "names": ["api.example.test"], "annotations": {"a": "b"}},
            "tolerations": [{"key": "x", "operator": "Exists"}],
        }
    )
    objects = _objects(tmp_path, values)
    stateful = objects["StatefulSet", "blue"]["spec"]
    pod = stateful["template"]["spec"]
    assert stateful["persistentVolumeClaimRetentionPolicy"]["whenDeleted"] == "Delete"
    (claim,) = stateful["volumeClaimTemplates"]
    assert claim["spec"]["storageClassName"] == "fast"
    assert claim["spec"]["resources"]["requests"]["storage"] == "7Gi"
    assert {each["image"] for each in pod["containers"]} == {"registry.example.test/own/vcluster:v9"}
    assert pod["priorityClassName"] == "tenants" and pod["tolerations"] == [{"key": "x", "operator": "Exists"}]
    assert any(each.get("resources", {}).get("requests", {}).get("cpu") == "123m" for each in pod["containers"])
    service = objects["Service", "blue"]
    assert service["spec"]["type"] == "NodePort" and service["metadata"]["annotations"] == {"a": "b"}
    given = yaml.safe_load(base64.b64decode(objects["Secret", "vc-config-blue"]["data"]["config.yaml"]))
    assert given["controlPlane"]["coredns"]["deployment"]["replicas"] == 2
    assert given["controlPlane"]["distro"]["k8s"]["apiServer"]["extraArgs"] == ["--v=4"]
    assert given["controlPlane"]["proxy"]["extraSANs"] == ["api.example.test"]
    assert given["deploy"]["cni"]["flannel"]["enabled"] is False
