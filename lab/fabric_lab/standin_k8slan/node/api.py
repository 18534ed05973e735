"""The API server, as the pod's service account may talk to it."""

from __future__ import annotations

import json
import os
import ssl
import urllib.error
import urllib.request
from typing import Any

Object = dict[str, Any]
LANS = "/apis/lan.k8slan.io/v1beta1"
NETWORKS = "/apis/k8s.cni.cncf.io/v1"
MERGE = "application/merge-patch+json"


class Refused(Exception):
    """With what the API server said."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status}: {message}")
        self.status = status


class Over(Exception):
    """The token is not taken any more; only who starts again gets another."""


class Api:
    """Token and CA come from the environment: the pod's files are not where this program runs."""

    def __init__(self) -> None:
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        self._server = f"https://{host}:{port}"
        self._token = os.environ["KUBE_TOKEN"]
        self._context = ssl.create_default_context(cadata=os.environ["KUBE_CA"])

    def request(self, method: str, path: str, body: Object | None = None, kind: str = "application/json") -> Object:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        asked = urllib.request.Request(self._server + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=30, context=self._context) as answer:
                found: Object = json.load(answer)
                return found
        except urllib.error.HTTPError as error:
            if error.code == 401:
                raise Over("the token is over") from None
            raise Refused(error.code, f"{method} {path}: {error.read(500).decode(errors='replace')}") from None

    def lans(self) -> list[Object]:
        items: list[Object] = self.request("GET", f"{LANS}/lans")["items"]
        return items
