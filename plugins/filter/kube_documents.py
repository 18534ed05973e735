# SPDX-License-Identifier: Apache-2.0
"""The documents of a tenant cluster for roles; what they are made of is described beside each filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import Document, DocumentError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import (
    control_plane_values,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.load_balancer import (
    load_balancer_objects,
)
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.network import network_objects


def _checked(build: Callable[[Document], Any]) -> Callable[[Any], Any]:
    def build_from(intent: Any) -> Any:
        if not isinstance(intent, dict):
            raise AnsibleFilterError(f"{build.__name__} takes a dictionary, not {type(intent).__name__}")
        try:
            return build(intent)
        except DocumentError as error:
            raise AnsibleFilterError(f"{build.__name__}: {error}") from error

    return build_from


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "tenant_network_objects": _checked(network_objects),
            "tenant_cluster_values": _checked(control_plane_values),
            "api_load_balancer_objects": _checked(load_balancer_objects),
        }
