# SPDX-License-Identifier: Apache-2.0
"""Shows how far the module of the same name is while it waits."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.fabric.plugins.plugin_utils.direct import DirectAction
from ansible_collections.baremetal.fabric.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Only a node that shall be Ready is waited for in slices. Pods are given drain_timeout once, not once a slice."""

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        if self._task.args.get("state", "ready") == "ready":
            return super().run(tmp, task_vars)
        return DirectAction.run(self, tmp, task_vars)
