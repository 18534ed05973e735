"""``python -m fabric_lab.standin_k8slan``: print the manifest, for the option k8slan_manifest of the role k8slan."""

from __future__ import annotations

import sys

from fabric_lab.standin_k8slan import manifest
from fabric_lab.state import LabError


def main() -> int:
    try:
        print(manifest.text())
    except LabError as error:
        print(f"fabric_lab.standin_k8slan: {error}", file=sys.stderr)
        return 1
    return 0


sys.exit(main())
