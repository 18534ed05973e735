"""What a client asks about the controller itself."""

from __future__ import annotations

from ..call import Call, Reply, Route

BUILD_VERSION = "4.15.0-lab"


def permissions(call: Call) -> Reply:
    return Reply({"user": call.controller.username, "buildVersion": BUILD_VERSION, "readonly": False, "hidden": []})


def settings(call: Call) -> Reply:
    return Reply([{"id": 1, "name": "netris_auth_token", "value": call.controller.agent_token}])


def users(call: Call) -> Reply:
    return Reply([{"id": 1, "name": call.controller.username, "fullname": "Administrator", "email": ""}])


ROUTES = [
    Route("GET", "/api/users/permissions", permissions),
    Route("GET", "/api/general", settings),
    Route("GET", "/api/v2/general", settings),
    Route("GET", "/api/users", users),
]
