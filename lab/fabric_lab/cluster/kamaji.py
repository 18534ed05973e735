"""The stand-in for Kamaji in the host cluster, behind Kamaji's CRDs, and what its tenant clusters' nodes install."""

from __future__ import annotations

import json
import string
from pathlib import Path
from typing import Any

from fabric_lab import state
from fabric_lab.build import binaries, components, images
from fabric_lab.cluster.api import kubectl, wait_established
from fabric_lab.cluster.settings import Cluster
from fabric_lab.state import REPOSITORY, LabError

MANIFEST = REPOSITORY / "lab" / "kubernetes" / "kamaji" / "control-plane.yaml"
CRDS = ("tenantcontrolplanes", "datastores")
NODE_PACKAGES = "node-packages.json"
_PROGRAMS = {"kubelet": "kubelet", "kubeadm": "kubeadm", "kube-proxy": "kube-proxy", "standin-cni": "lab/standin-cni"}
_PLUGINS = ("bridge", "host-local", "loopback", "portmap")
_IMAGES = (images.PAUSE, images.WEB, images.COREDNS)


class _Template(string.Template):
    delimiter = "@"


def crds() -> list[Path]:
    """Kamaji's CRDs are Kamaji's: they are read where a copy of them lies, and are no part of this repository."""
    folder = state.schemas_dir()
    found = [folder / f"kamaji.clastix.io_{name}.yaml" for name in CRDS]
    missing = [path.name for path in found if not path.exists()]
    if missing:
        raise LabError(
            f"no {', '.join(missing)} in {folder}: set FABRIC_SCHEMAS to a folder with the files of"
            " charts/kamaji/crds of clastix/kamaji"
        )
    return found


def manifest() -> str:
    values = {"image": images.VCLUSTER, "coredns_image": images.COREDNS, "version": components.KUBERNETES}
    return _Template(MANIFEST.read_text()).substitute(values)


def node_packages() -> dict[str, Any]:
    """Options of the role node_packages for the lab's servers, which find everything below /mnt/host."""
    places = {f"/usr/local/bin/{name}": source for name, source in _PROGRAMS.items()}
    places |= {f"/opt/cni/bin/{name}": f"cni/{name}" for name in _PLUGINS}
    return {
        "files": [
            {"url": f"file:///mnt/host/bin/{source}", "checksum": f"sha256:{binaries.checksum(source)}", "dest": place}
            for place, source in places.items()
        ],
        "images": [f"/mnt/host/images/{images.find(reference).archive}" for reference in _IMAGES],
        "pause_image": images.PAUSE,
    }


def apply(cluster: Cluster, timeout: int, check: bool = False) -> list[str]:
    """Apply what differs and wait until it runs; one line for each object that was, or would be, made or changed."""
    files = crds()
    lines: list[str] = []
    present = kubectl(cluster, "get", "crd", *(f"{name}.kamaji.clastix.io" for name in CRDS), "-o=name",
                      "--ignore-not-found").split()  # fmt: skip
    if len(present) < len(files):
        lines += [f"install {path.name}" for path in files]
        if check:
            return [*lines, "install the stand-in for Kamaji"]
        # too large for the annotation that a client-side apply leaves
        kubectl(cluster, "apply", "--server-side", *(f"--filename={path}" for path in files))
        wait_established(cluster, "kamaji.clastix.io", *CRDS)
    told = kubectl(cluster, "apply", "-f", "-", *(["--dry-run=server"] if check else []), stdin=manifest())
    lines += [line.removesuffix(" (server dry run)") for line in told.splitlines() if " unchanged" not in line]
    if check:
        return lines
    for workload in ("deployment/standin-kamaji", "statefulset/etcd"):
        kubectl(cluster, "-n", "kamaji-system", "rollout", "status", workload, f"--timeout={timeout}s",
                timeout=timeout + 30)  # fmt: skip
    kubectl(cluster, "wait", "--for=jsonpath={.status.ready}=true", f"--timeout={timeout}s", "datastore/default",
            timeout=timeout + 30)  # fmt: skip
    text = json.dumps(node_packages(), indent=1) + "\n"
    path = cluster.lab.directory / NODE_PACKAGES
    if not path.exists() or path.read_text() != text:
        state.write_private(path, text)
        lines.append(f"write {path.name}")
    return lines
