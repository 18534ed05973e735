# SPDX-License-Identifier: Apache-2.0
"""Options of modules that write or read snapshots."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  url:
    description:
      - Where the snapshot is. C(s3://BUCKET/KEY), C(oci://REGISTRY/REPOSITORY:TAG), the C(https) URL of a blob on
        Azure, or C(container:///PATH) in a volume of the control plane's.
    type: str
    required: true
  credentials:
    description:
      - What the store wants to know. Kept in Secrets of the control plane's namespace and nowhere else.
      - Without them the control plane's own identity must do, such as a role of its cloud.
    type: dict
    default: {}
    suboptions:
      access_key_id:
        description: Of C(s3).
        type: str
      secret_access_key:
        description: Of C(s3).
        type: str
      session_token:
        description: Of C(s3).
        type: str
      region:
        description: Of C(s3).
        type: str
      endpoint:
        description: URL of an C(s3) that is not Amazon's.
        type: str
      path_style:
        description: Whether the bucket is part of the URL's path, as most of these want it.
        type: bool
        default: false
      ca_certificate:
        description: Path of its certificate authority in the control plane's pod.
        type: str
      insecure:
        description: Do not verify its certificate.
        type: bool
        default: false
      kms_key:
        description: Key that C(s3) encrypts with.
        type: str
      username:
        description: Of C(oci).
        type: str
      password:
        description: Of C(oci).
        type: str
      sas:
        description: Token of a blob on Azure.
        type: str
      storage_key:
        description: Key of the storage account on Azure.
        type: str
      tenant_id:
        description: Tenant on Azure.
        type: str
      client_id:
        description: Service principal on Azure.
        type: str
      client_secret:
        description: Its secret.
        type: str
      subscription_id:
        description: Subscription on Azure.
        type: str
      resource_group:
        description: Resource group on Azure.
        type: str
"""
