# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""Verdicts as people read them. Pure and private."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .evaluate import APART, FAILED, NOT_PROVEN, PASSED, Verdict

_WORST = (FAILED, NOT_PROVEN, PASSED)


def matrix(verdicts: Sequence[Verdict]) -> dict[str, dict[str, dict[str, str]]]:
    """Row, column, layer: the worst verdict of all that fall there."""
    cells: dict[str, dict[str, dict[str, str]]] = {}
    for each in verdicts:
        cell = cells.setdefault(each.row, {}).setdefault(each.column, {})
        cell[each.layer] = min(cell.get(each.layer, PASSED), each.verdict, key=_WORST.index)
    return cells


def table(verdicts: Sequence[Verdict]) -> list[str]:
    """The isolation matrix as aligned lines."""
    names = sorted({each.row for each in verdicts} | {each.column for each in verdicts})
    grid = [["from \\ to", *names]]
    grid += [
        [row, *(_cell([v for v in verdicts if (v.row, v.column) == (row, column)]) for column in names)]
        for row in names
    ]
    return _aligned(grid)


def tenants(given: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each tenant cluster in a few words: what the fabric gave it, where its API is, and its nodes."""
    return [
        {
            "name": name,
            "vlan_id": given["facts"].get(name, {}).get("fabric_vlan_id"),
            "subnet": given["facts"].get(name, {}).get("fabric_subnet"),
            "api_endpoint": f"{given['facts'].get(name, {}).get('fabric_vip')}:{tenant['api_port']}",
            "nodes": list(given["clusters"].get(name, {}).get("nodes", [])),
        }
        for name, tenant in sorted(given["model"]["tenant_clusters"].items())
    ]


def summary(given: Mapping[str, Any]) -> list[str]:
    """The tenant clusters as aligned lines, one per node."""
    grid = [["tenant cluster", "VLAN", "subnet", "API endpoint", "node", "state", "version", "address"]]
    for tenant in tenants(given):
        head = [tenant["name"], str(tenant["vlan_id"]), str(tenant["subnet"]), tenant["api_endpoint"]]
        rows = [[n["name"], n["state"], n["version"], ", ".join(n["addresses"])] for n in tenant["nodes"]]
        grid += [head + row for row in rows or [["none", "", "", ""]]]
    return _aligned(grid)


def complaints(verdicts: Sequence[Verdict]) -> list[str]:
    """One line for each."""
    return [f"{each.layer}: {each.subject}: {each.reason}" for each in verdicts]


def causes(verdicts: Sequence[Verdict]) -> list[str]:
    """One line for each reason: a server that hears nothing spoils the proof of everything about it."""
    by_reason: dict[str, list[Verdict]] = {}
    for each in verdicts:
        by_reason.setdefault(each.reason, []).append(each)
    return [
        f"{found[0].layer}: {found[0].subject}{f' and {len(found) - 1} more' if len(found) > 1 else ''}: {reason}"
        for reason, found in by_reason.items()
    ]


def _cell(verdicts: Sequence[Verdict]) -> str:
    if not verdicts:
        return "-"
    failed = [each for each in verdicts if each.verdict == FAILED]
    if failed:
        return f"FAILED ({len(failed)} of {len(verdicts)})"
    unproven = [each for each in verdicts if each.verdict == NOT_PROVEN]
    if unproven:
        return f"not proven ({len(unproven)} of {len(verdicts)})"
    expected = {each.expected for each in verdicts}
    words = "apart" if expected == {APART} else "together" if APART not in expected else "as wanted"
    return f"{words} ({len(verdicts)})"


def _aligned(grid: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(line[index]) for line in grid) for index in range(len(grid[0]))]
    return ["  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in grid]
