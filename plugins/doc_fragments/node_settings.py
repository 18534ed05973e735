from __future__ import annotations


class ModuleDocFragment:
    """What the inventory says of a node's kubelet and of its proxy: the options of `_node.settings`."""

    DOCUMENTATION = r"""
options:
  kubelet_arguments:
    description:
      - More arguments for the kubelet, for instance C(--max-pods=200), one word each. They are put into
        C(KUBELET_EXTRA_ARGS) beside what is there; which of them are ours is noted.
    type: list
    elements: str
    default: []
  kubelet_config:
    description:
      - Fields of a KubeletConfiguration. They are written to a drop-in directory that the kubelet merges into the
        configuration of the tenant cluster (Kubernetes 1.30 or later).
    type: dict
    default: {}
  proxy:
    description:
      - Proxy of the join script, of the container runtime and of the kubelet. It is kept in a file that only root can
        read.
    type: dict
    suboptions:
      http_proxy:
        description: For HTTP.
        type: str
      https_proxy:
        description: For HTTPS.
        type: str
      no_proxy:
        description: Hosts, domains and networks that are reached directly, with commas.
        type: str
"""
