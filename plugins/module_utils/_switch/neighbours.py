# SPDX-License-Identifier: Apache-2.0
"""What a server hears of its switch by LLDP, and how that differs from what the inventory says. Pure."""

from __future__ import annotations

from typing import Any, Mapping, Sequence


def heard(data: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """From `lldpcli -f json0 show neighbors details`: by NIC, the switch, its port by all its names, and VLANs.

    `untagged` and `tagged` are None when the switch does not tell VLANs, which is up to its own settings.
    """
    found: dict[str, dict[str, Any]] = {}
    for lldp in data.get("lldp") or ():
        for interface in lldp.get("interface") or ():
            chassis, port = (interface.get("chassis") or [{}])[0], (interface.get("port") or [{}])[0]
            names = [str(each.get("value")) for key in ("id", "descr") for each in port.get(key) or ()]
            system = (chassis.get("name") or [{}])[0].get("value")
            if not system or not names:
                continue
            vlans = [
                (int(each["vlan-id"]), str(each.get("pvid")).lower() in ("true", "yes"))
                for each in interface.get("vlan") or ()
                if str(each.get("vlan-id", "")).isdigit()
            ]
            found.setdefault(
                str(interface["name"]),
                {
                    "system": str(system),
                    "ports": names,
                    "untagged": next((vid for vid, pvid in vlans if pvid), None),
                    "tagged": sorted(vid for vid, pvid in vlans if not pvid),
                    "tells_vlans": bool(vlans),
                },
            )
    return found


def differences(now: Mapping[str, Mapping[str, Any]], expected: Sequence[Mapping[str, Any]], vlans: bool) -> list[str]:
    """One line for each NIC that does not hear what it should; `vlans`: also where VLANs are told and are others."""
    lines = []
    for each in expected:
        nic, switch, port = str(each["nic"]), str(each["switch"]), str(each["port"])
        neighbour = now.get(nic)
        if neighbour is None:
            lines.append(f"{nic} hears no LLDP; it is to hear {port} of {switch}")
            continue
        same = neighbour["system"].partition(".")[0] == switch.partition(".")[0] and port in neighbour["ports"]
        if not same:
            lines.append(
                f"{nic} hears {neighbour['ports'][0]} of {neighbour['system']}; it is to hear {port} of {switch}"
            )
        elif vlans and neighbour["tells_vlans"]:
            lines += [f"{nic}: {port} of {switch} {wrong}" for wrong in _wrong_vlans(neighbour, each)]
    return lines


def _wrong_vlans(neighbour: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """What is told and should not be, or the other way round."""
    lines = []
    told = {neighbour["untagged"], *neighbour["tagged"]}
    left = sorted(set(wanted.get("gone") or ()) & told)
    if left:
        lines.append(f"still tells VLAN {', '.join(map(str, left))}")
    # where a port that nobody uses leads to is its switch's own affair, as long as it is no network of ours
    used = wanted["untagged"] is not None or wanted["tagged"]
    if used and neighbour["untagged"] != wanted["untagged"] and neighbour["untagged"] not in left:
        expected = "none" if wanted["untagged"] is None else wanted["untagged"]
        lines.append(f"tells untagged VLAN {neighbour['untagged'] or 'none'}, not {expected}")
    missing = sorted(set(wanted["tagged"]) - set(neighbour["tagged"])) if neighbour["tagged"] else []
    if missing:
        lines.append(f"does not tell tagged VLAN {', '.join(map(str, missing))}")
    return lines
