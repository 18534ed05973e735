"""Whether quota and limits leave room for what runs in the namespace."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._kube.documents.control_plane import control_plane_values
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import quota

from tests.support.control_planes import EXAMPLE


def found(isolation: dict[str, Any], room: dict[str, Any] | None = None, **more: Any) -> dict[str, str]:
    values = control_plane_values({**EXAMPLE, "isolation": isolation, **more})
    return dict(quota.mistakes(values, 2, room or {}, stateful=True))


def hard(**limits: Any) -> dict[str, Any]:
    return {"quota": {"hard": {name.replace("__", "."): value for name, value in limits.items()}}}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (2, "2"), ("500m", "0.5"), ("1.5", "1.5"), ("1k", "1000"), ("2Gi", str(2 * 1024**3)), ("1M", "1000000"),
        ("5 Gi", None), ("much", None), ("", None),
    ],
)  # fmt: skip
def test_quantities(text: Any, number: str | None) -> None:
    assert quota.quantity(text) == (None if number is None else Decimal(number))


def test_without_a_quota_everything_fits() -> None:
    assert found({}) == found({"network_policy": True}) == {}


def test_the_charts_quota_has_room_for_three_replicas() -> None:
    assert found({"quota": {"enabled": True}}) == {}


def test_what_is_too_little() -> None:
    (message,) = found(hard(limits__memory="4Gi")).values()
    assert message == "4Gi is too little: control plane 6Gi, load balancer 768Mi need 6.75Gi"
    # Containers that name no limit get that of the limit range, here the chart's.
    (message,) = found(hard(limits__cpu=6)).values()
    assert message == "6 is too little: control plane 3, load balancer 4 need 7"
    assert found(hard(limits__memory="6.75Gi", limits__cpu=7)) == {}


def test_the_control_planes_own_resources_count() -> None:
    (message,) = found(hard(requests__cpu=2), resources={"requests": {"cpu": "1"}}).values()
    assert "control plane 3, load balancer 0.12 need 3.12" in message


def test_volumes_count() -> None:
    assert "control plane 30Gi need 30Gi" in found(hard(requests__storage="20Gi"), storage_size="10Gi").popitem()[1]
    etcd = {"backing_store": {"kind": "deployed_etcd", "replicas": 3, "storage_size": "8Gi"}}
    assert "deployed etcd 24Gi" in found(hard(requests__storage="20Gi"), **etcd).popitem()[1]


def test_others_need_room() -> None:
    assert found(hard(requests__memory="2Gi"), room={"requests.memory": "1Gi"}) == {}
    assert "room for others 2Gi" in found(hard(requests__memory="2Gi"), room={"requests.memory": "2Gi"}).popitem()[1]


def test_no_quantity() -> None:
    assert "is no quantity" in found(hard(limits__memory="a lot"))["policies.resourceQuota.quota.limits.memory"]


def test_a_quota_without_limits_refuses_whoever_names_none() -> None:
    isolation = {**hard(limits__cpu=20), "limits": {"enabled": False}}
    message = found(isolation)["policies.resourceQuota.quota.limits.cpu"]
    assert "control plane and load balancer" in message and "enable the limit range" in message


def test_a_limit_range_that_our_pods_exceed() -> None:
    assert found({"limits": {"max": {"memory": "1Gi"}}}) == {
        "policies.limitRange.max.memory": "a container of control plane has 2Gi as its limits, more than 1Gi"
    }
    assert "less than 1" in found({"limits": {"min": {"cpu": "1"}}})["policies.limitRange.min.cpu"]
