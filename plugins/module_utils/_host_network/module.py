# SPDX-License-Identifier: Apache-2.0
"""The server that a module runs on."""

from __future__ import annotations

from typing import Sequence

from ansible.module_utils.basic import AnsibleModule

from .system import System


def system_of(module: AnsibleModule) -> System:
    """A program that is not there fails like one that ends with 127, as a shell has it."""

    def run_command(argv: Sequence[str]) -> tuple[int, str, str]:
        try:
            code, output, errors = module.run_command(list(argv), handle_exceptions=False)
        except OSError as error:
            return 127, "", str(error)
        return code, output, errors

    return System(run_command)
