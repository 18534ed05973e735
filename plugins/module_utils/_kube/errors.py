"""What can go wrong between us and a Kubernetes API, in words that a user can act upon."""

from __future__ import annotations

from typing import Any


class KubeError(Exception):
    """A request that the API refused, or a state that cannot be worked with."""

    def __init__(self, message: str, *, status: int = 0, reason: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.reason = reason


class Unreachable(KubeError):
    """Nothing answers, or there is no kubeconfig yet: on a first plan that means "everything is still to be made"."""


class Gone(Unreachable):
    """There is no such tenant cluster in the host cluster: not yet, or not any more."""


class UnknownKind(KubeError):
    """The API answers but does not serve this kind: its CRD is not there (yet)."""

    def __init__(self, api_version: str, kind: str) -> None:
        super().__init__(
            f"the cluster does not serve {kind} of {api_version}; is its CustomResourceDefinition installed?",
            status=404,
        )
        self.api_version = api_version
        self.kind = kind


class WaitTimeout(KubeError):
    """A condition that did not come in time; the message carries the evidence, `result` what was done before."""

    result: dict[str, Any]

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.result = {}
