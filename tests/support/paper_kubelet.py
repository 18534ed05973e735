"""Stands in for nodes in tests of what waits for pods: every pod of the cluster is said to be running and ready.

python -m tests.support.paper_kubelet KUBECONFIG [PID FILE]
"""

from __future__ import annotations

import sys
import time
from typing import Any

from kubernetes import client, config

_FINE = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}


def tend(core: Any) -> None:
    """One round over all pods."""
    for pod in core.list_pod_for_all_namespaces().items:
        if pod.metadata.deletion_timestamp is None and (pod.status.phase or "Pending") == "Pending":
            core.patch_namespaced_pod_status(pod.metadata.name, pod.metadata.namespace, {"status": _FINE})


def main(arguments: list[str]) -> None:
    config.load_kube_config(arguments[0])
    core = client.CoreV1Api()
    while True:
        try:
            tend(core)
        except client.ApiException as error:
            if error.status not in (404, 409):  # somebody was faster
                raise
        time.sleep(0.5)


if __name__ == "__main__":
    main(sys.argv[1:])
