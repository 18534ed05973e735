# SPDX-License-Identifier: Apache-2.0
"""netplan's own opinion of the files to come, asked on a copy: neither check mode nor a mistake touches the server."""

from __future__ import annotations

import os
import shutil
import tempfile

from . import netplan
from .errors import HostNetworkError
from .steps import ChangeBond, RemoveFile, Step, WriteFile
from .system import System

_SOURCES = ("lib/netplan", "usr/lib/netplan", "etc/netplan", "run/netplan")


def validate(system: System, steps: list[Step]) -> None:
    changes: dict[str, str | None] = {}
    for step in steps:
        if isinstance(step, (WriteFile, ChangeBond)):
            changes[step.path] = step.content
        elif isinstance(step, RemoveFile):
            changes[step.path] = None
    changes = {path: text for path, text in changes.items() if path.startswith(netplan.DIRECTORY + "/")}
    if not changes:
        return
    root = tempfile.mkdtemp(prefix="fabric-netplan-")
    try:
        for source in _SOURCES:
            if system.exists("/" + source):
                shutil.copytree(system.path("/" + source), os.path.join(root, source), symlinks=False)
        os.makedirs(os.path.join(root, "etc/netplan"), exist_ok=True)
        for path, text in changes.items():
            target = os.path.join(root, path.lstrip("/"))
            if text is not None:
                with open(target, "w", encoding="utf-8") as file:
                    file.write(text)
                os.chmod(target, 0o600)
            elif os.path.exists(target):
                os.unlink(target)
        code, output, errors = system.attempt("netplan", "generate", "--root-dir", root)
    finally:
        shutil.rmtree(root)
    if code != 0:
        said = (errors or output).strip().replace(root, "")
        raise HostNetworkError(f"netplan refuses the configuration, nothing was touched: {said}")
