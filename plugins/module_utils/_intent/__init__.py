# SPDX-License-Identifier: Apache-2.0
"""Intent: the inventory's variables, checked and completed into one neutral model.

Nothing in here talks to anything: no controller, no host, no cluster, and no knowledge of a fabric provider.
"""

from __future__ import annotations

from .address_plan import AddressPlan, AddressPlanError, address_plan
from .build import build_model
from .model import Model
from .problems import IntentError, Problem

__all__ = [
    "AddressPlan",
    "AddressPlanError",
    "IntentError",
    "Model",
    "Problem",
    "address_plan",
    "build_model",
]
