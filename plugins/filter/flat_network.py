# SPDX-License-Identifier: Apache-2.0
"""A flat network with DHCP for roles; what the documents are made of is described beside each filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.baremetal.fabric.plugins.module_utils._kube import flat_network_rules
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents import calico, flat_network, rancher
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.common import DocumentError


def _named(name: str, build: Callable[..., Any]) -> Callable[..., Any]:
    def build_from(document: Any, *arguments: Any) -> Any:
        if not isinstance(document, dict):
            raise AnsibleFilterError(f"{name} takes a dictionary, not {type(document).__name__}")
        try:
            return build(document, *arguments)
        except (DocumentError, ValueError) as error:
            raise AnsibleFilterError(f"{name}: {error}") from error

    return build_from


class FilterModule:
    def filters(self) -> dict[str, Callable[..., Any]]:
        found: dict[str, Callable[..., Any]] = {
            "flat_network_objects": flat_network.flat_network_objects,
            "flat_network_mistakes": flat_network_rules.flat_network_mistakes,
            "calico_installation": calico.calico_installation,
            "rancher_without_flannel": rancher.without_flannel,
            "with_network": flat_network.attached,
            "without_network": flat_network.detached,
        }
        return {name: _named(name, build) for name, build in found.items()}
