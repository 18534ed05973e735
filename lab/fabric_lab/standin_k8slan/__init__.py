"""A stand-in for k8slan, whose image cannot be had where there is no registry: behind its real CRD, with real packets.

It makes what k8slan 0.0.2 makes: finalizers, network attachments, a resource of each node for each spoke, and per LAN
a network namespace with a bridge and a VXLAN. What differs: there is no webhook and no device plugin (resources are
written to the node's status), and namespace, bridge and VXLAN are there as soon as the LAN is, not when a pod asks.
"""
