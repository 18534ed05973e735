# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.

"""Owners: Netris tenants. Read only; what the collection builds belongs to one of them."""

from __future__ import annotations

from ..model import Field, Text
from ..noun import Noun


class Owner(Noun):
    key = "owners"
    label = "owner"
    collection = "/api/tenants"
    fields = (Field("name", "name", Text()), Field("description", "description", Text()))
