"""Lab-only endpoint: reading and turning the knobs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from .agent_api import authorised
from .core import Controller
from .envelope import JsonResponse
from .errors import ApiError
from .session import COOKIE
from .values import mapping


def routes(controller: Controller) -> list[Route]:
    """`/lab/knobs`, open to the administrator's session and to the agents' token."""

    async def knobs(request: Request) -> Response:
        if not authorised(controller, request) and not controller.sessions.alive(request.cookies.get(COOKIE)):
            return JsonResponse({"message": "Unauthorized"}, 401)
        if request.method == "PUT":
            try:
                changes = dict(mapping(await request.json(), "body"))
                expire = bool(changes.pop("expire_sessions", False))
                controller.knobs.update(changes)
            except ApiError as error:
                return JsonResponse({"message": error.message, "errors": error.errors}, error.status)
            except ValueError:
                return JsonResponse({"message": "Not valid JSON."}, 400)
            controller.save_knobs()
            if expire:
                controller.sessions.drop_all()
        return JsonResponse(controller.knobs.as_dict())

    return [Route("/lab/knobs", knobs, methods=["GET", "PUT"])]
