# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""Runs the module of the same name and frames its run by the clock of the machine that runs Ansible."""

from __future__ import annotations

import time
from typing import Any

from ansible.plugins.action import ActionBase


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """Adds ``window`` to what the module returns: the only clock that all servers of a run have in common."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        dispatched = time.time()
        result.update(self._execute_module(task_vars=task_vars))
        result["window"] = {"dispatched": dispatched, "received": time.time()}
        return result
