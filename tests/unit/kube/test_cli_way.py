"""A control plane by vCluster's command line: Helm and the API are real, the command line is a stand-in."""

from __future__ import annotations

import json
import stat
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.errors import KubeError
from ansible_collections.baremetal.fabric.plugins.modules import tenant_cluster_cli

from tests.support import kube_api
from tests.support.control_planes import EXAMPLE

STANDIN = kube_api.ROOT / "tests" / "support" / "standin_vcluster_cli.py"
CHART = kube_api.ROOT / "lab" / "charts" / "vcluster"
VALUES = control_plane_values({**EXAMPLE, "replicas": 1})

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "log"
    monkeypatch.setenv("STANDIN_VCLUSTER_LOG", str(path))
    return path


@pytest.fixture
def call(kubeconfig: Path, namespace: str, log: Path) -> Call:
    del log
    helm = kube_api.binaries() / "helm"
    if not helm.exists():
        pytest.skip(f"helm not built in {helm.parent} (make lab-up builds it)")

    def run(check_mode: bool = False, **more: Any) -> dict[str, Any]:
        params = {
            "kubeconfig": str(kubeconfig), "context": None, "name": "blue", "namespace": namespace, "state": "present",
            "binary": str(STANDIN), "helm_binary": str(helm), "chart": str(CHART), "chart_repository": "https://x",
            "chart_version": None, "values": VALUES, "timeout": 60, **more,
        }  # fmt: skip
        return tenant_cluster_cli.work(SimpleNamespace(params=params, check_mode=check_mode))

    return run


def calls(log: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


def test_made_once_changed_and_removed(call: Call, log: Path, cluster: Cluster, namespace: str) -> None:
    planned = call(check_mode=True, binary="/nowhere/vcluster")
    assert planned["changed"] and "endpoint: 192.168.67.253:443" in planned["diff"]["after"] and not calls(log)

    made = call()
    assert made["changed"] and cluster.get("apps/v1", "StatefulSet", "blue", namespace)
    again = call()
    assert (again, len(calls(log))) == ({"changed": False, "status": "deployed"}, 1)

    changed = call(values={**VALUES, "logging": {"encoding": "json"}})
    assert changed["changed"] and len(calls(log)) == 2
    assert "encoding" not in changed["diff"]["before"] and "encoding: json" in changed["diff"]["after"]
    assert "telemetry" not in changed["diff"]["before"]

    gone = call(state="absent", values=None)
    assert gone["changed"] and cluster.get("apps/v1", "StatefulSet", "blue", namespace) is None
    assert call(state="absent", values=None) == {"changed": False}


def test_what_it_can_see(call: Call, log: Path, kubeconfig: Path) -> None:
    before = kubeconfig.read_text()
    call()
    (seen,) = calls(log)
    assert not seen["terminal"] and not seen["version_check"]
    directory = Path(seen["directory"])
    assert seen["modes"] == {
        "state.json": "0o600", "values.yaml": "0o600", "host.kubeconfig": "0o600", directory.name: "0o700",
    }  # fmt: skip
    assert Path(seen["kubeconfig"]).parent == directory and not directory.exists()
    assert kubeconfig.read_text() == before
    assert "192.168.67.253" in seen["values"] and "192.168.67.253" not in str(seen["argv"])


def test_a_release_without_workloads_goes_too(call: Call, cluster: Cluster, namespace: str) -> None:
    """What a killed run leaves: the command line does not find it."""
    call()
    (record,) = cluster.list("v1", "Secret", namespace, labels="owner=helm,name=blue")
    patch = {"metadata": {"labels": {"status": "pending-upgrade"}}}
    cluster.merge("v1", "Secret", record["metadata"]["name"], patch, namespace)
    assert call(state="absent", values=None)["changed"]
    assert cluster.list("v1", "Secret", namespace, labels="owner=helm,name=blue") == []


def test_before_there_is_a_host_cluster(call: Call, tmp_path: Path) -> None:
    assert call(check_mode=True, kubeconfig=str(tmp_path / "none"))["changed"]
    assert not call(check_mode=True, kubeconfig=str(tmp_path / "none"), state="absent")["changed"]


def test_what_failed_is_told(call: Call, tmp_path: Path) -> None:
    with pytest.raises(KubeError, match="binary: there is no program /nowhere/vcluster: install it by the role"):
        call(binary="/nowhere/vcluster")
    with pytest.raises(KubeError, match="helm_binary: there is no program"):
        call(helm_binary="/nowhere/helm")
    values = {**VALUES, "controlPlane": {**VALUES["controlPlane"], "statefulSet": "none"}}
    with pytest.raises(KubeError, match=r"create blue ended with 1:\nhelm upgrade: "):
        call(values=values)
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\necho on my way\nexec sleep 30\n")
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(KubeError, match=r"slow create blue was not done after 1 s, and was ended:\non my way"):
        call(binary=str(slow), timeout=1)


def test_time_ends_what_it_has_started_too(call: Call, tmp_path: Path) -> None:
    """As vCluster starts Helm: one that goes on alone would install behind the next run's back."""
    slow, trace = tmp_path / "slow", tmp_path / "trace"
    slow.write_text(
        "#!/bin/sh\n"
        f"(trap 'echo told; exit 1' TERM; echo begun; while :; do echo x >>{trace}; sleep 0.1; done)\n"
        "exit 0\n"
    )
    slow.chmod(slow.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(KubeError, match=r"was ended:\nbegun\n(Terminated\n)?told"):  # so a shell may say of its sleep
        call(binary=str(slow), timeout=2)
    ended = trace.stat().st_size
    time.sleep(0.5)
    assert trace.stat().st_size == ended


def test_the_users_helm_settings_lead_it_nowhere_else(
    call: Call, monkeypatch: pytest.MonkeyPatch, cluster: Cluster, namespace: str
) -> None:
    for name, value in {"KUBEAPISERVER": "https://127.0.0.1:1", "KUBETOKEN": "x", "DRIVER": "configmap"}.items():
        monkeypatch.setenv(f"HELM_{name}", value)
    assert call()["changed"] and cluster.list("v1", "Secret", namespace, labels="owner=helm,name=blue")


def test_a_chart_that_is_none(call: Call, tmp_path: Path) -> None:
    broken = tmp_path / "chart.tgz"
    broken.write_text("x")
    with pytest.raises(KubeError, match=r"chart: .* cannot be read as a chart"):
        call(chart=str(broken))
