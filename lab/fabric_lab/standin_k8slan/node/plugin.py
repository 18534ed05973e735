#!/usr/bin/python3
"""The CNI plugins k8slanveth and macvtap of the stand-in for k8slan.

Like k8slan's own they do nothing on DEL: a port goes with its pod.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

sys.path.insert(0, os.environ.get("STANDIN_K8SLAN_ROOT", "/run/k8slan"))

from standin import links  # type: ignore[import-not-found]  # where the stand-in's files are on a node

_PREFIX = "k8slan-mac-"


def add(config: dict[str, Any]) -> dict[str, Any]:
    pod, interface = os.environ["CNI_NETNS"], os.environ["CNI_IFNAME"]
    if config["type"] == "macvtap":
        mac = links.attach_macvtap(config["name"].removeprefix(_PREFIX), pod, interface)
    else:
        mac = links.attach_veth(config["veth"], pod, interface)
    return {
        "cniVersion": config["cniVersion"],
        "interfaces": [{"name": interface, "mac": mac, "sandbox": pod}],
        "ips": [],
    }


def main() -> int:
    command = os.environ.get("CNI_COMMAND")
    if command == "VERSION":
        print(json.dumps({"cniVersion": "1.0.0", "supportedVersions": ["0.3.0", "0.3.1", "0.4.0", "1.0.0"]}))
        return 0
    config = json.load(sys.stdin)
    if command != "ADD":
        return 0
    try:
        print(json.dumps(add(config)))
    except links.NoLink as error:
        print(json.dumps({"cniVersion": config["cniVersion"], "code": 100, "msg": f"stand-in for k8slan: {error}"}))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
