# SPDX-License-Identifier: Apache-2.0
"""Virtual LANs of pods and virtual machines by k8slan: rules, documents, and how they come and go."""
