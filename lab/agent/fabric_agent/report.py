"""What the agent tells the controller."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fabric_agent import dhcp
from fabric_agent.desired import Desired
from fabric_agent.observe import Observed, run

_SYSFS = Path("/sys/class/net")
# partner in sync, collecting and distributing
_LACP_ACTIVE = 0x08 | 0x10 | 0x20


def decode_lldp(data: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Neighbours by local port, from ``lldpcli -f json0 show neighbors``."""
    found = {}
    for lldp in data.get("lldp") or ():
        for interface in lldp.get("interface") or ():
            chassis, port = interface.get("chassis") or [{}], interface.get("port") or [{}]
            names, ids = chassis[0].get("name") or [], port[0].get("id") or []
            if names and ids:
                found[interface["name"]] = {"system": names[0]["value"], "port": ids[0]["value"]}
    return found


def neighbours() -> dict[str, dict[str, str]]:
    """LLDP neighbours; none while the LLDP daemon is starting."""
    try:
        return decode_lldp(json.loads(run(["lldpcli", "-f", "json0", "show", "neighbors"]) or "{}"))
    except (RuntimeError, json.JSONDecodeError):
        return {}


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None


def _member_up(member: str, lacp: bool) -> bool:
    slave = _SYSFS / member / "bonding_slave"
    if lacp:
        state = _number(slave / "ad_partner_oper_port_state") or 0
        return state & _LACP_ACTIVE == _LACP_ACTIVE
    try:
        return (slave / "mii_status").read_text().strip() == "up"
    except OSError:
        return False


def leases(desired: Desired) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    for vnet in desired.vnets:
        try:
            text = dhcp.lease_file(vnet.id).read_text()
        except FileNotFoundError:
            continue
        found += [{"vnet": vnet.id, **lease} for lease in dhcp.leases(text)]
    return found


def build(
    switch: str, desired: Desired, observed: Observed, lldp: dict[str, dict[str, str]], problems: list[str]
) -> dict[str, Any]:
    """The report on the switch as it is now."""
    ports = []
    for port in desired.ports:
        link = observed.links.get(port.name)
        oper = link is not None and link.up and link.oper
        ports.append(
            {
                "name": port.name,
                "oper": "up" if oper else "down",
                "speed": _number(_SYSFS / port.name / "speed") if oper else None,
                "mtu": link.mtu if link else 0,
                "lldp": lldp.get(port.name),
            }
        )
    return {
        "switch": switch,
        "generation": desired.generation,
        "healthy": not problems,
        "message": "; ".join(problems),
        "ports": ports,
        "lags": [
            {"name": lag.name, "up_members": [member for member in lag.members if _member_up(member, lag.lacp)]}
            for lag in desired.lags
        ],
        "vnets": [
            {"id": vnet.id, "applied": not any(f"V-Net {vnet.name}:" in text for text in problems)}
            for vnet in desired.vnets
            if vnet.id  # the outside is no V-Net of the controller's
        ],
        "leases": leases(desired),
    }
