"""Talking to the host cluster: one connection that is kept, JSON in and out."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

Object = dict[str, Any]
MERGE = "application/merge-patch+json"


class ApiError(Exception):
    """A refusal, with what the API server said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Api:
    """The API server that a kubeconfig names, as its one user."""

    def __init__(self, kubeconfig: Path) -> None:
        settings = yaml.safe_load(kubeconfig.read_text())
        cluster, user = settings["clusters"][0]["cluster"], settings["users"][0]["user"]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with (
            _private_file(user["client-certificate-data"]) as certificate,
            _private_file(user["client-key-data"]) as key,
        ):
            self._context.load_cert_chain(certificate, key)
        self._server = urlsplit(cluster["server"])
        self._connection: http.client.HTTPSConnection | None = None

    def request(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        data = None if body is None else json.dumps(body)
        headers = {"Accept": "application/json", **({"Content-Type": kind} if data else {})}
        try:
            if self._connection is None:
                self._connection = http.client.HTTPSConnection(
                    str(self._server.hostname), self._server.port, timeout=30, context=self._context
                )
            self._connection.request(method, path, data, headers)
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection = None
            raise ApiError(0, f"{method} {path}: {error}") from None
        if answer.status >= 400:
            raise ApiError(answer.status, f"{method} {path}: {text[:500].decode(errors='replace')}")
        found: Object = json.loads(text)
        return found

    def get(self, path: str) -> Object | None:
        try:
            return self.request("GET", path)
        except ApiError as error:
            if error.status == 404:
                return None
            raise

    def list(self, path: str) -> list[Object]:
        items: list[Object] = self.request("GET", path)["items"]
        return items

    def create(self, path: str, body: Object) -> None:
        """Make it; one that is there already stays as it is."""
        try:
            self.request("POST", path, body)
        except ApiError as error:
            if error.status != 409:
                raise

    def patch(self, path: str, body: Object) -> None:
        self.request("PATCH", path, body, MERGE)

    def delete(self, path: str) -> None:
        with contextlib.suppress(ApiError):
            self.request("DELETE", path)


@contextlib.contextmanager
def _private_file(encoded: str) -> Any:
    """The ssl module reads certificates from files only."""
    descriptor, name = tempfile.mkstemp()
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(base64.b64decode(encoded))
        yield name
    finally:
        Path(name).unlink()
