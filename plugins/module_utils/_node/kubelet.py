"""The kubelet's own arguments on a server: its address, and what the inventory adds."""

from __future__ import annotations

import re
from collections.abc import Sequence
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
    others = _OPTION.sub("", _value(text)).strip()
    return _with_value(text, " ".join(part for part in (others, "--node-ip=" + address if address else "") if part))


def with_arguments(text: str, before: Sequence[str], now: Sequence[str]) -> str:
    """The file's text with some arguments in place of others; what somebody else has put there stays."""
    words = [word for word in _value(text).split() if word not in before and word not in now]
    return _with_value(text, " ".join([*words, *now]))


def has_arguments(system: System, arguments: Sequence[str]) -> bool:
    words = _value(_read(system)).split()
    return all(argument in words for argument in arguments)


def set_node_ip(system: System, address: str | None) -> bool:
    """True if the file had to be changed."""
    return _write(system, with_node_ip(_read(system), address))


def replace_arguments(system: System, before: Sequence[str], now: Sequence[str]) -> bool:
    """True if the file had to be changed."""
    return _write(system, with_arguments(_read(system), before, now))


def _value(text: str) -> str:
    found = _VARIABLE.search(text)
    return found.group("value") if found else ""


def _with_value(text: str, value: str) -> str:
    found = _VARIABLE.search(text)
    line = f'KUBELET_EXTRA_ARGS="{value}"' if value else ""
    if found:
        rest = text[: found.start()] + line + text[found.end() :]
    else:
        rest = text + ("\n" if text and not text.endswith("\n") else "") + line
    lines = [each for each in rest.splitlines() if each.strip()]
    return "\n".join(lines) + "\n" if lines else ""


def _read(system: System) -> str:
    path = environment_file(system)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def _write(system: System, after: str) -> bool:
    if after == _read(system):
        return False
    path = environment_file(system)
    if after:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after, encoding="utf-8")
    elif path.exists():
        path.unlink()
    return True
