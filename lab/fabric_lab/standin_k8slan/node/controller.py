"""The stand-in's Deployment: two network attachments for each spoke, as k8slan 0.0.2 makes them."""

from __future__ import annotations

import json
import sys

from .api import NETWORKS, Api, Object, Over, Refused
from .rounds import keep, say

_SECONDS = 1.0


def attachments(lan: Object) -> list[Object]:
    metadata = lan["metadata"]
    owner = {
        "apiVersion": "lan.k8slan.io/v1beta1",
        "kind": "LAN",
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    made = []
    for spoke in lan["spec"]["spokes"]:
        for kind, plugin in (("veth", {"type": "k8slanveth", "veth": spoke}), ("mac", {"type": "macvtap"})):
            name = f"k8slan-{kind}-{spoke}"
            made.append(
                {
                    "apiVersion": "k8s.cni.cncf.io/v1",
                    "kind": "NetworkAttachmentDefinition",
                    "metadata": {
                        "name": name,
                        "annotations": {"k8s.v1.cni.cncf.io/resourceName": f"macvtap.k8slan.io/{name}"},
                        "ownerReferences": [owner],
                    },
                    "spec": {"config": json.dumps({"cniVersion": "0.3.1", "name": name, **plugin})},
                }
            )
    return made


def tend(api: Api) -> float:
    there = {
        each["metadata"]["name"] for each in api.request("GET", f"{NETWORKS}/network-attachment-definitions")["items"]
    }
    for lan in api.lans():
        if lan["metadata"].get("deletionTimestamp"):
            continue
        for each in attachments(lan):
            # in whatever namespace, as k8slan has it
            if each["metadata"]["name"] not in there:
                place = f"{NETWORKS}/namespaces/{lan['metadata']['namespace']}/network-attachment-definitions"
                api.request("POST", place, each)
    return _SECONDS


def main() -> int:
    api = Api()
    try:
        keep(lambda: tend(api), (Refused, OSError), _SECONDS)
    except Over as error:
        say(f"{error}: start again with a new one")
        return 1


if __name__ == "__main__":
    sys.exit(main())
