# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""Transport to a Netris controller: session, envelope, errors, retries. Knows no kind of object."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import urljoin, urlsplit

from .errors import ConnectionFailed, LoginFailed, NetrisError, OutcomeUnknown, RequestFailed

try:
    import requests
    import urllib3

    REQUESTS_IMPORT_ERROR: Exception | None = None
except ImportError as exc:  # reported by the module layer with Ansible's usual words
    REQUESTS_IMPORT_ERROR = exc

READ_ATTEMPTS = 4
BACKOFF_SECONDS = 0.5
REDIRECT_LIMIT = 10
RETRY_AFTER_LIMIT = 60.0
# An answer that a proxy gives for a controller that is starting or overloaded.
GATEWAY_STATUSES = frozenset({502, 503, 504})
LOGIN_PATH = "/api/auth"
# Page size for the few lists that the controller may cut (ports, hardware).
PAGE_SIZE = 1000


@dataclass(frozen=True)
class Endpoint:
    """Where the controller is and how to get in."""

    url: str
    username: str
    password: str = field(repr=False)
    validate_certs: bool = True
    ca_path: str | None = None
    timeout: float = 60.0


@dataclass
class Counter:
    """Requests made, to show that cost grows with change and not with size."""

    read: int = 0
    write: int = 0

    def as_dict(self) -> dict[str, int]:
        return {"read": self.read, "write": self.write}


