from __future__ import annotations


class ModuleDocFragment:
    """Options of every module that talks to a Kubernetes API."""

    DOCUMENTATION = r"""
options:
  kubeconfig:
    description:
      - Path of the host cluster's kubeconfig file on the machine that runs the module.
      - The file is only read; its current context is never changed. E(KUBECONFIG) and C(~/.kube/config) are
        deliberately not consulted, so that nothing is applied to a cluster that happens to be current.
      - If E(K8S_AUTH_KUBECONFIG) is set it is used when the option is not.
    type: path
    required: true
  context:
    description:
      - Context of the kubeconfig; by default its current one.
      - If E(K8S_AUTH_CONTEXT) is set it is used when the option is not.
    type: str
requirements:
  - kubernetes >= 28.1.0 (Python library)
"""

    # For modules that are about one control plane in the host cluster.
    CONTROL_PLANE = r"""
options:
  name:
    description: Name of the tenant cluster, which is the name of its Helm release.
    type: str
    required: true
  namespace:
    description: Namespace of its control plane in the host cluster. Defaults to C(vcluster-<name>).
    type: str
"""

    # For modules that look at more than the namespaces of one tenant cluster.
    FORBIDDEN = r"""
options:
  allow_forbidden:
    description:
      - Go on without what the API server forbids to look at, and name it in RV(ignore:not_checked) and in a warning.
      - For credentials of some namespaces of the host cluster, as M(baremetal.fabric.service_account_kubeconfig) writes
        them.
      - Everything else that fails still fails.
    type: bool
    default: false
"""

    TENANT = r"""
options:
  tenant:
    description:
      - Talk to a tenant cluster's API instead of the host cluster's.
      - The machine that runs Ansible is on no tenant VLAN, so the connection is a port-forward through the host
        cluster to a ready control-plane pod. Its certificate is verified against the CA of the Secret C(vc-<name>)
        (with Kamaji C(<name>-admin-kubeconfig)) and must be valid for O(tenant.server_name).
    type: dict
    suboptions:
      name:
        description: Name of the tenant cluster, which is the name of its Helm release or TenantControlPlane.
        type: str
        required: true
      namespace:
        description: Namespace of its control plane in the host cluster. Defaults to C(vcluster-<name>).
        type: str
      server_name:
        description:
          - The name or address that the certificate must carry, usually the VIP.
          - Defaults to the host of the server in the kubeconfig of the Secret.
        type: str
      backend:
        description: What runs its control plane, by which its Secret and its pods are found.
        type: str
        choices: [vcluster, kamaji]
        default: vcluster
"""

    # For modules that are about a tenant cluster's API and nothing else. Spelt out: ansible-test reads literals only.
    TENANT_REQUIRED = r"""
options:
  tenant:
    required: true
    description:
      - Talk to a tenant cluster's API instead of the host cluster's.
      - The machine that runs Ansible is on no tenant VLAN, so the connection is a port-forward through the host
        cluster to a ready control-plane pod. Its certificate is verified against the CA of the Secret C(vc-<name>)
        (with Kamaji C(<name>-admin-kubeconfig)) and must be valid for O(tenant.server_name).
    type: dict
    suboptions:
      name:
        description: Name of the tenant cluster, which is the name of its Helm release or TenantControlPlane.
        type: str
        required: true
      namespace:
        description: Namespace of its control plane in the host cluster. Defaults to C(vcluster-<name>).
        type: str
      server_name:
        description:
          - The name or address that the certificate must carry, usually the VIP.
          - Defaults to the host of the server in the kubeconfig of the Secret.
        type: str
      backend:
        description: What runs its control plane, by which its Secret and its pods are found.
        type: str
        choices: [vcluster, kamaji]
        default: vcluster
"""
