"""The stand-in's DaemonSet: brings LANs, their finalizers and the node's resources together, every second."""

from __future__ import annotations

import os
import sys
from typing import Any

from . import links
from .api import LANS, MERGE, Api, Object, Over, Refused
from .rounds import keep, say

_RESOURCES = "macvtap.k8slan.io/k8slan-"
_SECONDS = 1.0


def resources(spec: Object) -> list[str]:
    return [f"{_RESOURCES}{kind}-{spoke}" for spoke in spec["spokes"] for kind in ("veth", "mac")]


def capacity_change(present: dict[str, Any], wanted: list[str]) -> dict[str, str | None]:
    """What to write to a node's capacity: one of each that is offered, and none of what is not any more."""
    made: dict[str, str | None] = {name: "1" for name in wanted if present.get(name) != "1"}
    gone = [name for name in present if name.startswith(_RESOURCES) and name not in wanted]
    return {**made, **dict.fromkeys(gone)}


class Agent:
    def __init__(self, api: Api, host: str, node: str) -> None:
        self.api = api
        self.host = host
        self.node = node
        self._told: dict[str, str] = {}

    def round(self) -> float:
        lans = self.api.lans()
        offered: list[str] = []
        for lan in lans:
            name = lan["metadata"]["name"]
            try:
                if lan["metadata"].get("deletionTimestamp"):
                    self._leave(lan)
                else:
                    self._join(lan)
                    offered += resources(lan["spec"])
                self._told.pop(name, None)
            except (links.NoLink, Refused) as error:
                if self._told.get(name) != str(error):
                    self._told[name] = str(error)
                    say(f"{name}: {error}")
        for stale in set(links.known()) - {lan["spec"]["ns"] for lan in lans}:
            links.remove(stale)
        self._offer(offered)
        return _SECONDS

    def _join(self, lan: Object) -> None:
        finalizers = lan["metadata"].get("finalizers") or []
        if self._finalizer not in finalizers:
            self._patch(lan, [*finalizers, self._finalizer])
        links.ensure(lan["spec"], self.host)

    def _leave(self, lan: Object) -> None:
        finalizers = lan["metadata"].get("finalizers") or []
        if self._finalizer in finalizers:
            links.remove(lan["spec"]["ns"])
            self._patch(lan, [each for each in finalizers if each != self._finalizer])

    @property
    def _finalizer(self) -> str:
        return f"finalizer.k8slan.io/{self.host}"

    def _patch(self, lan: Object, finalizers: list[str]) -> None:
        metadata = lan["metadata"]
        path = f"{LANS}/namespaces/{metadata['namespace']}/lans/{metadata['name']}"
        # the version that was read: other nodes write the same list
        kept = {"finalizers": finalizers, "resourceVersion": metadata["resourceVersion"]}
        self.api.request("PATCH", path, {"metadata": kept}, MERGE)

    def _offer(self, wanted: list[str]) -> None:
        status = self.api.request("GET", f"/api/v1/nodes/{self.node}").get("status") or {}
        change = capacity_change(status.get("capacity") or {}, wanted)
        if change:
            body = {"status": {"capacity": change, "allocatable": change}}
            self.api.request("PATCH", f"/api/v1/nodes/{self.node}/status", body, MERGE)


def main() -> int:
    agent = Agent(Api(), os.uname().nodename, os.environ["NODE_NAME"])
    say(f"stand-in for k8slan on {agent.host}")
    try:
        keep(agent.round, (Refused, OSError), _SECONDS)
    except Over as error:
        say(f"{error}: start again with a new one")
        return 1


if __name__ == "__main__":
    sys.exit(main())
