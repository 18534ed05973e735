"""Whether the leaf's agent does its work, as the controller sees it."""

from __future__ import annotations

import time

from fabric_lab.rack import controller, topology
from fabric_lab.state import Lab, LabError


def wait_healthy(lab: Lab, timeout: float = 60) -> None:
    """Wait until the agent reported that the switch is what the controller says."""
    api = controller.Api(lab)
    api.login()
    deadline = time.monotonic() + timeout
    while complaint := _complaint(api):
        if time.monotonic() > deadline:
            raise LabError(f"{topology.LEAF}: {complaint} See `journalctl -u fabric-agent` there")
        time.sleep(0.3)


def _complaint(api: controller.Api) -> str:
    """Why the leaf is not healthy; empty when it is."""
    devices = api.request("GET", "/api/v2/hw?type=switch")
    for device in devices if isinstance(devices, list) else []:
        if device["name"] == topology.LEAF:
            return "" if device["status"] == "OK" else str(device["health"]["message"])
    return "the controller does not know it."
