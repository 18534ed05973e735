"""From an HTTP request to a noun's handler and back: session, body, transaction, envelope, faults."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from .call import Call, Reply, Route
from .core import Controller
from .envelope import JsonResponse, envelope, failure
from .errors import ApiError
from .session import COOKIE

LOG = logging.getLogger(__name__)

Endpoint = Callable[[Request], Awaitable[Response]]


class TornResponse(Response):
    """Promises more than it sends, so that the client sees its connection break."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:  # noqa: ARG002 - ASGI signature
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1000")]})
        await send({"type": "http.response.body", "body": b'{"data":', "more_body": True})


def endpoint(controller: Controller, routes: dict[str, Route]) -> Endpoint:
    """Answers one path; `routes` holds its methods."""

    async def answer(request: Request) -> Response:
        route = routes.get(request.method)
        if route is None:
            return failure(404, f"Cannot {request.method} {request.url.path}")
        return await _answer(controller, route, request)

    return answer


async def _answer(controller: Controller, route: Route, request: Request) -> Response:
    knobs = controller.knobs
    if knobs.slow_ms:
        await asyncio.sleep(knobs.slow_ms / 1000)
    raw = await request.body()
    # Nothing below awaits: each request is carried out alone, from its session check to its commit.
    if not route.public and not controller.sessions.alive(request.cookies.get(COOKIE)):
        return failure(401, "Unauthorized")
    write = route.method != "GET" and not route.public
    if knobs.take("tear_next"):
        return TornResponse()
    if knobs.take("html_next"):
        return HTMLResponse("<html><body>Maintenance</body></html>")
    if knobs.take("fail_next_writes" if write else "fail_next_reads"):
        return failure(knobs.fail_status, "Injected failure.")
    try:
        call = Call(controller, request.path_params, request.query_params, _decode(raw, route), request.cookies)
        if route.method == "GET":
            reply = route.handler(call)
        else:
            with controller.transaction():
                reply = route.handler(call)
    except ApiError as error:
        return failure(error.status, error.message, error.errors)
    except Exception:  # the boundary: a defect becomes an answer in the envelope, with its trace in the log
        LOG.exception("%s %s", route.method, request.url.path)
        return failure(500, "Internal server error.")
    if write and knobs.take("lose_next_answers"):
        return TornResponse()
    return _respond(controller, route, request, reply)


def _decode(raw: bytes, route: Route) -> Any:
    """Clients send `Content-Type: application/json` with no body at all; that is no error."""
    if not raw.strip():
        return {}
    try:
        return json.loads(raw)
    except ValueError:
        if route.public:  # logins of old clients are form-encoded, whatever they call it
            return dict(parse_qsl(raw.decode(errors="replace")))
        raise ApiError("Request body is not valid JSON.", 400, {"body": "Not valid JSON."}) from None


def _respond(controller: Controller, route: Route, request: Request, reply: Reply) -> Response:
    data = reply.data
    if route.method == "POST" and not route.public and controller.knobs.post_data == "array" and isinstance(data, dict):
        data = [data]
    response = JsonResponse(envelope(data, status=reply.status, message=reply.message, **reply.meta), reply.status)
    for name, value in reply.cookies.items():
        secure = "; Secure" if request.url.scheme == "https" else ""
        response.headers.append("set-cookie", f"{name}={value}; Path=/; HttpOnly{secure}")
    if route.method == "GET" and controller.knobs.etag:
        tag = f'W/"{hashlib.sha256(bytes(response.body)).hexdigest()[:27]}"'
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers={"etag": tag})
        response.headers["etag"] = tag
    return response
