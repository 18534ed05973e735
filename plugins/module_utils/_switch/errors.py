# SPDX-License-Identifier: Apache-2.0
"""What reaches the user as a plain sentence; a command that failed on the switch comes as the base class."""

from __future__ import annotations

from .._host_network.errors import HostNetworkError


class SwitchError(HostNetworkError):
    """Something about the switch or the options makes the change impossible; the text says what to do."""
