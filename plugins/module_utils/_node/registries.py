"""Whether a server reaches what its containers' images come from. All are asked at once, so it takes as long as one."""

from __future__ import annotations

import http.client
import ipaddress
import ssl
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

REMEDIES = (
    "the tenant cluster's VPC needs a NAT to the registries, or the server a proxy (node_join_proxy), or the images"
    " come from a mirror inside (privateNodes.joinNode.containerd.registry in tenant_cluster_values, and the mirror in"
    " node_join_registries in place of what it mirrors)"
)
_AT_ONCE = 8


class Trial(NamedTuple):
    """How one of them answered; `reason` is empty when it did."""

    name: str
    url: str
    reason: str


def url_of(name: str) -> str:
    """A host stands for its registry API, a URL for itself."""
    if "://" in name:
        return name
    return "https://" + name.rstrip("/") + "/v2/"


def try_all(names: list[str], proxy: dict[str, str], timeout: float, ca_file: str | None = None) -> list[Trial]:
    if not names:
        return []
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    with ThreadPoolExecutor(max_workers=min(_AT_ONCE, len(names))) as pool:
        return list(pool.map(lambda name: _try(name, proxy, timeout, context), names))


def sentence(trials: list[Trial]) -> str:
    """What is wrong and what can be done; empty if all answered."""
    silent = [trial for trial in trials if trial.reason]
    if not silent:
        return ""
    told = "; ".join(f"{trial.name} ({trial.url}): {trial.reason}" for trial in silent)
    return f"cannot be reached from this server: {told}. What helps: {REMEDIES}."


def _try(name: str, proxy: dict[str, str], timeout: float, context: ssl.SSLContext) -> Trial:
    url = url_of(name)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return Trial(name, url, "no host and no http or https URL")
    handlers = [_proxy_for(url, proxy), urllib.request.HTTPSHandler(context=context)]
    request = urllib.request.Request(url, headers={"User-Agent": "baremetal.fabric"})
    try:
        with urllib.request.build_opener(*handlers).open(request, timeout=timeout):
            return Trial(name, url, "")
    except urllib.error.HTTPError as error:
        # A registry asks for a login and a mirror may know no such path: both are there. A proxy's refusal is none.
        refused = error.code in (407, 502, 503, 504)
        return Trial(name, url, f"answered {error.code}" if refused else "")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Trial(name, url, str(getattr(error, "reason", error)))


def _proxy_for(url: str, proxy: dict[str, str]) -> urllib.request.ProxyHandler:
    """The given proxy and no other: what the connection that Ansible came by has in its environment does not count."""
    if _exempt(url, proxy.get("no_proxy") or ""):
        return urllib.request.ProxyHandler({})
    chosen = {scheme: proxy[f"{scheme}_proxy"] for scheme in ("http", "https") if proxy.get(f"{scheme}_proxy")}
    return urllib.request.ProxyHandler(chosen)


def _exempt(url: str, no_proxy: str) -> bool:
    host = urlsplit(url).hostname or ""
    names = [each.strip() for each in no_proxy.split(",") if each.strip()]
    domains = [name.lower().lstrip("*").lstrip(".") for name in names]
    return any(host == name or host.endswith("." + name) for name in domains if name) or _in_networks(host, names)


def _in_networks(host: str, names: list[str]) -> bool:
    """Networks in no_proxy are understood by curl and Go, so they are here."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    for name in names:
        try:
            if address in ipaddress.ip_network(name, strict=False):
                return True
        except ValueError:
            continue
    return False
