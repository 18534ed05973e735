# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.
# ruff: noqa: ARG002

"""VPCs: one routing domain each."""

from __future__ import annotations

from ..model import Field, Record, Ref, Refs, Tags, Text, Value, World
from ..noun import Noun
from ..options import not_blank, text, texts


class Vpc(Noun):
    key = "vpcs"
    label = "VPC"
    rank = 10
    collection = "/api/v2/vpc"
    by_id = "/api/v2/vpc"
    needed = ("owner",)
    removal_may_be_early = True
    options = {
        "name": text(required=True, check=not_blank),
        "owner": text(),
        "guest_owners": texts(),
        "tags": texts(),
    }
    fields = (
        Field("name", "name", Text()),
        Field("owner", "adminTenant", Ref("owners"), immutable=True),
        Field("guest_owners", "guestTenant", Refs("owners"), on_create=()),
        Field("tags", "tags", Tags(), on_create=()),
    )

    def extras(self, record: Record, world: World) -> Value:
        return {"is_default": bool(record.wire.get("isDefault")), "is_system": bool(record.wire.get("isSystem"))}
