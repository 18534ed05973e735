# SPDX-License-Identifier: Apache-2.0
"""Where bare-metal servers are in the fabric, and where they shall be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from .fabric_rules import check_agents, check_server
from .model import Model
from .observed import ObservedFabric
from .problems import IntentError, Problems


@dataclass(frozen=True)
class Move:
    """One server's; `source` and `target` are tenant clusters by their inventory names, empty for parking."""

    server: str
    source: str
    target: str

    @property
    def needed(self) -> bool:
        return self.source != self.target

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "needed": self.needed}

    def __str__(self) -> str:
        if not self.needed:
            return f"server {self.server}: stays {_place(self.target)}"
        return f"server {self.server}: moves from {_place(self.source, '')} to {_place(self.target, '')}"


def intended(model: Model, servers: list[str]) -> dict[str, str]:
    """By server, the tenant cluster that the inventory gives it to; empty for parking."""
    return {name: model.bare_metal[name].tenant_cluster or "" for name in servers}


def moves(model: Model, observed: ObservedFabric, targets: Mapping[str, str]) -> list[Move]:
    """What has to be done for these servers; raises IntentError with everything that stands in the way."""
    problems = Problems()
    for path, message in observed.obstacles:
        problems.add(path, message)
    found = []
    involved = {}
    for server, target in targets.items():
        netris_name = model.bare_metal[server].netris_name
        if target:
            involved[server] = (netris_name, True)
        check_server(model, observed, server, netris_name, bool(target), problems, parked=not target)
        _check_target(model, observed, server, target, problems)
        found.append(Move(server, _source(model, observed, server, target, problems), target))
    check_agents(model, observed, involved, problems)
    if problems:
        raise IntentError(problems.as_list())
    return found


def _check_target(model: Model, observed: ObservedFabric, server: str, target: str, problems: Problems) -> None:
    if target and model.tenant_clusters[target].netris_name not in observed.clusters:
        problems.add(
            f"{server}.fabric_tenant_cluster",
            f"tenant cluster '{target}' does not exist on the fabric; make it with tenant_create, which takes parked"
            " servers along",
        )


def _source(model: Model, observed: ObservedFabric, server: str, target: str, problems: Problems) -> str:
    ours = {each.netris_name: each.name for each in model.tenant_clusters.values()}
    netris_name = model.bare_metal[server].netris_name
    holders = [each.name for each in observed.clusters.values() if netris_name in each.dedicated]
    for holder in holders:
        if holder not in ours:
            problems.add(
                server,
                f"server '{netris_name}' is held by '{holder}', which is no tenant cluster of this inventory;"
                " release it there first",
            )
    names = sorted(ours[holder] for holder in holders if holder in ours)
    # An interrupted move by hand may have left it in two; then it is the other one that it comes from.
    return next((name for name in names if name != target), names[0] if names else "")


def _place(name: str, word: str = "in ") -> str:
    return f"{word}'{name}'" if name else ("parked" if word else "parking")
