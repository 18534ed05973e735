# SPDX-License-Identifier: Apache-2.0
"""k8slan's documents for its role; what they are made of is described beside each filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.fabric.plugins.module_utils._k8slan import attach, operator
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import DocumentError


def _checked(build: Callable[..., Any], name: str, *types: type) -> Callable[..., Any]:
    def build_from(*values: Any) -> Any:
        if len(values) != len(types) or not all(
            isinstance(each, kind) for each, kind in zip(values, types, strict=False)
        ):
            wanted = ", ".join("a dictionary" if each is dict else "a list" for each in types)
            raise AnsibleFilterError(f"{name} takes {wanted}")
        try:
            return build(*values)
        except DocumentError as error:
            raise AnsibleFilterError(f"{name}: {error}") from error

    return build_from


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "k8slan_operator_objects": _checked(operator.operator_objects, "k8slan_operator_objects", dict),
            "k8slan_injector_objects": _checked(operator.injector_objects, "k8slan_injector_objects", dict),
            "k8slan_obstacles": _checked(operator.obstacles, "k8slan_obstacles", list, dict),
            "k8slan_attached": _checked(attach.attached, "k8slan_attached", dict, list, list),
        }
