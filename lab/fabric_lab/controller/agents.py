"""Agents of the switches: what they reported last, whether they are well, and waiting for news."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from . import fabric
from .knobs import Knobs
from .store import Record, Store

SILENCE = 15.0  # seconds without a report after which an agent counts as unhealthy


class Agents:
    """One entry per switch that has reported."""

    def __init__(self, store: Store, knobs: Knobs) -> None:
        self._store = store
        self._knobs = knobs
        # After a restart every agent gets the usual time to report again before it counts as silent.
        now = time.monotonic()
        self._heard = {record["id"]: now for record in store.all("report")}
        self._changed = asyncio.Event()

    # --- reports ---------------------------------------------------------------------------------------------------

    def receive(self, switch_id: int, report: dict[str, Any]) -> None:
        """Takes over a report; only news are written to the file."""
        self._heard[switch_id] = time.monotonic()
        known = self._store.peek("report", switch_id)
        if known is not None and known["body"] == report:
            known["seen"] = _now_ms()  # kept in memory only: not worth a write every few seconds
            return
        with self._store.transaction():
            self._store.put("report", {"id": switch_id, "seen": _now_ms(), "body": report})

    def forget(self, switch_id: int) -> None:
        if self._store.peek("report", switch_id) is not None:
            self._store.delete("report", switch_id)

    def last(self, switch_id: int) -> tuple[int, dict[str, Any]] | None:
        """When the switch reported (epoch ms) and what."""
        record = self._store.peek("report", switch_id)
        return (record["seen"], record["body"]) if record else None

    def complaint(self, switch_id: int) -> str:
        """Why a switch is not healthy; empty when it is."""
        record = self._store.peek("report", switch_id)
        if record is None:
            return "" if self._knobs.agents == "assumed" else "The switch's agent has never reported."
        silent = time.monotonic() - self._heard.get(switch_id, 0.0)
        if silent > SILENCE:
            return f"The switch's agent has not reported for {int(silent)} s."
        if not record["body"]["healthy"]:
            return str(record["body"]["message"] or "The switch's agent reports a fault.")
        return ""

    def ports(self, switch_id: int) -> dict[str, dict[str, Any]]:
        """Reported ports by name."""
        last = self.last(switch_id)
        return {port["name"]: port for port in last[1]["ports"]} if last else {}

    def leases(self, vnet_id: int) -> list[dict[str, Any]]:
        found = {}
        for record in self._store.all("report"):
            for lease in record["body"]["leases"]:
                if lease["vnet"] == vnet_id:
                    found[lease["ip"]] = lease
        return [found[ip] for ip in sorted(found)]

    # --- progress of what was ordered ------------------------------------------------------------------------------

    def done(self, progress: Record, vnets: list[int]) -> bool:
        """True once the delay is over and every awaited switch has applied its generation and these V-Nets."""
        if time.time() * 1000 < progress["readyAt"]:
            return False
        return self._knobs.agents == "assumed" or all(
            self._applied(int(switch_id), generation, vnets) for switch_id, generation in progress["awaits"].items()
        )

    def _applied(self, switch_id: int, generation: int, vnets: list[int]) -> bool:
        if self._store.peek("hw", switch_id) is None:
            return True
        last = self.last(switch_id)
        if last is None or last[1]["generation"] < generation:
            return False
        return not any(vnet["id"] in vnets and not vnet["applied"] for vnet in last[1]["vnets"])

    # --- news for agents -------------------------------------------------------------------------------------------

    def announce(self) -> None:
        """Wakes all that wait."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def news(self, switch_id: int, since: int, wait: float) -> None:
        """Returns when the switch's generation is another than `since`, or after `wait` seconds.

        Another rather than a greater one: an agent that knew an older state file must not wait for the number to
        catch up.
        """
        deadline = time.monotonic() + wait
        while fabric.generation(self._store, switch_id) == since:
            left = deadline - time.monotonic()
            if left <= 0:
                return
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                return


def _now_ms() -> int:
    return int(time.time() * 1000)
