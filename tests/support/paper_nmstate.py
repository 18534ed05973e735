"""Stands in for kubernetes-nmstate in tests of what waits for it: enactments come and go as by its handlers.

python -m tests.support.paper_nmstate KUBECONFIG

No device is made. A node with the annotation paper-nmstate/fails refuses every policy, with its value as the message;
one with paper-nmstate/silent has no handler. It begins once the real CRDs are there.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

from kubernetes import client, config

FAILS, SILENT = "paper-nmstate/fails", "paper-nmstate/silent"
_GROUP, _POLICIES, _ENACTMENTS = "nmstate.io", "nodenetworkconfigurationpolicies", "nodenetworkconfigurationenactments"


def tend(core: Any, custom: Any) -> None:
    """One round over all policies."""
    policies = custom.list_cluster_custom_object(_GROUP, "v1", _POLICIES)["items"]
    there = {
        each["metadata"]["name"]: each
        for each in custom.list_cluster_custom_object(_GROUP, "v1beta1", _ENACTMENTS)["items"]
    }
    wanted = set()
    nodes = core.list_node().items
    for policy in policies:
        selector = (policy.get("spec") or {}).get("nodeSelector") or {}
        for node in nodes:
            labels, notes = node.metadata.labels or {}, node.metadata.annotations or {}
            if SILENT in notes or any(labels.get(key) != value for key, value in selector.items()):
                continue
            name = f"{node.metadata.name}.{policy['metadata']['name']}"
            wanted.add(name)
            _enact(custom, name, there.get(name), policy, notes.get(FAILS))
    for name in set(there) - wanted:
        custom.delete_cluster_custom_object(_GROUP, "v1beta1", _ENACTMENTS, name)


def _enact(custom: Any, name: str, enactment: Any, policy: dict[str, Any], refusal: str | None) -> None:
    generation = policy["metadata"]["generation"]
    if enactment is None:
        metadata = {"name": name, "labels": {"nmstate.io/policy": policy["metadata"]["name"]}}
        body = {"apiVersion": "nmstate.io/v1beta1", "kind": "NodeNetworkConfigurationEnactment", "metadata": metadata}
        custom.create_cluster_custom_object(_GROUP, "v1beta1", _ENACTMENTS, body)
    elif (enactment.get("status") or {}).get("policyGeneration") == generation:
        return
    status = {
        "policyGeneration": generation,
        "desiredState": (policy.get("spec") or {}).get("desiredState"),
        "conditions": [
            {"type": "Available", "status": "False" if refusal else "True", "reason": "SuccessfullyConfigured"},
            {
                "type": "Failing",
                "status": "True" if refusal else "False",
                "reason": "FailedToConfigure",
                "message": refusal or "",
            },
        ],
    }
    custom.patch_cluster_custom_object_status(_GROUP, "v1beta1", _ENACTMENTS, name, {"status": status})


def serve(kubeconfig: Path, over: Any = None) -> None:
    """Until `over` (an event of threading) is set, or for ever."""
    api = config.new_client_from_config(str(kubeconfig))
    core, custom = client.CoreV1Api(api), client.CustomObjectsApi(api)
    while over is None or not over.is_set():
        try:
            tend(core, custom)
        except client.ApiException as error:
            if error.status not in (404, 409):  # no CRDs yet, or somebody was faster
                raise
        time.sleep(0.2)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
