# SPDX-License-Identifier: Apache-2.0
"""What the role makes of the values before anybody reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template

VARIABLES = Path(__file__).parents[2] / "roles" / "tenant_cluster" / "vars" / "main.yml"


def variable(name: str, values: dict[str, Any]) -> Any:
    """A variable of the role's for these values of the chart."""
    found = {each: _trusted(value) for each, value in yaml.safe_load(VARIABLES.read_text()).items()}
    variables = {**found, "__tenant_cluster_chart_values": values}
    return Templar(loader=DataLoader(), variables=variables).template(trust_as_template(f"{{{{ {name} }}}}"))


def _trusted(value: Any) -> Any:
    return trust_as_template(value) if isinstance(value, str) else value


def test_a_password_is_hidden_whichever_option_it_comes_by() -> None:
    """tenant_cluster_values are merged last, and are as good a place for it as tenant_cluster_backing_store."""
    external = {"enabled": True, "dataSource": "postgres://u:not-a-real-word@db/x"}
    values = {"controlPlane": {"backingStore": {"database": {"external": external}}, "endpoint": "x"}}
    assert variable("__tenant_cluster_secret", values) is True
    shown = variable("__tenant_cluster_shown", values)
    assert "not-a-real-word" not in str(shown) and shown["controlPlane"]["endpoint"] == "x"
    assert shown["controlPlane"]["backingStore"]["database"]["external"] == {"enabled": True, "dataSource": "(hidden)"}


@pytest.mark.parametrize("values", [{}, {"controlPlane": None}, {"controlPlane": {"backingStore": {"database": {}}}}])
def test_without_one_everything_is_shown(values: dict[str, Any]) -> None:
    assert variable("__tenant_cluster_secret", values) is False
    assert variable("__tenant_cluster_shown", values) == values