class Client:
    """One session with one controller. Not for use from several threads."""

    def __init__(self, endpoint: Endpoint, sleep: Callable[[float], None] = time.sleep) -> None:
        parts = urlsplit(endpoint.url)
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise NetrisError(
                f"The controller's address {endpoint.url!r} must look like https://controller.example.com: "
                "set the option url or NETRIS_URL"
            )
        self._endpoint = endpoint
        self._base = endpoint.url.rstrip("/")
        self._sleep = sleep
        if not endpoint.validate_certs:
            # Asked for, and said so in the documentation; a warning for each request would only hide others.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._session = requests.Session()
        # Without this requests would look for credentials in ~/.netrc and send them along.
        self._session.auth = lambda request: request
        self._cookie = ""
        self.requests = Counter()

    # The four verbs that the rest of the package uses.

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the data of an answer."""
        return self._call("GET", path, params=params)["data"]

    def get_list(self, path: str, params: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return a whole list, also when the controller nests it or hands it out in pages."""
        envelope = self._call("GET", path, params=params)
        items = _list_of(envelope, f"GET {path}")
        total = _total_of(envelope)
        page = 1
        while total is not None and len(items) < total:
            # What came unasked may be a page of any size, so start over with pages of our own.
            if page == 1:
                items = []
            query = {**(params or {}), "page": page, "limit": PAGE_SIZE}
            chunk = _list_of(self._call("GET", path, params=query), f"GET {path}")
            seen = {item.get("id") for item in items}
            fresh = [item for item in chunk if item.get("id") not in seen]
            if not fresh:  # the end, or a controller that ignores the page number
                break
            items.extend(fresh)
            page += 1
        return items

    def post(self, path: str, body: Any) -> Any:
        return self._call("POST", path, body=body)["data"]

    def put(self, path: str, body: Any) -> Any:
        return self._call("PUT", path, body=body)["data"]

    def delete(self, path: str, body: Any = None) -> Any:
        return self._call("DELETE", path, body=body)["data"]

    def close(self) -> None:
        self._session.close()

    # Below: one request in all its ways to fail.

    def _call(
        self, method: str, path: str, params: Mapping[str, Any] | None = None, body: Any = None
    ) -> dict[str, Any]:
        if not self._cookie:
            self._login()
        if method == "GET":
            self.requests.read += 1
        else:
            self.requests.write += 1
        response = self._send(method, path, params, body)
        if response.status_code == 401:
            # Sessions expire; a second refusal right after a login is about rights, not about age.
            self._login()
            response = self._send(method, path, params, body)
        return self._open_envelope(method, path, response)

    def _login(self) -> None:
        """Get a session. Nothing of the request body may ever get into a message."""
        self._cookie = ""
        body = {"user": self._endpoint.username, "password": self._endpoint.password, "auth_scheme_id": 1}
        response = self._send("POST", LOGIN_PATH, None, body, safe=True)
        if response.status_code != 200:
            if response.status_code >= 500:
                raise ConnectionFailed(
                    f"The controller {self._base} cannot log anyone in now "
                    f"(status {response.status_code}): look at its health and try again"
                )
            raise LoginFailed(
                f"The controller {self._base} refused the user {self._endpoint.username!r} "
                f"(status {response.status_code}): check NETRIS_USERNAME and NETRIS_PASSWORD"
            )
        answer = self._decode("POST", LOGIN_PATH, response)
        data = answer.get("data")
        if answer.get("mandatoryPasswordChange") or (isinstance(data, dict) and data.get("mandatoryPasswordChange")):
            raise LoginFailed(
                f"The controller {self._base} wants a new password for {self._endpoint.username!r} first: "
                "log in to its web console once, change the password and set NETRIS_PASSWORD to the new one"
            )
        if answer.get("isSuccess") is False:
            raise LoginFailed(
                f"The controller {self._base} refused the user {self._endpoint.username!r}: "
                "check NETRIS_USERNAME and NETRIS_PASSWORD"
            )
        self._cookie = _cookies_of(response)
        if not self._cookie:
            raise LoginFailed(
                f"{self._base} accepted the login without giving a session: is this the address of a Netris controller?"
            )

    def _send(
        self, method: str, path: str, params: Mapping[str, Any] | None, body: Any, safe: bool | None = None
    ) -> requests.Response:
        """Send until there is an answer worth reading. Only what cannot do harm twice is sent twice."""
        retry = method == "GET" if safe is None else safe
        attempt = 0
        while True:
            attempt += 1
            last = attempt >= READ_ATTEMPTS
            try:
                response = self._follow(method, path, params, body)
            except requests.exceptions.SSLError as exc:
                raise self._tls_failure(exc) from None
            except (
                requests.exceptions.ConnectTimeout,
                requests.exceptions.ConnectionError,
                requests.exceptions.ChunkedEncodingError,
            ) as exc:
                if _never_sent(exc):
                    if retry and not last:
                        self._back_off(attempt)
                        continue
                    raise ConnectionFailed(
                        f"Cannot reach the controller at {self._base} ({_short(exc)}): "
                        "is it running, and is NETRIS_URL right?"
                    ) from None
                if retry and not last:
                    self._back_off(attempt)
                    continue
                raise self._lost(method, path, _short(exc)) from None
            except requests.exceptions.Timeout:
                if retry and not last:
                    self._back_off(attempt)
                    continue
                raise self._lost(method, path, f"no answer within {self._endpoint.timeout:g} s") from None
            except requests.exceptions.RequestException as exc:
                raise ConnectionFailed(f"{method} {path} on {self._base} failed: {_short(exc)}") from None

            if response.status_code == 429 and not last:
                # Refused before anything was done, so this is safe for writes too.
                self._sleep(_retry_after(response))
                continue
            if response.status_code >= 500 and retry and not last:
                self._back_off(attempt)
                continue
            if response.status_code in GATEWAY_STATUSES and not retry:
                raise self._lost(method, path, f"status {response.status_code} from a gateway")
            return response

    def _follow(self, method: str, path: str, params: Mapping[str, Any] | None, body: Any) -> requests.Response:
        """One request, with redirects followed by hand: requests would turn a redirected POST into a GET."""
        url = self._base + path
        headers = {
            "Accept": "application/json",
            # Controllers answer conditional requests with 304 otherwise, through proxies even unasked.
            "Cache-Control": "no-cache",
            "Pragma": "no-cache",
        }
        if self._cookie:
            headers["Cookie"] = self._cookie
        data: bytes | None = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = json.dumps(body).encode()
        verify: bool | str = self._endpoint.validate_certs
        if verify and self._endpoint.ca_path:
            verify = self._endpoint.ca_path
        query: Mapping[str, Any] | None = params
        for _hop in range(REDIRECT_LIMIT + 1):
            # Cookies are kept by hand: the controller's are sent whatever their path says, as its own clients do.
            self._session.cookies.clear()
            try:
                response = self._session.request(
                    method,
                    url,
                    params=query,
                    data=data,
                    headers=headers,
                    timeout=self._endpoint.timeout,
                    verify=verify,
                    allow_redirects=False,
                )
            except OSError as exc:
                if isinstance(exc, requests.exceptions.RequestException):
                    raise
                # requests checks the CA file itself and raises a bare OSError.
                raise ConnectionFailed(
                    f"Cannot use the CA file {self._endpoint.ca_path!r} ({exc}): check ca_path or NETRIS_CA_PATH"
                ) from None
            if response.status_code not in (301, 307, 308):
                return response
            target = urljoin(url, response.headers.get("Location", ""))
            self._check_redirect(url, target)
            if not response.headers.get("Location"):
                raise ConnectionFailed(f"{method} {path} on {self._base} was redirected to nowhere")
            # From now on go there at once; only the root can be learned from the redirect, so keep our path.
            if target.endswith(path) and response.status_code in (301, 308):
                self._base = target[: -len(path)]
            url, query = target, query if "?" not in target else None
        raise ConnectionFailed(f"{method} {path} on {self._base} is redirected in a circle: check NETRIS_URL")

    def _check_redirect(self, url: str, target: str) -> None:
        """Session and password must not be carried to another host, nor from TLS to plain text."""
        here, there = urlsplit(url), urlsplit(target)
        if here.hostname != there.hostname:
            raise ConnectionFailed(
                f"{self._base} redirects to another host ({there.scheme}://{there.netloc}): "
                "set NETRIS_URL to that address if you trust it"
            )
        if here.scheme == "https" and there.scheme != "https":
            raise ConnectionFailed(f"{self._base} redirects from https to {there.scheme}: refused")

    def _open_envelope(self, method: str, path: str, response: requests.Response) -> dict[str, Any]:
        answer = self._decode(method, path, response)
        if response.status_code not in (200, 201, 204) or answer.get("isSuccess") is False:
            raise RequestFailed(method, path, response.status_code, _reason_of(answer))
        answer.setdefault("data", None)
        return answer

    def _decode(self, method: str, path: str, response: requests.Response) -> dict[str, Any]:
        if response.status_code == 204 or (response.status_code == 200 and not response.content):
            return {}
        try:
            answer = json.loads(response.content)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            kind = response.headers.get("Content-Type", "no content type").split(";")[0]
            raise ConnectionFailed(
                f"{method} {path} on {self._base}: the answer (status {response.status_code}, {kind}) is not that of a "
                f"Netris controller: {_excerpt(response.content)}. Is NETRIS_URL the controller's address, "
                "and is no proxy or maintenance page in between?"
            )
        return answer

    def _tls_failure(self, exc: Exception) -> ConnectionFailed:
        text = str(exc)
        if "self-signed" in text or "self signed" in text or "unable to get local issuer" in text:
            problem = "has a certificate that no known authority has signed (self-signed, or by your own CA)"
        elif "doesn't match" in text or "Hostname mismatch" in text or "IP address mismatch" in text:
            problem = "has a certificate for another name"
        elif "expired" in text:
            problem = "has a certificate that has expired"
        else:
            problem = f"cannot be trusted ({_short(exc)})"
        return ConnectionFailed(
            f"The controller {self._base} {problem}: set NETRIS_CA_PATH (option ca_path) to the CA's file, or, for "
            "this endpoint only, validate_certs: false (NETRIS_VALIDATE_CERTS=false) to go on without knowing "
            "who answers"
        )

    def _lost(self, method: str, path: str, reason: str) -> NetrisError:
        if method == "GET" or path == LOGIN_PATH:
            return ConnectionFailed(
                f"{method} {path}: lost the controller {self._base} ({reason}): is it running and reachable?"
            )
        return OutcomeUnknown(
            f"{method} {path}: no answer from {self._base} ({reason}); it is not known whether it was done. "
            "Run again: what was done will be found and not be done twice"
        )

    def _back_off(self, attempt: int) -> None:
        self._sleep(BACKOFF_SECONDS * 2 ** (attempt - 1))


