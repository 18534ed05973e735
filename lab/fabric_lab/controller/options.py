"""Command line and environment."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .core import Settings


def parser(environment: Mapping[str, str]) -> argparse.ArgumentParser:
    """Every option has a variable; the option wins."""

    def path(name: str) -> Path | None:
        value = environment.get(name, "")
        return Path(value) if value else None

    found = argparse.ArgumentParser(
        prog="python -m fabric_lab.controller", description="A simulator of the Netris controller's REST API."
    )
    found.add_argument("--host", default=environment.get("HOST") or "127.0.0.1", help="address to listen on (HOST)")
    found.add_argument(
        "--port", type=int, default=int(environment.get("PORT") or 0), help="port; 0 picks a free one (PORT)"
    )
    found.add_argument("--state", type=Path, default=path("STATE"), help="state file; none: kept in memory (STATE)")
    found.add_argument("--seed", type=Path, default=path("SEED"), help="YAML or JSON file to start from (SEED)")
    found.add_argument("--tls-cert", type=Path, default=path("TLS_CERT"), help="certificate chain, PEM (TLS_CERT)")
    found.add_argument("--tls-key", type=Path, default=path("TLS_KEY"), help="private key, PEM (TLS_KEY)")
    found.add_argument("--username", default=environment.get("NETRIS_USERNAME") or "netris", help="(NETRIS_USERNAME)")
    found.add_argument(
        "--password",
        default=environment.get("NETRIS_PASSWORD") or "",
        help="default: the state's, else generated (NETRIS_PASSWORD, which keeps it out of the process list)",
    )
    found.add_argument(
        "--agents", choices=("required", "assumed"), help="whether clusters wait for the switches' agents"
    )
    found.add_argument("--active-delay", type=float, help="seconds that a cluster is Provisioning (default 1)")
    found.add_argument(
        "--knob", action="append", default=[], metavar="NAME=VALUE", help="a lab knob or fault; may be repeated"
    )
    return found


def settings(options: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Settings:
    knobs: dict[str, Any] = dict(item.partition("=")[::2] for item in options.knob)
    if options.agents:
        knobs["agents"] = options.agents
    if options.active_delay is not None:
        knobs["active_delay"] = options.active_delay
    return Settings(
        state=options.state,
        username=options.username,
        password=options.password,
        agent_token=environment.get("NETRIS_AGENT_TOKEN", ""),
        knobs=knobs,
    )
