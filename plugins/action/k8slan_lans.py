# SPDX-License-Identifier: Apache-2.0
"""Shows how far the module of the same name is while it waits."""

from __future__ import annotations

from ansible_collections.baremetal.fabric.plugins.plugin_utils.waiting import WaitingAction


class ActionModule(WaitingAction):
    """Nothing but the wait."""
