"""The ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route as HttpRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from . import agent_api, lab_api
from .call import Route
from .core import Controller
from .dispatch import endpoint
from .envelope import failure
from .routes import ROUTES

METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH"]


class _NoTrailingSlash:
    """Clients write collections with and without a slash at the end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and len(scope["path"]) > 1:
            scope = {**scope, "path": scope["path"].rstrip("/") or "/"}
        await self._app(scope, receive, send)


def create_app(controller: Controller) -> ASGIApp:
    """The controller as an ASGI application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[dict[str, Any]]:
        yield {}
        controller.store.close()

    by_path: dict[str, dict[str, Route]] = {}
    for route in ROUTES:
        by_path.setdefault(route.path, {})[route.method] = route
    # Sorted, a literal path such as ports/lag comes before ports/{id}.
    http = [HttpRoute(path, endpoint(controller, by_path[path]), methods=METHODS) for path in sorted(by_path)]
    app = Starlette(
        routes=[*http, *agent_api.routes(controller), *lab_api.routes(controller)],
        exception_handlers={HTTPException: _http_error},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return _NoTrailingSlash(app)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = f"Cannot {request.method} {request.url.path}" if status in (404, 405) else str(error)
    return failure(404 if status == 405 else status, message)
