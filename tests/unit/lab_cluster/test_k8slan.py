"""The stand-in for k8slan: whose CRD, what its manifest is made of, and what it writes to the API."""

from __future__ import annotations

import ast
import json
import sys
import urllib.error
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
import yaml
from fabric_lab.standin_k8slan import manifest
from fabric_lab.standin_k8slan.node import agent, api, controller, rounds
from fabric_lab.state import LabError

LAN: dict[str, Any] = {
    "metadata": {"name": "one", "namespace": "lans", "uid": "1", "resourceVersion": "7"},
    "spec": {"ns": "one", "spokes": ["left"]},
}


@pytest.fixture
def documents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    (tmp_path / manifest.CRD).write_text("kind: CustomResourceDefinition\nmetadata: {name: lans.lan.k8slan.io}\n")
    monkeypatch.setenv("FABRIC_SCHEMAS", str(tmp_path))
    return list(yaml.safe_load_all(manifest.text()))


def test_the_crd_is_k8slans_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FABRIC_SCHEMAS", str(tmp_path))
    with pytest.raises(LabError, match=r"no k8slan_lans\.crd\.yaml"):
        manifest.text()


def test_it_has_the_names_of_the_real_one_and_says_what_it_is(documents: list[dict[str, Any]]) -> None:
    workloads = {each["metadata"]["name"]: each for each in documents if each["kind"] in ("DaemonSet", "Deployment")}
    assert set(workloads) == {"k8slan-ds", "k8slan-controller-manager"}
    for each in workloads.values():
        assert each["metadata"]["namespace"] == "k8slan-system"
        assert each["metadata"]["labels"]["lab.local/standin"] == "k8slan"
        pod = each["spec"]["template"]["spec"]
        # what is mounted below the node's directories must not be held by a container that goes on
        assert all("volumeMounts" not in container for container in pod["containers"])
        for container in [*pod["initContainers"], *pod["containers"]]:
            assert container["image"].startswith("lab.local/") and "$$" not in json.dumps(container["args"])
    volumes = workloads["k8slan-ds"]["spec"]["template"]["spec"]["volumes"]
    assert {"name": "cni", "hostPath": {"path": "/opt/cni/bin"}} in volumes


def test_its_programs_travel_in_a_config_map_and_need_nothing(documents: list[dict[str, Any]]) -> None:
    (programs,) = (each["data"] for each in documents if each["kind"] == "ConfigMap")
    assert set(programs) == {"__init__.py", "agent.py", "api.py", "controller.py", "links.py", "plugin.py", "rounds.py"}
    for name, text in programs.items():
        imported = {
            alias.name if isinstance(node, ast.Import) else str(node.module or "")
            for node in ast.walk(ast.parse(text))
            if isinstance(node, (ast.Import, ast.ImportFrom)) and not getattr(node, "level", 0)
            for alias in node.names
        }
        assert {each.partition(".")[0] for each in imported} - {"standin"} <= sys.stdlib_module_names, name


def test_a_spoke_has_two_attachments_named_as_k8slan_names_them() -> None:
    made = {each["metadata"]["name"]: json.loads(each["spec"]["config"]) for each in controller.attachments(LAN)}
    assert made == {
        "k8slan-veth-left": {"cniVersion": "0.3.1", "name": "k8slan-veth-left", "type": "k8slanveth", "veth": "left"},
        "k8slan-mac-left": {"cniVersion": "0.3.1", "name": "k8slan-mac-left", "type": "macvtap"},
    }


def test_a_node_offers_one_of_each_and_takes_back_what_is_gone() -> None:
    mine, other = "macvtap.k8slan.io/k8slan-veth-left", "macvtap.k8slan.io/k8slan-veth-old"
    wanted = agent.resources(LAN["spec"])
    assert mine in wanted and len(wanted) == 2
    change = agent.capacity_change({"cpu": "4", mine: "1", other: "1"}, wanted)
    assert change == {"macvtap.k8slan.io/k8slan-mac-left": "1", other: None}
    # a kubelet that has started anew has set it to nothing
    assert agent.capacity_change({mine: "0"}, [mine]) == {mine: "1"}


class Recorder:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.found: list[dict[str, Any]] = []

    def lans(self) -> list[dict[str, Any]]:
        return self.found

    def request(self, method: str, path: str, body: Any = None, kind: str = "") -> dict[str, Any]:
        del kind
        self.asked.append((method, path, body))
        return {}


def test_finalizers_come_with_the_version_that_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(agent.links, "ensure", lambda spec, host: done.append(f"ensure {spec['ns']} {host}"))
    monkeypatch.setattr(agent.links, "remove", lambda name: done.append(f"remove {name}"))
    monkeypatch.setattr(agent.links, "known", lambda: ["one", "stale"])
    api = Recorder()
    worker = agent.Agent(api, "shared1", "shared1")  # type: ignore[arg-type]
    api.found = [LAN]
    worker.round()
    path = "/apis/lan.k8slan.io/v1beta1/namespaces/lans/lans/one"
    kept = {"finalizers": ["finalizer.k8slan.io/shared1"], "resourceVersion": "7"}
    assert ("PATCH", path, {"metadata": kept}) in api.asked and done == ["ensure one shared1", "remove stale"]
    going = {**LAN["metadata"], "deletionTimestamp": "x", "finalizers": ["finalizer.k8slan.io/shared1", "other"]}
    api.found, api.asked = [{**LAN, "metadata": going}], []
    worker.round()
    assert ("PATCH", path, {"metadata": {**kept, "finalizers": ["other"]}}) in api.asked and "remove one" in done


class Enough(Exception):
    """Ends a loop that has no end."""


def test_trouble_is_told_once_and_again_after_it_was_over(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rests: list[float] = []
    monkeypatch.setattr(rounds.time, "sleep", rests.append)
    outcomes = iter([api.Refused(503, "no"), api.Refused(503, "no"), 0.5, api.Refused(503, "no"), OSError("gone")])

    def play() -> float:
        outcome = next(outcomes, Enough())
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    with pytest.raises(Enough):
        rounds.keep(play, (api.Refused, OSError), 2.0)
    assert rests == [2.0, 2.0, 0.5, 2.0, 2.0]
    said = [line.split(" ", 1)[1] for line in capsys.readouterr().out.splitlines()]
    assert said == ["503: no", "503: no", "gone"]


@pytest.mark.parametrize("program", [agent, controller])
def test_a_token_that_is_over_ends_the_program(
    program: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(*_arguments: Any, **_more: Any) -> Any:
        raise urllib.error.HTTPError("https://api", 401, "Unauthorized", Message(), None)

    for name in ("KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT", "KUBE_TOKEN", "KUBE_CA", "NODE_NAME"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setattr(api.ssl, "create_default_context", lambda **_more: None)
    monkeypatch.setattr(api.urllib.request, "urlopen", refuse)
    assert program.main() == 1
    assert "the token is over: start again with a new one" in capsys.readouterr().out
