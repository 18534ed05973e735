# SPDX-License-Identifier: Apache-2.0
"""From a server's intent to what its installer reads. The collection's own; nothing here is a public interface."""
