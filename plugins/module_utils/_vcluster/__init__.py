# SPDX-License-Identifier: Apache-2.0
"""What is to be known about vCluster's chart before anything is given to it."""
