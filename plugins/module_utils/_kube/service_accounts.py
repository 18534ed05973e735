"""A kubeconfig with a token of a ServiceAccount that ends, and whether the one that is there can stay."""

from __future__ import annotations

import base64
import datetime
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from . import yaml_text
from .client import Cluster
from .errors import KubeError

#: The shortest time that the API accepts for a token.
MINIMUM_SECONDS = 600


@dataclass(frozen=True)
class Endpoint:
    """Where an API server is and by what its certificate is verified; an empty authority is the machine's own store."""

    server: str
    ca: str
    server_name: str = ""


@dataclass(frozen=True)
class Token:
    text: str = field(repr=False)
    expires: datetime.datetime


def endpoint_of(cluster: Cluster, server: str | None = None) -> Endpoint:
    """That of a connection; `server` is the address by which others reach it, where that differs."""
    configuration = cluster.api_client.configuration
    if not configuration.verify_ssl:
        raise KubeError(
            f"the kubeconfig does not verify the certificate of {cluster.host}, and its successor would not either:"
            " give it certificate-authority-data in the place of insecure-skip-tls-verify"
        )
    ca = Path(configuration.ssl_ca_cert).read_text(encoding="ascii") if configuration.ssl_ca_cert else ""
    return Endpoint(server or cluster.host, ca, str(getattr(configuration, "tls_server_name", None) or ""))


def request_token(cluster: Cluster, namespace: str, name: str, seconds: int) -> Token:
    """The API may give it a shorter life than was asked for, and says so in what it returns."""
    body = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"expirationSeconds": seconds},
    }
    path = f"{cluster.path('v1', 'ServiceAccount', name, namespace)}/token"
    status = cluster.request("post", path, body=body)["status"]
    expires = datetime.datetime.fromisoformat(status["expirationTimestamp"].replace("Z", "+00:00"))
    return Token(str(status["token"]), expires)


def context_of(namespace: str, name: str) -> str:
    """The one context in such a kubeconfig, by which it is known as ours."""
    return f"{name}@{namespace}"


def kubeconfig(namespace: str, name: str, endpoint: Endpoint, token: str) -> str:
    cluster: dict[str, Any] = {"server": endpoint.server}
    if endpoint.ca:
        cluster["certificate-authority-data"] = base64.b64encode(endpoint.ca.encode()).decode()
    if endpoint.server_name:
        cluster["tls-server-name"] = endpoint.server_name
    context = {"cluster": "host", "user": name, "namespace": namespace}
    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "host", "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": context_of(namespace, name), "context": context}],
        "current-context": context_of(namespace, name),
    }
    return yaml_text.dump(document)


def stale_because(
    text: str, account: dict[str, Any], endpoint: Endpoint, now: datetime.datetime, renew_before: int | None
) -> str:
    """Why a kubeconfig has to be made anew; empty if it can stay. `account` is the ServiceAccount as it is now.

    `renew_before` is in seconds, by default a third of the life that the API server gave the token: that may be less
    than what was asked for, and a third of the latter would never be left.
    """
    metadata = account["metadata"]
    try:
        document = yaml_text.load(text)
        cluster = document["clusters"][0]["cluster"]
        claims = _claims(document["users"][0]["user"]["token"])
        ends, issued = int(claims["exp"]), int(claims["iat"])
        owner = claims["kubernetes.io"]["serviceaccount"]
        authority = base64.b64decode(cluster.get("certificate-authority-data") or "").decode("ascii")
    except (ValueError, LookupError, TypeError, AttributeError):
        return "it cannot be read"
    if claims.get("sub") != f"system:serviceaccount:{metadata['namespace']}:{metadata['name']}":
        return f"it is {claims.get('sub')}'s"
    if owner.get("uid") != metadata["uid"]:
        return "its ServiceAccount is another one by now"
    if (cluster.get("server"), cluster.get("tls-server-name") or "") != (endpoint.server, endpoint.server_name):
        return f"the host cluster is at {endpoint.server}"
    if authority.strip() != endpoint.ca.strip():
        return "the host cluster has another certificate authority"
    before = (ends - issued) // 3 if renew_before is None else renew_before
    if ends - before <= now.timestamp():
        return f"its token ends {expiry(text):%Y-%m-%d %H:%M} UTC"
    return ""


def expiry(text: str) -> datetime.datetime:
    """When the token of a kubeconfig ends; ValueError, LookupError or TypeError for what is none of ours."""
    claims = _claims(yaml_text.load(text)["users"][0]["user"]["token"])
    return datetime.datetime.fromtimestamp(int(claims["exp"]), datetime.UTC)


def _claims(token: str) -> dict[str, Any]:
    """What a token says of itself. Its signature is the API server's business: nothing is granted by this."""
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims
