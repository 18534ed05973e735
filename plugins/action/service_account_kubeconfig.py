# SPDX-License-Identifier: Apache-2.0
"""Runs the module of the same name without loading the Kubernetes library anew, where that is possible."""

from __future__ import annotations

from ansible_collections.baremetal.fabric.plugins.plugin_utils.direct import DirectAction


class ActionModule(DirectAction):
    """Nothing but the module."""
