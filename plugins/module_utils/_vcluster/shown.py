# SPDX-License-Identifier: Apache-2.0
"""Values of a control plane as anybody may read them."""

from __future__ import annotations

from typing import Any

from .._kube.compare import HIDDEN, HIDDEN_CHANGED
from .._kube.documents.common import merge
from .paths import Values, at, nested

#: The address of an external database has its password in it.
SECRETS = ("controlPlane.backingStore.database.external.dataSource",)


def hidden(values: Values, before: Values | None = None) -> dict[str, Any]:
    """The values without secrets, yet so that one that is other than `before` shows as changed."""
    result = dict(values)
    for path in SECRETS:
        secret, former = at(values, path), at(before, path)
        if secret:
            result = merge(result, nested(path, HIDDEN_CHANGED if former and former != secret else HIDDEN))
    return result
