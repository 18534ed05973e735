# SPDX-License-Identifier: Apache-2.0
"""What Kubernetes allows in labels and taints, and what of a kubelet is not the inventory's to say."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .problems import Problems

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
_PREFIX = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PREFIX_LENGTH = 253
# Set by the join itself, to what only it knows.
_ARGUMENTS_OF_THE_JOIN = ("--node-ip", "--config-dir", "--config", "--kubeconfig", "--bootstrap-kubeconfig")
# Every node has them from its kubelet, which would write them back.
_LABELS_OF_THE_KUBELET = ("kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os")


def check_node(host: str, values: Mapping[str, Any], problems: Problems) -> None:
    """Every mistake in what one bare-metal server's variables say of its node."""
    for key, value in values["node_join_labels"].items():
        path = f"{host}.node_join_labels.{key}"
        if key in _LABELS_OF_THE_KUBELET:
            problems.add(path, "is set by the kubelet and cannot be changed")
        elif _key_mistake(key):
            problems.add(path, _key_mistake(key))
        if not isinstance(value, (str, int)):
            problems.add(path, f"must be text, not {value!r}")
        elif str(value) and not _NAME.fullmatch(_text(value)):
            problems.add(path, f"'{value}' is no label value: up to 63 letters, digits, '-', '_' and '.'")
    seen: set[tuple[str, str]] = set()
    for index, taint in enumerate(values["node_join_taints"]):
        path = f"{host}.node_join_taints[{index}]"
        mistake = _key_mistake(taint["key"]) if taint["key"] else ""
        if mistake:
            problems.add(f"{path}.key", mistake)
        identity = (taint["key"], taint["effect"])
        if identity in seen and all(identity):
            problems.add(path, f"'{taint['key']}' with {taint['effect']} is there twice")
        seen.add(identity)
    for index, argument in enumerate(values["node_join_kubelet_arguments"]):
        if argument.partition("=")[0] in _ARGUMENTS_OF_THE_JOIN:
            problems.add(
                f"{host}.node_join_kubelet_arguments[{index}]", f"'{argument.partition('=')[0]}' is set by the join"
            )


def _text(value: Any) -> str:
    """As YAML's booleans come: Kubernetes' labels are text, and `true` is meant as it is written."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _key_mistake(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if not _NAME.fullmatch(name):
        return f"'{name}' is no name: up to 63 letters, digits, '-', '_' and '.'"
    if slash and (len(prefix) > _PREFIX_LENGTH or not _PREFIX.fullmatch(prefix)):
        return f"'{prefix}' before the '/' is no DNS name"
    return ""
