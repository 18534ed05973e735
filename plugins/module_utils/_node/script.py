"""Fetches the join script from the tenant cluster's API, verified, and runs it without ever showing the token."""

from __future__ import annotations

import hashlib
import http.client
import ssl
import urllib.error
import urllib.request
from typing import NamedTuple
from urllib.parse import urlencode

from .state import SCRIPT, write_private
from .system import Done, System

_LIMIT = 4 * 1024 * 1024


class ScriptError(Exception):
    """The script could not be had, or is none."""


class Script(NamedTuple):
    """A join script and what identifies it."""

    text: str
    sha256: str


def fetch(endpoint: str, ca: str, token: str, timeout: float) -> Script:
    """GET /node/join over TLS that is verified against the tenant cluster's own CA, host name included."""
    if not ca.strip():
        raise ScriptError("no CA given: the join script runs as root and is not fetched unverified")
    try:
        context = ssl.create_default_context(cadata=ca)
    except (ssl.SSLError, ValueError) as error:
        raise ScriptError(f"the CA of the tenant cluster is no PEM certificate: {error}") from error
    # The VIP is a neighbour on the VLAN, never behind a proxy.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    source = f"https://{endpoint}/node/join"
    url = f"{source}?{urlencode({'token': token})}"
    try:
        with opener.open(url, timeout=timeout) as answer:
            body = answer.read(_LIMIT + 1)
    except urllib.error.HTTPError as error:
        detail = error.read(500).decode("utf-8", "replace").strip()
        raise ScriptError(f"{source} answered {error.code}: {scrub(detail, token)}") from None
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise ScriptError(f"cannot fetch {source}: {scrub(str(reason), token)}") from None
    if len(body) > _LIMIT:
        raise ScriptError(f"{source} answered more than a script")
    text = body.decode("utf-8", "replace")
    if not text.startswith("#!"):
        raise ScriptError(f"{source} did not answer with a script")
    return Script(text, hashlib.sha256(body).hexdigest())


def scrub(text: str, token: str | None) -> str:
    """Takes the token out of text, whole or by its secret half."""
    if not token:
        return text
    for part in (token, token.split(".", 1)[-1]):
        text = text.replace(part, "(token)")
    return text


def run(
    system: System,
    text: str,
    arguments: list[str],
    token: str | None,
    timeout: float,
    environment: dict[str, str] | None = None,
) -> Done:
    """Runs the script from a file that only root can read; the file goes afterwards, whatever happens."""
    path = system.path(SCRIPT + ".run")
    write_private(path, text, 0o700)
    try:
        ended = system.run("/bin/sh", str(path), *arguments, timeout=timeout, environment=environment)
    finally:
        path.unlink()
    return Done(ended.code, scrub(ended.output, token))


def keep(system: System, text: str, token: str) -> None:
    """A copy for the reset of a server whose tenant cluster is gone by then. A reset needs no token, so it has none."""
    write_private(system.path(SCRIPT), scrub(text, token), 0o700)


def kept(system: System) -> str | None:
    try:
        return system.path(SCRIPT).read_text(encoding="utf-8")
    except OSError:
        return None
