# SPDX-License-Identifier: Apache-2.0
"""What stands between a TenantControlPlane and a running control plane, from one look at the host cluster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._kube.documents.kamaji import KIND
from .._kube.readiness import judge
from . import spec_rules

#: An API server has one for each group and version of its CRDs; the CRDs themselves are a megabyte.
API = "v1alpha1.kamaji.clastix.io"
CERT_MANAGER = "v1.cert-manager.io"
#: What Kamaji takes where a TenantControlPlane names none, as its chart is set by default.
DEFAULT_DATASTORE = "default"

Document = Mapping[str, Any]


def obstacles(
    document: Document, found: Sequence[Document], refused: Sequence[str] = (), upgrade: bool = False
) -> list[str]:
    """A sentence for each; `found` is what the host cluster has of Kamaji and of this tenant cluster.

    `refused` are the kinds that it may not be asked for: what hangs on them is left to Kamaji itself.
    `upgrade`: nodes follow the control plane to the next minor.
    """
    apis = {name for each in found if each.get("kind") == "APIService" for name in [each["metadata"]["name"]]}
    if API not in apis and "APIService" not in refused:
        first = "" if CERT_MANAGER in apis else "cert-manager (its webhooks need certificates) and then "
        return [
            f"Kamaji is not in the host cluster: install {first}Kamaji's chart, which also makes the DataStore"
            f" {DEFAULT_DATASTORE}, for example with: helm install kamaji clastix/kamaji --namespace kamaji-system"
            " --create-namespace"
        ]
    told = [
        f"Kamaji does not run: Deployment {each['metadata']['namespace']}/{each['metadata']['name']}:"
        f" {judge(dict(each)).progress}"
        for each in found
        if each.get("kind") == "Deployment" and not judge(dict(each)).ready
    ]
    present = next((each for each in found if each.get("kind") == KIND), None)
    if "DataStore" not in refused:
        told += _data_store(document["spec"].get("dataStore"), found, present is not None)
    if present is not None:
        told += spec_rules.refused_changes(present.get("spec") or {}, document["spec"], upgrade)
    return told


def _data_store(named: str | None, found: Sequence[Document], exists: bool) -> list[str]:
    stores = {each["metadata"]["name"]: each for each in found if each.get("kind") == "DataStore"}
    if named is None:
        if stores or exists:
            return []  # which of them, Kamaji's own options say
        return ["the host cluster has no DataStore: Kamaji's chart makes one, or apply one of your own"]
    if named not in stores:
        known = ", ".join(sorted(stores)) or "none"
        return [f"there is no DataStore '{named}' (tenant_cluster_kamaji.datastore); known: {known}"]
    verdict = judge(dict(stores[named]))
    return [] if verdict.ready else [f"DataStore '{named}' is not ready: {verdict.progress}"]
