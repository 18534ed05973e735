# SPDX-License-Identifier: Apache-2.0
"""The one exception that reaches the user as a plain sentence."""

from __future__ import annotations


class HostNetworkError(Exception):
    """Something about the server or the options makes the change impossible; the text says what to do."""

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details
