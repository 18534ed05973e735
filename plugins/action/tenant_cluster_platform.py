# SPDX-License-Identifier: Apache-2.0
"""Shows how far the module of the same name is while it waits."""

from __future__ import annotations

from typing import Any

from ansible_collections.baremetal.fabric.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Knows in each slice which deployment the first one has replaced."""

    def _carried(self, result: dict[str, Any]) -> dict[str, Any]:
        return {"replaces": result["replaces"]} if result.get("replaces") else {}
