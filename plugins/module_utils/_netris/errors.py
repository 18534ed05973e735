# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""What can go wrong between us and a controller. Every message says what to do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class NetrisError(Exception):
    """Base of everything that this package raises on purpose."""


class ConnectionFailed(NetrisError):
    """The controller could not be reached, or what answered is not a controller."""


class LoginFailed(NetrisError):
    """The controller refused the credentials."""


class OutcomeUnknown(NetrisError):
    """A write was sent and its answer was lost: it may or may not have been carried out."""


class RequestFailed(NetrisError):
    """The controller answered and refused."""

    def __init__(self, method: str, path: str, status: int, reason: str) -> None:
        self.method = method
        self.path = path
        self.status = status
        self.reason = reason
        super().__init__(f"{method} {path}: the controller answered {status}: {reason}")


class ObjectFailed(NetrisError):
    """An operation on one object of the plan failed."""


class Conflict(NetrisError):
    """Somebody else keeps changing what we change, or the controller does not keep what it accepted."""


class WaitTimeout(NetrisError):
    """Something did not become what it should within the time given."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in a document."""

    path: str
    message: str

    def as_dict(self) -> dict[str, Any]:
        return {"path": self.path, "message": self.message}


class DocumentInvalid(NetrisError):
    """All mistakes of a document at once; nothing has been written."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        lines = "\n".join(f"  {mistake.path}: {mistake.message}" for mistake in self.mistakes)
        count = len(self.mistakes)
        super().__init__(f"{count} mistake{'s' if count != 1 else ''} in the document, nothing was changed:\n{lines}")
