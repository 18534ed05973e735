# SPDX-License-Identifier: Apache-2.0
"""Shows how far the module of the same name is while it waits."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.fabric.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Knows in each slice what the first one has replaced, and that a namespace was that of one that goes."""

    def _carried(self, result: dict[str, Any]) -> dict[str, Any]:
        carried = {"replaces": result["replaces"]} if result.get("replaces") else {}
        return {**carried, "namespace_taken": result["namespace_taken"]} if "namespace_taken" in result else carried