def single(data: Any) -> dict[str, Any]:
    """The object of an answer that some versions wrap into an array of one."""
    if isinstance(data, list):
        data = data[0] if len(data) == 1 else None
    return data if isinstance(data, dict) else {}


def _list_of(envelope: Mapping[str, Any], what: str) -> list[dict[str, Any]]:
    data = envelope.get("data")
    if isinstance(data, dict) and isinstance(data.get("data"), list):
        data = data["data"]
    if data is None:
        return []
    if not isinstance(data, list):
        raise ConnectionFailed(f"{what}: the controller answered something that is not a list")
    return [item for item in data if isinstance(item, dict)]


def _total_of(envelope: Mapping[str, Any]) -> int | None:
    meta = envelope.get("meta")
    total = meta.get("totalDocs") if isinstance(meta, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None


def _reason_of(answer: Mapping[str, Any]) -> str:
    """Message and field errors of an envelope in one line."""
    message = str(answer.get("message") or "").strip()
    errors = answer.get("errors")
    parts: list[str] = []
    if isinstance(errors, dict):
        parts = [f"{key}: {value}" for key, value in sorted(errors.items()) if str(value).strip() not in ("", message)]
    elif isinstance(errors, list):
        parts = [str(value) for value in errors]
    return "; ".join(part for part in [message, *parts] if part) or "no reason given"


def _cookies_of(response: requests.Response) -> str:
    raw = getattr(response.raw, "headers", None)
    headers = raw.getlist("Set-Cookie") if raw is not None and hasattr(raw, "getlist") else []
    found: dict[str, str] = {}
    for header in headers:
        try:
            for name, morsel in SimpleCookie(header).items():
                found[name] = morsel.coded_value
        except CookieError:
            continue
    return "; ".join(f"{name}={value}" for name, value in found.items())


def _never_sent(exc: Exception) -> bool:
    """True when no connection came about at all, so that nothing can have been done."""
    if isinstance(exc, (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError)):
        return True
    cause: Any = exc.args[0] if exc.args else None
    reason = getattr(cause, "reason", cause)
    return type(reason).__name__ in ("NewConnectionError", "NameResolutionError", "ConnectTimeoutError")


def _retry_after(response: requests.Response) -> float:
    try:
        seconds = float(response.headers.get("Retry-After", "1"))
    except ValueError:
        seconds = 1.0
    return min(max(seconds, 1.0), RETRY_AFTER_LIMIT)


def _short(exc: Exception) -> str:
    """The innermost words of one of urllib3's nested exceptions."""
    cause: Any = exc.args[0] if exc.args else exc
    reason = getattr(cause, "reason", None) or cause
    if isinstance(reason, tuple) or (isinstance(reason, Exception) and len(reason.args) > 1):
        parts = reason if isinstance(reason, tuple) else reason.args
        reason = parts[-1]
    text = str(reason).strip() or type(exc).__name__
    return text.rsplit(">: ", 1)[-1].split("object at 0x")[0]


def _excerpt(content: bytes) -> str:
    text = " ".join(content[:400].decode("utf-8", "replace").split())
    return repr(text[:100]) if text else "empty body"
