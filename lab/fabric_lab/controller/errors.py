"""The one exception that ends a request with an answer other than success."""

from __future__ import annotations


class ApiError(Exception):
    """Refusal of a request: HTTP status, message for people, and per-property messages."""

    def __init__(self, message: str, status: int = 400, errors: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.errors = errors or {}


def invalid(field: str, message: str) -> ApiError:
    """A bad value of one property. Clients read only strings in `errors`, so it stays a flat map of strings."""
    return ApiError(message, 400, {field: message})


def not_found(message: str = "Not found.") -> ApiError:
    """An id that does not exist."""
    return ApiError(message, 404)
