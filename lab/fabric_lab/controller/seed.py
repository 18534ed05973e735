"""Where a controller starts from: the built-in objects, and those of a seed file.

Seeding adds what is missing and never changes what is there, so it may run at every start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from .core import Controller
from .errors import ApiError, invalid
from .nouns import dhcp, hardware, links, sites, tenants, vpcs
from .store import Record, Store
from .topology import Topology
from .values import flag, items, mapping, strings

KEYS = {"sites", "tenants", "vpcs", "switches", "servers", "links", "agent_token"}


class SeedError(Exception):
    """The seed file cannot be used."""


def load(path: Path) -> dict[str, Any]:
    """Reads YAML, and JSON with it."""
    try:
        content = yaml.safe_load(path.read_text())
    except (OSError, yaml.YAMLError) as error:
        raise SeedError(f"{path}: {error}") from error
    if not isinstance(content, dict):
        raise SeedError(f"{path}: a mapping is expected")
    return content


def apply(controller: Controller, content: dict[str, Any] | None = None) -> None:
    """Built-in objects first, then the seed's."""
    content = content or {}
    unknown = sorted(set(content) - KEYS)
    if unknown:
        raise SeedError(f"seed: unknown key {', '.join(unknown)}; known are {', '.join(sorted(KEYS))}")
    try:
        with controller.transaction():
            _built_in(controller.store, content)
            _seed(controller, content)
    except ApiError as error:
        raise SeedError(f"seed: {error.message}") from error
    if content.get("agent_token"):
        controller.set_agent_token(str(content["agent_token"]))


def _built_in(store: Store, content: dict[str, Any]) -> None:
    if not store.all("tenant"):
        store.put("tenant", tenants.build(store, {"name": "Admin", "description": "Built-in"}))
    if not store.all("site") and not content.get("sites"):
        store.put("site", sites.build(store, {"name": "Default"}))
    if not store.all("vpc"):
        vpc = vpcs.build(store, {"name": "VPC-1", "adminTenant": {"id": tenants.ADMIN}})
        store.put("vpc", {**vpc, "isSystem": True, "isDefault": True})
    if not store.all("dhcp"):
        options = dhcp.build(store, {"name": "Default", "description": "Default DHCP option set"})
        store.put("dhcp", {**options, "isDefault": True})


def _seed(controller: Controller, content: dict[str, Any]) -> None:
    store = controller.store
    for body in _entries(content, "tenants"):
        if not _known(store, "tenant", body):
            store.put("tenant", tenants.build(store, body))
    for body in _entries(content, "sites"):
        if not _known(store, "site", body):
            store.put("site", sites.build(store, body))
    for body in _entries(content, "vpcs"):
        if not _known(store, "vpc", body):
            store.put("vpc", vpcs.build(store, {"adminTenant": {"id": tenants.ADMIN}, **body}))
    for body in _entries(content, "switches"):
        if not _known(store, "hw", body):
            full = {**_placed(store, body), "portCount": body.get("ports", body.get("portCount", 0))}
            hardware.add(controller, hardware.build(store, "switch", full), [])
    for body in _entries(content, "servers"):
        if not _known(store, "hw", body):
            ignore = flag(body, "ignore_missing_nics")
            server = hardware.seed_server(store, _placed(store, body), strings(body, "nics"), ignore_missing=ignore)
            hardware.add(controller, server, [])
    _links(store, content)


def _links(store: Store, content: dict[str, Any]) -> None:
    for pair in items(content, "links"):
        if not isinstance(pair, list) or len(pair) != 2:
            raise invalid("links", f"a link is a pair of ports such as [eth9@server1, swp1@leaf1], not {pair!r}")
        topology = Topology(store)
        local, remote = (topology.find({"name": name}, "links") for name in pair)
        peer = topology.peer(local["id"])
        if peer is None or peer["id"] != remote["id"]:
            links.add(store, {"local": {"name": pair[0]}, "remote": {"name": pair[1]}, "underlay": "disabled"})


def _entries(content: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """A list whose entries are objects, or names alone."""
    return [{"name": item} if isinstance(item, str) else mapping(item, key) for item in items(content, key)]


def _known(store: Store, kind: str, body: dict[str, Any]) -> bool:
    return any(record["name"] == body.get("name") for record in store.all(kind))


def _placed(store: Store, body: dict[str, Any]) -> dict[str, Any]:
    """A device's body with site and owner, by name or the first there is."""
    site: Record = store.all("site")[0]
    found = {**body, "site": {"id": site["id"]}, "tenant": {"id": tenants.ADMIN}}
    for key, field in (("site", "site"), ("owner", "tenant")):
        if body.get(key):
            found[field] = {"name": body[key]}
    return found
