"""The wrapper around every answer.

Official clients decode it strictly: `errors` must be an object, `meta.apiVersion` a string, `meta.statusCode` an
integer, and `data` of anything but a list must be an object or null.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def envelope(
    data: Any, *, status: int = 200, message: str = "", errors: dict[str, str] | None = None, **meta: Any
) -> dict[str, Any]:
    """The body as a dictionary."""
    return {
        "data": data,
        "errors": errors or {},
        "message": message,
        "isSuccess": status < 400,
        "meta": {"apiVersion": "v2", "statusCode": status, **meta},
    }


class JsonResponse(Response):
    """A compact JSON answer."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        return json.dumps(content, separators=(",", ":")).encode()


def failure(status: int, message: str, errors: dict[str, str] | None = None) -> JsonResponse:
    """An error in the same envelope."""
    return JsonResponse(envelope(None, status=status, message=message, errors=errors), status)
