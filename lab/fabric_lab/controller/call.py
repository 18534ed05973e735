"""One API request as the noun handlers see it, and their replies."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from starlette.datastructures import QueryParams

from .core import Controller
from .errors import invalid, not_found
from .store import Record, Store
from .values import mapping, to_int


@dataclass(frozen=True)
class Reply:
    """Data and message of an answer; `meta` adds to the envelope's, `cookies` sets cookies."""

    data: Any = None
    message: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    status: int = 200


@dataclass(frozen=True)
class Call:
    """A decoded request."""

    controller: Controller
    params: Mapping[str, Any]
    query: QueryParams
    raw: Any
    cookies: Mapping[str, str]

    @property
    def store(self) -> Store:
        return self.controller.store

    @property
    def body(self) -> dict[str, Any]:
        return mapping(self.raw, "body")

    def record(self, kind: str, message: str = "Not found.") -> Record:
        """The record that the path names by id."""
        value = str(self.params["id"])
        record = self.store.get(kind, int(value)) if value.isdecimal() else None
        if record is None:
            raise not_found(message)
        return record

    def sites(self) -> set[int] | None:
        """`filterBySites[]=1&filterBySites[]=2` or `filterBySites=1,2`; None when not asked for."""
        values = [*self.query.getlist("filterBySites[]"), *self.query.getlist("filterBySites")]
        found = {to_int(part, "filterBySites") for value in values for part in value.split(",") if part.strip()}
        return found or None

    def vpc(self) -> set[int] | None:
        values = [*self.query.getlist("filterByVpc"), *self.query.getlist("filterByVpc[]")]
        found = {to_int(part, "filterByVpc") for value in values for part in value.split(",") if part.strip()}
        return found or None

    def number(self, name: str, default: int = 0) -> int:
        """A number in the query."""
        return to_int(self.query.get(name) or default, name)

    def body_ids(self) -> list[int]:
        """The `id` of a v1 DELETE's body: a number or a list of them."""
        value = self.body.get("id")
        if value is None:
            raise invalid("id", "id is required.")
        return [to_int(item, "id") for item in (value if isinstance(value, list) else [value])]


Handler = Callable[[Call], Reply]


@dataclass(frozen=True)
class Route:
    """A method and path with the function that answers it."""

    method: str
    path: str
    handler: Handler
    public: bool = False


def created(identifier: int) -> Reply:
    return Reply({"id": identifier}, "Successfully created.")


def updated(identifier: int) -> Reply:
    return Reply({"id": identifier}, "Successfully updated.")


def deleted() -> Reply:
    return Reply(None, "Successfully deleted.")


def crud(path: str, listing: Handler, one: Handler, post: Handler, put: Handler, delete: Handler) -> list[Route]:
    """The five routes of a v2 noun."""
    return [
        Route("GET", path, listing),
        Route("POST", path, post),
        Route("GET", path + "/{id}", one),
        Route("PUT", path + "/{id}", put),
        Route("DELETE", path + "/{id}", delete),
    ]
