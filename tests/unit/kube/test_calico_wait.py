# SPDX-License-Identifier: Apache-2.0
"""Calico is there when its operator says so about the last change; the role waits for that, here at a real API."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import objects
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.client import Cluster
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.readiness import judge

from tests.support import schemas

# As tigera-operator has it, as far as its status is concerned.
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "tigerastatuses.operator.tigera.io"},
    "spec": {
        "group": "operator.tigera.io",
        "names": {"kind": "TigeraStatus", "plural": "tigerastatuses", "singular": "tigerastatus"},
        "scope": "Cluster",
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
            }
        ],
    },
}


def status(**conditions: str) -> dict[str, Any]:
    """Conditions of a TigeraStatus: `Progressing="True"`."""
    listed = [{"type": kind, "status": value, "message": "2 of 3 nodes"} for kind, value in conditions.items()]
    return {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "TigeraStatus",
        "metadata": {"name": "calico"},
        "status": {"conditions": listed},
    }


def test_available_and_at_rest() -> None:
    assert judge(status(Available="True", Progressing="False", Degraded="False")).ready


@pytest.mark.parametrize(
    ("conditions", "said"),
    [
        ({}, "no report of Calico's operator yet"),
        ({"Available": "False"}, "not Available (2 of 3 nodes)"),
        ({"Progressing": "False"}, "not Available (no report yet)"),
        ({"Available": "True", "Progressing": "True"}, "Progressing (2 of 3 nodes)"),
        ({"Available": "True", "Degraded": "True"}, "Degraded (2 of 3 nodes)"),
    ],
)
def test_anything_else_is_waited_for(conditions: dict[str, str], said: str) -> None:
    verdict = judge(status(**conditions))
    assert (verdict.ready, verdict.progress, verdict.hopeless) == (False, said, False)


@pytest.mark.parametrize(("seen", "ready"), [(None, True), (0, True), (3, False), (4, True)])
def test_the_last_change_must_have_been_seen(seen: int | None, ready: bool) -> None:
    condition = {"type": "Ready", "status": "True", **({} if seen is None else {"observedGeneration": seen})}
    installation = {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "metadata": {"name": "default", "generation": 4},
        "status": {"conditions": [condition]},
    }
    assert judge(installation).ready is ready


def role_waits(kubeconfig: Path, directory: Path, seconds: int) -> tuple[int, str]:
    play = directory / "play.yml"
    variables = {"l2_dhcp_network_kubeconfig": str(kubeconfig), "l2_dhcp_network_wait_timeout": seconds}
    role = {"name": "baremetal.fabric.l2_dhcp_network", "tasks_from": "calico_wait"}
    tasks = [{"ansible.builtin.include_role": role}]
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "gather_facts": False, "vars": variables, "tasks": tasks}]))
    command = [
        "ansible-playbook",
        "-i",
        "localhost,",
        "-c",
        "local",
        "-e",
        f"ansible_python_interpreter={sys.executable}",
        str(play),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_the_role_waits_at_a_real_api(cluster: Cluster, kubeconfig: Path, tmp_path: Path) -> None:
    code, said = role_waits(kubeconfig, tmp_path, 2)
    assert code != 0 and "nothing matches" in said and "tigera-operator" in said, said
    installation = {
        "apiVersion": "operator.tigera.io/v1",
        "kind": "Installation",
        "metadata": {"name": "default"},
        "spec": {"variant": "Calico"},
    }
    found = yaml.safe_load(schemas.find("calico_installations.crd.yaml").read_text())
    objects.present(cluster, [found, DEFINITION], objects.Settings(wait_timeout=30))
    reported = {**status(Available="True", Progressing="True")}
    objects.present(cluster, [installation, reported], objects.Settings(wait=False))
    code, said = role_waits(kubeconfig, tmp_path, 2)
    assert code != 0 and "Progressing (2 of 3 nodes)" in said, said
    objects.present(cluster, [status(Available="True", Progressing="False")], objects.Settings(wait=False))
    code, said = role_waits(kubeconfig, tmp_path, 10)
    assert code == 0, said
