# SPDX-License-Identifier: Apache-2.0
"""Long waits that can be watched: a module that waits is run in slices, and between them its news are shown."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.baremetal.fabric.plugins.plugin_utils.direct import DirectAction

#: Long enough not to be a burden, short enough not to look dead.
SLICE_SECONDS = 20
DEFAULT_TIMEOUT = 300

display = Display()


def within(seconds: float) -> str:
    """For messages; nothing where nobody waited."""
    return f" within {seconds:.0f} s" if seconds else ""


class WaitingAction(DirectAction):
    """Runs the module of the same name, with its wait_timeout cut into slices.

    The module knows only its slice, the last of which may be of no length: how long it was in all is said here.
    """

    _supports_async = False

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = ActionBase.run(self, tmp, task_vars)
        arguments = dict(self._task.args)
        total = float(arguments.get("wait_timeout", DEFAULT_TIMEOUT))
        deadline = time.monotonic() + total
        earlier: dict[str, Any] = {}
        while True:
            remaining = max(deadline - time.monotonic(), 0)
            arguments["wait_timeout"] = int(min(SLICE_SECONDS, remaining) + 0.5)
            result.update(self._call(arguments, task_vars or {}))
            over = time.monotonic() >= deadline
            if not result.get("timed_out") or over:
                break
            # What the first slice has changed, the next ones find done.
            if result.get("changed") and not earlier:
                earlier = {key: result[key] for key in ("changed", "objects", "diff") if key in result}
            self._tell(str(result.get("msg", "")), task_vars or {}, int(deadline - time.monotonic()))
            arguments.update(self._carried(result))
            result = {}
        result.update(earlier)
        if result.get("timed_out"):
            waited = f"gave up after {total:.0f} s: " if total else ""
            result["msg"] = f"{waited}{result.get('msg', '')}"
        return result

    def _carried(self, _result: dict[str, Any]) -> dict[str, Any]:
        """Arguments that the next slice gets besides the task's own, from the result of the one that ran out."""
        return {}

    def _tell(self, message: str, task_vars: dict[str, Any], left: int) -> None:
        """How far it is and what the first pod waits for, without the evidence that is only of interest in the end."""
        lines = [line for line in message.splitlines() if line.strip()]
        news = next((line for line in lines[1:] if not line.startswith(" ")), lines[0] if lines else "")
        pod = next((line for line in lines if line.startswith("  pod ")), "")
        told = "; ".join(part.strip() for part in (news, pod) if part)
        display.display(f"  {task_vars.get('inventory_hostname', '')}: waiting, {left} s left: {told}")
