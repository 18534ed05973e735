"""The stand-in's manifest: k8slan's own CRD, and workloads under the names that k8slan's manifest has."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

from fabric_lab import state
from fabric_lab.build import images
from fabric_lab.state import REPOSITORY, LabError

MANIFEST = REPOSITORY / "lab" / "kubernetes" / "k8slan" / "standin.yaml"
NODE = Path(__file__).parent / "node"
CRD = "k8slan_lans.crd.yaml"


class _Template(string.Template):
    delimiter = "@"


def crd() -> Path:
    """k8slan's CRD is k8slan's: it is read where a copy of it lies, and is no part of this repository."""
    path = state.schemas_dir() / CRD
    if not path.exists():
        raise LabError(
            f"no {CRD} in {path.parent}: set FABRIC_SCHEMAS to a folder with that of config/crd/bases of"
            " hujun-open/k8slan under this name"
        )
    return path


def programs() -> dict[str, str]:
    """What runs on the nodes, by its file name."""
    return {path.name: path.read_text() for path in sorted(NODE.glob("*.py"))}


def config_map() -> dict[str, Any]:
    metadata = {"name": "standin-k8slan", "namespace": "k8slan-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": programs()}


def text() -> str:
    workloads = _Template(MANIFEST.read_text()).substitute({"image": images.WEB})
    return "\n---\n".join((crd().read_text(), json.dumps(config_map()), workloads))
