# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

# Hooks and codecs share one signature, whether or not one of them needs all of it.

"""Every noun that the engine knows."""

from __future__ import annotations

from collections.abc import Mapping

from ..noun import Noun
from .dhcp_option_set import DhcpOptionSet
from .hardware import Server, Switch
from .ipam import Allocation, Subnet
from .link import Link
from .nat import Nat
from .owner import Owner
from .port import Lag, Port
from .server_cluster import ServerCluster
from .server_cluster_template import ServerClusterTemplate
from .site import Site
from .vnet import Vnet
from .vpc import Vpc
from .vpc_peering import VpcPeering

# In the order in which they are read: what gives names to others comes first.
ALL: Mapping[str, Noun] = {
    noun.key: noun
    for noun in (
        Owner(),
        Site(),
        Vpc(),
        DhcpOptionSet(),
        Server(),
        Switch(),
        Port(),
        Lag(),
        Link(),
        Allocation(),
        Subnet(),
        ServerClusterTemplate(),
        ServerCluster(),
        Vnet(),
        VpcPeering(),
        Nat(),
    )
}

# Those that a document may hold.
MANAGED: Mapping[str, Noun] = {key: noun for key, noun in ALL.items() if noun.options}
