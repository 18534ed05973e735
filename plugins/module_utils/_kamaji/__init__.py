# SPDX-License-Identifier: Apache-2.0
"""What is particular to Kamaji: rules that its API server or its controller would enforce late, or silently."""
