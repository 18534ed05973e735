# SPDX-License-Identifier: Apache-2.0
"""Host networking: the bond of a server and the tenant VLANs on it.

Runs on servers: Python 3.8, standard library only.
"""
