# SPDX-License-Identifier: Apache-2.0
"""What tenant clusters need of the host cluster: its CNI, its nodes' labels, its storage."""
