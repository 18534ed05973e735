"""What the leaf switch's agent is given: its program and where its controller is."""

from __future__ import annotations

import json

from fabric_lab.rack import controller, topology
from fabric_lab.state import REPOSITORY, Lab

_SOURCE = REPOSITORY / "lab" / "agent"
_TARGET = "usr/local/lib/fabric-agent"
_SETTINGS = "etc/fabric-agent"


def program() -> dict[str, str]:
    """The agent's files, by their path in the machine."""
    return {f"{_TARGET}/{path.relative_to(_SOURCE)}": path.read_text() for path in sorted(_SOURCE.rglob("*.py"))}


def settings(lab: Lab) -> dict[str, str]:
    """The agent's settings and secrets, by their path in the machine."""
    config = {
        "controller": controller.url(lab),
        "switch": topology.LEAF,
        "ca": f"/{_SETTINGS}/ca.pem",
        "token": f"/{_SETTINGS}/token",
        "outside": {"port": topology.INTERNET.port, "address": topology.UPLINK_ADDRESS},
    }
    return {
        f"{_SETTINGS}/config.json": json.dumps(config, indent=1) + "\n",
        f"{_SETTINGS}/ca.pem": lab.ca_file.read_text(),
        f"{_SETTINGS}/token": controller.agent_token(lab),
    }
