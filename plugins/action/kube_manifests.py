# SPDX-License-Identifier: Apache-2.0
"""Read manifests and insist on their checksums; runs inside Ansible, which knows where a role's files are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader

Source = Mapping[str, Any]
_REMOTE = ("http://", "https://")


class ActionModule(ActionBase):  # type: ignore[misc]
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        del tmp
        _validation, options = self.validate_argument_spec(
            argument_spec={
                "sources": {
                    "type": "list",
                    "elements": "dict",
                    "required": True,
                    "options": {
                        "manifest": {"type": "str", "required": True, "aliases": ["source"]},
                        "checksum": {"type": "str"},
                    },
                },
                "checksum_option": {"type": "str", "required": True},
            }
        )
        sources: list[Source] = options["sources"]
        texts: list[str] = []
        mistakes = _unread(sources, options["checksum_option"])
        if not mistakes:
            texts = [self._read(each["manifest"], task_vars or {}) for each in sources]
            mistakes = _unlike(sources, texts)
        if mistakes:
            return {**result, "failed": True, "msg": "\n".join(mistakes)}
        return {**result, "changed": False, "texts": texts}

    def _read(self, manifest: str, task_vars: dict[str, Any]) -> str:
        """By the lookups, whose settings and search path users know. Raises AnsibleError, with the manifest's name."""
        remote = manifest.startswith(_REMOTE)
        lookup = lookup_loader.get(
            f"ansible.builtin.{'url' if remote else 'file'}", loader=self._loader, templar=self._templar
        )
        whole = {"split_lines": False} if remote else {"rstrip": False}
        text: str = lookup.run([manifest], variables=task_vars, **whole)[0]
        return text


def _unread(sources: Sequence[Source], option: str) -> list[str]:
    """What is wrong before anything was read."""
    mistakes = [f"{option}: {each['checksum']} is of no manifest" for each in sources if not each["manifest"]]
    unpinned = [each["manifest"] for each in sources if each["manifest"].startswith(_REMOTE) and not each["checksum"]]
    if unpinned:
        mistakes.append(
            f"Give the SHA-256 of {' and '.join(unpinned)} ({option}), or name files by their paths. What they install"
            " has all rights in the cluster and on its nodes."
        )
    return mistakes


def _unlike(sources: Sequence[Source], texts: Sequence[str]) -> list[str]:
    found = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    return [
        f"{each['manifest']} has the SHA-256 {checksum}, not {each['checksum']}"
        for each, checksum in zip(sources, found, strict=True)
        if each["checksum"] and each["checksum"] != checksum
    ]
