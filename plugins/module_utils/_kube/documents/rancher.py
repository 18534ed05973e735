# SPDX-License-Identifier: Apache-2.0
"""K3s without its own CNI, as Rancher provisions it."""

from __future__ import annotations

from .common import Document, DocumentError

VARIABLE = "INSTALL_K3S_EXEC"
FLAGS = ("--flannel-backend=none", "--disable-network-policy")
ENVIRONMENT, CONFIG = "environment", "config"


def without_flannel(cluster: Document, way: str = ENVIRONMENT) -> Document:
    """The Cluster (provisioning.cattle.io/v1) with both of K3s' flags; what else it says stays.

    `way`: "environment" hands them to K3s' installer on every node; "config" writes them into the configuration of the
    servers alone, which a cluster with worker pools needs, since K3s' agent knows no such flags.
    """
    if cluster.get("kind") != "Cluster" or not str(cluster.get("apiVersion")).startswith("provisioning.cattle.io/"):
        raise DocumentError("takes a Cluster of provisioning.cattle.io/v1")
    spec = dict(cluster.get("spec") or {})
    if way == CONFIG:
        rke = dict(spec.get("rkeConfig") or {})
        # "rkeConfig" is Rancher's word for K3s, too
        rke["machineGlobalConfig"] = {
            **(rke.get("machineGlobalConfig") or {}),
            "flannel-backend": "none",
            "disable-network-policy": True,
        }
        spec["rkeConfig"] = rke
    elif way == ENVIRONMENT:
        spec["agentEnvVars"] = _environment(spec.get("agentEnvVars") or [])
    else:
        raise DocumentError(f"'{way}' is no way to tell K3s: environment or config")
    return {**cluster, "spec": spec}


def _environment(variables: list[Document]) -> list[Document]:
    former = next((str(each.get("value") or "") for each in variables if each.get("name") == VARIABLE), "")
    names = {flag.split("=", maxsplit=1)[0] for flag in FLAGS}
    words = [word for word in former.split() if word.split("=")[0] not in names]
    value = {"name": VARIABLE, "value": " ".join([*words, *FLAGS])}
    if not any(each.get("name") == VARIABLE for each in variables):
        return [*variables, value]
    return [value if each.get("name") == VARIABLE else each for each in variables]
