# SPDX-License-Identifier: Apache-2.0
"""What vCluster's command line is told, and when there is anything to tell it."""

from __future__ import annotations

import base64
import gzip
import json
from typing import Any

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._vcluster import cli, shown

VALUES = {"controlPlane": {"endpoint": "192.168.67.253:443"}}


def record(version: int, values: Any, status: str = "deployed", chart: str = "0.36.1") -> dict[str, Any]:
    release = {"chart": {"metadata": {"name": "vcluster", "version": chart}}, "config": values}
    packed = base64.b64encode(base64.b64encode(gzip.compress(json.dumps(release).encode()))).decode()
    labels = {"owner": "helm", "name": "blue", "version": str(version), "status": status}
    return {"type": "helm.sh/release.v1", "metadata": {"labels": labels}, "data": {"release": packed}}


def newest(*records: dict[str, Any]) -> cli.Release:
    release = cli.newest(records)
    assert release is not None
    return release


def test_nothing_prompts_connects_or_registers() -> None:
    chart = cli.Chart("vcluster", "https://charts.loft.sh", "0.36.1", False)
    told = cli.create("blue", "vcluster-blue", chart, "values.yaml", "state.json")
    assert told[:2] == ["create", "blue"]
    assert {"--connect=false", "--background-proxy=false", "--add=false", "--upgrade"} <= set(told)
    assert told[-3:] == ["--chart-name=vcluster", "--chart-repo=https://charts.loft.sh", "--chart-version=0.36.1"]


def test_a_path_needs_neither_repository_nor_version() -> None:
    assert cli.Chart("/charts/vcluster", None, "0.36.1", True).arguments == ["--local-chart-dir=/charts/vcluster"]
    assert cli.Chart("oci://example.test/vcluster", None, None, False).arguments[-1] == "--chart-repo="


def test_the_newest_record_counts() -> None:
    assert cli.newest([]) is None
    found = newest(record(9, {}), record(10, VALUES, "pending-upgrade"))
    assert (found.status, found.values, found.chart_version) == ("pending-upgrade", VALUES, "0.36.1")
    assert found.differs(VALUES, "0.36.1")


def test_what_it_adds_by_itself_is_no_difference() -> None:
    added = {"telemetry": {"enabled": False, "machineID": "x"}}
    assert not newest(record(1, {**VALUES, **added})).differs(VALUES, "v0.36.1")
    assert newest(record(1, {**VALUES, **added})).differs({**VALUES, "telemetry": {"enabled": True}}, "0.36.1")
    ours = {**VALUES, "telemetry": {"enabled": False}}
    assert not newest(record(1, {**VALUES, **added})).differs(ours, "0.36.1")


@pytest.mark.parametrize(
    ("values", "version"),
    [({}, "0.36.1"), ({**VALUES, "more": 1}, "0.36.1"), (VALUES, "0.36.2")],
)
def test_a_difference(values: dict[str, Any], version: str) -> None:
    assert newest(record(1, VALUES)).differs(values, version)
    assert not newest(record(1, VALUES)).differs(VALUES, None)


def test_a_record_that_cannot_be_read_differs() -> None:
    broken = {"type": "helm.sh/release.v1", "metadata": {"labels": {"status": "deployed"}}, "data": {"release": "x"}}
    assert newest(broken).differs(VALUES, None)


def test_the_password_of_a_database_is_never_shown() -> None:
    def values(secret: str) -> dict[str, Any]:
        return {"controlPlane": {"backingStore": {"database": {"external": {"dataSource": secret, "enabled": True}}}}}

    def told(old: str | None, new: str) -> Any:
        result = shown.hidden(values(new), values(old) if old else None)
        return result["controlPlane"]["backingStore"]["database"]["external"]

    assert told(None, "word") == {"dataSource": "(hidden)", "enabled": True}
    assert told("word", "word")["dataSource"] == "(hidden)"
    assert told("word", "other")["dataSource"] == "(hidden, new value)"
    assert shown.hidden(VALUES) == VALUES
