# SPDX-License-Identifier: Apache-2.0
"""Who is attached to which network, told from pods and virtual machines. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .._kube.documents.common import NETWORKS_ANNOTATION

Document = dict[str, Any]
#: A virtual machine's own pod, which is attached in its name.
_LAUNCHER = "virt-launcher"


@dataclass(frozen=True)
class Consumer:
    """A pod or a virtual machine, and the attachment that it names."""

    kind: str
    namespace: str
    name: str
    attachment: tuple[str, str]

    @property
    def shown(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


def selections(annotation: str, namespace: str) -> list[tuple[str, str]]:
    """(namespace, name) of the attachments in a pod's annotation, in either of its two spellings."""
    text = annotation.strip()
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except ValueError:
            return []
        return [
            (str(each.get("namespace") or namespace), str(each["name"]))
            for each in listed
            if isinstance(each, dict) and each.get("name")
        ]
    found = []
    for item in text.split(","):
        place, _slash, name = item.strip().partition("@")[0].rpartition("/")
        if name.strip():
            found.append((place.strip() or namespace, name.strip()))
    return found


def consumers(pods: Iterable[Document], machines: Iterable[Document]) -> list[Consumer]:
    return sorted([*_of_pods(pods), *_of_machines(machines)], key=lambda each: (each.attachment, each.shown))


def _of_pods(pods: Iterable[Document]) -> Iterator[Consumer]:
    for pod in pods:
        metadata, status = pod["metadata"], pod.get("status") or {}
        if metadata.get("deletionTimestamp") or status.get("phase") in ("Succeeded", "Failed"):
            continue
        if (metadata.get("labels") or {}).get("kubevirt.io") == _LAUNCHER:
            continue
        namespace = str(metadata["namespace"])
        annotation = str((metadata.get("annotations") or {}).get(NETWORKS_ANNOTATION, ""))
        for each in selections(annotation, namespace):
            yield Consumer("Pod", namespace, str(metadata["name"]), each)


def _of_machines(machines: Iterable[Document]) -> Iterator[Consumer]:
    for machine in machines:
        metadata = machine["metadata"]
        namespace = str(metadata["namespace"])
        instance = ((machine.get("spec") or {}).get("template") or {}).get("spec") or {}
        for network in instance.get("networks") or []:
            named = str((network.get("multus") or {}).get("networkName", ""))
            for each in selections(named, namespace):
                yield Consumer("VirtualMachine", namespace, str(metadata["name"]), each)
