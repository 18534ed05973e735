"""The one setting of the kubelet that is particular to a server: the address under which the cluster knows it."""

from __future__ import annotations

import re
from pathlib import Path

from .system import System

_VARIABLE = re.compile(r"^KUBELET_EXTRA_ARGS=(?P<quote>[\"']?)(?P<value>.*?)(?P=quote)\s*$", re.MULTILINE)
_OPTION = re.compile(r"\s*--node-ip(=|\s+)\S+")


def environment_file(system: System) -> Path:
    """kubeadm's unit reads this file; which one depends on the family of the distribution."""
    directory = "/etc/sysconfig" if system.path("/etc/sysconfig").is_dir() else "/etc/default"
    return system.path(directory + "/kubelet")


def with_node_ip(text: str, address: str | None) -> str:
    """The file's text with --node-ip set, or taken out; all else in it stays."""
    found = _VARIABLE.search(text)
    others = _OPTION.sub("", found.group("value")).strip() if found else ""
    value = " ".join(part for part in (others, "--node-ip=" + address if address else "") if part)
    line = f'KUBELET_EXTRA_ARGS="{value}"' if value else ""
    if found:
        rest = text[: found.start()] + line + text[found.end() :]
    else:
        rest = text + ("\n" if text and not text.endswith("\n") else "") + line
    lines = [each for each in rest.splitlines() if each.strip()]
    return "\n".join(lines) + "\n" if lines else ""


def set_node_ip(system: System, address: str | None) -> bool:
    """True if the file had to be changed."""
    path = environment_file(system)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    after = with_node_ip(before, address)
    if after == before:
        return False
    if after:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after, encoding="utf-8")
    elif path.exists():
        path.unlink()
    return True
