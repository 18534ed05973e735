#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A CNI plugin that comes after another one and adds routes over the interface which that one has made.

Installed on nodes as `fabric-routes`: Python 3.8, standard library only, and nsenter and ip.
Of the plugins that are released with CNI none can send multicast out of a pod's second interface. In a configuration:

    {"type": "fabric-routes", "routes": ["224.0.0.0/4"]}

The routes name no source: the kernel takes the interface's own address.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, Mapping

VERSIONS = ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]
# Error codes of the CNI specification, and one of our own as it asks for.
_UNKNOWN_COMMAND, _INVALID, _ROUTE = 4, 7, 100


class PluginError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def run(environment: Mapping[str, str], text: str) -> Any:
    """What one call answers; None when it answers nothing."""
    command = environment.get("CNI_COMMAND", "")
    if command == "VERSION":
        return {"cniVersion": VERSIONS[-1], "supportedVersions": VERSIONS}
    if command in ("DEL", "GC", "STATUS"):
        # the routes go with the interface
        return None
    if command not in ("ADD", "CHECK"):
        raise PluginError(_UNKNOWN_COMMAND, f"CNI_COMMAND is '{command}'")
    configuration = json.loads(text)
    before = configuration.get("prevResult")
    if not isinstance(before, dict):
        raise PluginError(_INVALID, "fabric-routes follows a plugin that makes an interface: there is no prevResult")
    for destination in configuration.get("routes") or []:
        _route(environment, str(destination), command)
    return before if command == "ADD" else None


def _route(environment: Mapping[str, str], destination: str, command: str) -> None:
    family = "-6" if ":" in destination else "-4"
    verb = "replace" if command == "ADD" else "show"
    # `show` takes a destination that must match, `replace` one to set
    words = [destination] if command == "ADD" else ["exact", destination]
    done = subprocess.run(
        [
            *("nsenter", f"--net={environment['CNI_NETNS']}", "ip", family, "route", verb),
            *(*words, "dev", environment["CNI_IFNAME"]),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        universal_newlines=True,
        check=False,
    )
    if done.returncode != 0 or (command == "CHECK" and not done.stdout.strip()):
        said = done.stderr.strip() or "it is missing"
        raise PluginError(_ROUTE, f"route to {destination} over {environment['CNI_IFNAME']}: {said}")


def main() -> int:
    text = sys.stdin.read()
    try:
        answer = run(os.environ, text)
    except (PluginError, KeyError, ValueError, OSError) as error:
        code = error.code if isinstance(error, PluginError) else _INVALID
        json.dump({"cniVersion": VERSIONS[-1], "code": code, "msg": f"fabric-routes: {error}"}, sys.stdout)
        return 1
    if answer is not None:
        json.dump(answer, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
