"""Login and the check of a session."""

from __future__ import annotations

from ..call import Call, Reply, Route
from ..errors import ApiError
from ..session import COOKIE, profile


def login(call: Call) -> Reply:
    controller = call.controller
    cookie = None
    if not controller.knobs.refuse_login:
        cookie = controller.sessions.login(
            call.body.get("user"), call.body.get("password"), controller.knobs.session_seconds
        )
    if cookie is None:
        raise ApiError("Invalid username or password.", 401)
    if controller.knobs.password_change:
        # A fresh installation lets nobody in before the password is changed: a 200 without a usable session.
        return Reply({**profile(controller.username), "mandatoryPasswordChange": True})
    return Reply(profile(controller.username), "", cookies={COOKIE: cookie})


def check(call: Call) -> Reply:
    return Reply(profile(call.controller.username))


ROUTES = [Route("POST", "/api/auth", login, public=True), Route("GET", "/api/auth", check)]
