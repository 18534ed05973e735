"""The switch agents' protocol: plain JSON, bearer token, long poll."""

from __future__ import annotations

import hmac
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from . import fabric
from .core import Controller
from .envelope import JsonResponse
from .errors import ApiError
from .store import Record
from .values import flag, integer, items, mapping, text

LONGEST_WAIT = 60.0


def authorised(controller: Controller, request: Request) -> bool:
    """Whether the request carries the agents' token."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(token.encode(), controller.agent_token.encode())


def routes(controller: Controller) -> list[Route]:
    """The agents' two endpoints."""

    async def config(request: Request) -> Response:
        if not authorised(controller, request):
            return _problem(401, "Wrong or missing agent token.")
        switch = _switch(controller, request.query_params.get("switch", ""))
        if switch is None:
            return _problem(404, "No such switch.")
        try:
            since = int(request.query_params.get("since", "0"))
            wait = min(float(request.query_params.get("wait", "0")), LONGEST_WAIT)
        except ValueError:
            return _problem(400, "since and wait must be numbers.")
        await controller.agents.news(switch["id"], since, wait)
        document = fabric.configurations(controller.store).get(switch["id"])
        if document is None:
            return _problem(404, "No such switch.")
        return JsonResponse({"generation": fabric.generation(controller.store, switch["id"]), **document})

    async def report(request: Request) -> Response:
        if not authorised(controller, request):
            return _problem(401, "Wrong or missing agent token.")
        try:
            body = mapping(await request.json(), "body")
            switch = _switch(controller, text(body, "switch", required=True))
            if switch is None:
                return _problem(404, "No such switch.")
            controller.agents.receive(switch["id"], _checked(body))
        except ApiError as error:
            return _problem(error.status, error.message)
        except ValueError:
            return _problem(400, "Not valid JSON.")
        return JsonResponse({})

    return [
        Route("/agent/v1/config", config, methods=["GET"]),
        Route("/agent/v1/report", report, methods=["POST"]),
    ]


def _switch(controller: Controller, name: str) -> Record | None:
    for device in controller.store.all("hw"):
        if device["name"] == name and device["type"] == "switch":
            return device
    return None


def _checked(body: dict[str, Any]) -> dict[str, Any]:
    """The report with every part present and of its type, so that readers need no doubts."""
    return {
        "generation": integer(body, "generation"),
        "healthy": flag(body, "healthy"),
        "message": text(body, "message"),
        "ports": [
            {
                "name": text(port, "name", required=True),
                "oper": text(port, "oper", "down"),
                "speed": port.get("speed"),
                "mtu": integer(port, "mtu"),
                "lldp": port.get("lldp"),
            }
            for port in _objects(body, "ports")
        ],
        "lags": [
            {"name": text(lag, "name", required=True), "up_members": items(lag, "up_members")}
            for lag in _objects(body, "lags")
        ],
        "vnets": [{"id": integer(vnet, "id"), "applied": flag(vnet, "applied")} for vnet in _objects(body, "vnets")],
        "leases": [
            {
                "vnet": integer(lease, "vnet"),
                "ip": text(lease, "ip", required=True),
                "mac": text(lease, "mac"),
                "hostname": text(lease, "hostname"),
            }
            for lease in _objects(body, "leases")
        ],
    }


def _objects(body: dict[str, Any], field: str) -> list[dict[str, Any]]:
    return [mapping(item, field) for item in items(body, field)]


def _problem(status: int, message: str) -> Response:
    return JsonResponse({"message": message}, status)
