#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

DOCUMENTATION = r"""
module: os_provision_seed
short_description: What an unattended installer reads for one server
version_added: 0.1.0
description:
  - Renders cloud-config with an autoinstall section (Ubuntu) or a preseed file (Debian) from the server's intent and
    writes it, with a medium of the label C(CIDATA) that holds it, below O(directory), where only the owner can read.
  - The bond's netplan file is that of M(baremetal.fabric.host_network), word for word.
  - Each call that writes is an installation of its own with a new identity. What earlier ones for the same
    O(management.mac) have left is removed.
  - Runs on the machine that serves the media.
attributes:
  check_mode:
    support: full
    description: Renders and writes nothing.
  diff_mode:
    support: full
    description: Shows the documents. Passwords' hashes and private keys are hidden.
options:
  directory:
    description: Below it each server has a directory. It is made, and nobody else may look into it.
    type: path
    required: true
  name:
    description:
      - Name of the server's directory. By default one that nobody can guess, because whoever knows it may read it while
        it is served.
    type: str
  state:
    description: Whether the server's directory shall be there. V(absent) needs O(name) and removes it.
    type: str
    choices: [present, absent]
    default: present
  medium:
    description: Whether to make the medium, C(seed.img). Needs the Python library pycdlib.
    type: bool
    default: true
  distribution:
    description: What is installed.
    type: str
    choices: [ubuntu, debian]
    default: ubuntu
  hostname:
    description:
      - Name of the new system.
      - Required with O(state=present), as are O(disk), O(management), O(bond) and O(user).
    type: str
  disk:
    description: The disk that is written, by one of the two.
    type: dict
    suboptions:
      path:
        description: Path of its device.
        type: str
      serial:
        description: Its serial number, as udev's C(ID_SERIAL) has it.
        type: str
  management:
    description: The NIC by which Ansible reaches the server.
    type: dict
    suboptions:
      mac:
        description: Its MAC address.
        type: str
        required: true
      address:
        description: Its address with the prefix length; by default DHCP.
        type: str
      gateway:
        description: Gateway of the default route.
        type: str
  bond:
    description: The bond, as O(baremetal.fabric.host_network#module:bond); each NIC needs its MAC address.
    type: dict
  user:
    description: The user that Ansible logs in as. Anybody but C(root) becomes C(root) by sudo without a password.
    type: str
  authorized_keys:
    description: Public keys that may log in.
    type: list
    elements: str
    default: []
  password_hash:
    description: The user's password as crypt(5) has it. By default nobody can log in with a password.
    type: str
  host_key:
    description: The ed25519 key that the new system shows, so that it is known before it is first reached.
    type: dict
    suboptions:
      private:
        description: The private key in OpenSSH's format.
        type: str
        required: true
      public:
        description: The public key.
        type: str
        required: true
  dns:
    description: Addresses of name servers.
    type: list
    elements: str
    default: []
  ntp:
    description: Time servers.
    type: list
    elements: str
    default: []
  proxy:
    description: URL of the proxy for packages.
    type: str
  timezone:
    description: Time zone of the new system.
    type: str
    default: Etc/UTC
  packages:
    description: Packages to install besides those of the distribution's server.
    type: list
    elements: str
    default: []
requirements:
  - pycdlib (Python library), with O(medium=true)
author:
  - The baremetal.fabric developers (@baremetal-fabric)
"""

EXAMPLES = r"""
- name: Write what the installer reads
  baremetal.fabric.os_provision_seed:
    directory: /var/lib/fabric/media
    hostname: metal1
    disk: {serial: S4EVNX0R123456}
    management: {mac: "0c:42:a1:00:00:01", address: 10.0.0.21/24, gateway: 10.0.0.1}
    bond:
      name: bond0
      nics:
        - {name: eth9, mac: "0c:42:a1:00:00:09"}
        - {name: eth10, mac: "0c:42:a1:00:00:0a"}
    user: ubuntu
    authorized_keys: ["ssh-ed25519 AAAA… operator"]
  register: seed
  delegate_to: localhost
"""

RETURN = r"""
name:
  description: Name of the server's directory; null in check mode where it was not given.
  type: str
  returned: success
identity:
  description: What the new system can be told by; null in check mode.
  type: str
  returned: with state=present
files:
  description: Names of the files.
  type: list
  elements: str
  returned: with state=present
"""

import errno
import os
import secrets
import shutil
import uuid
from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib
from ansible_collections.baremetal.fabric.plugins.module_utils._os_provision import model, seed

_MEDIUM = "seed.img"
# Says whose a directory is; a name that is never served.
_OWNER = ".owner"
_REQUIRED = ("hostname", "disk", "management", "bond", "user")


def argument_spec() -> dict[str, Any]:
    words = {"type": "list", "elements": "str", "default": []}
    return {
        "directory": {"type": "path", "required": True},
        "name": {"type": "str"},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "medium": {"type": "bool", "default": True},
        "distribution": {"type": "str", "choices": [seed.UBUNTU, seed.DEBIAN], "default": seed.UBUNTU},
        "hostname": {"type": "str"},
        "disk": {"type": "dict", "options": {"path": {"type": "str"}, "serial": {"type": "str"}}},
        "management": {
            "type": "dict",
            "options": {
                "mac": {"type": "str", "required": True},
                "address": {"type": "str"},
                "gateway": {"type": "str"},
            },
        },
        "bond": {"type": "dict"},
        "user": {"type": "str"},
        # public keys are shown
        "authorized_keys": {**words, "no_log": False},
        "password_hash": {"type": "str", "no_log": True},
        "host_key": {
            "type": "dict",
            "no_log": False,
            "options": {
                "private": {"type": "str", "required": True, "no_log": True},
                "public": {"type": "str", "required": True},
            },
        },
        "dns": words,
        "ntp": words,
        "proxy": {"type": "str"},
        "timezone": {"type": "str", "default": "Etc/UTC"},
        "packages": words,
    }


def remove(directory: Path, name: str, check_mode: bool) -> bool:
    """Remove a server's directory, and the root with the last one; whether there was anything."""
    own = directory / name
    if own.parent != directory or name in (".", ".."):
        raise model.ProvisionError(f"'{name}' is no name of a directory below {directory}")
    if not own.is_dir():
        return False
    if not check_mode:
        shutil.rmtree(own)
        try:
            directory.rmdir()
        except OSError as error:
            # another server's data is there, or the last one's has just taken the root along
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT):
                raise
    return True


def left_behind(directory: Path, owner: str) -> list[Path]:
    """What runs for the same server that were killed have left."""
    return [each.parent for each in sorted(directory.glob(f"*/{_OWNER}")) if each.read_text() == owner]


def write(directory: Path, name: str, owner: str, contents: dict[str, bytes]) -> None:
    """Write files that nobody else can read; an earlier directory of the name or the owner is replaced."""
    # the root may go with another server's data and has to be made again
    os.umask(0o077)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    directory.chmod(0o700)
    own = directory / name
    for each in {*left_behind(directory, owner), own}:
        if each.is_dir():
            shutil.rmtree(each)
    own.mkdir(mode=0o700, parents=True)
    for file, data in {_OWNER: owner.encode(), **contents}.items():
        path = own / file
        path.touch(mode=0o600, exist_ok=False)
        path.write_bytes(data)


def present(module: AnsibleModule) -> dict[str, Any]:
    params, name = module.params, module.params["name"]
    identity = str(uuid.uuid4())
    wanted = model.installation({**params, "identity": identity})
    texts = seed.documents(wanted)
    files = [*texts, *([_MEDIUM] if params["medium"] else [])]
    if params["medium"] and seed.IMPORT_ERROR:
        module.fail_json(msg=missing_required_lib("pycdlib"), exception=seed.IMPORT_ERROR)
    if not module.check_mode:
        name = name or secrets.token_urlsafe(24)
        contents = {file: text.encode() for file, text in texts.items()}
        if params["medium"]:
            contents[_MEDIUM] = seed.medium(texts)
        write(Path(params["directory"]), name, wanted.management.mac, contents)
    shown = seed.shown(model.installation({**params, "identity": "(known after apply)"}))
    return {
        "changed": True,
        "name": name,
        "identity": None if module.check_mode else identity,
        "files": sorted(files),
        "diff": [
            {"before": "", "after": text, "after_header": f"{params['hostname']}: {file}"}
            for file, text in shown.items()
            if text
        ],
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec(),
        required_if=[("state", "present", _REQUIRED), ("state", "absent", ("name",))],
        supports_check_mode=True,
    )
    params = module.params
    try:
        if params["state"] == "absent":
            changed = remove(Path(params["directory"]), params["name"], module.check_mode)
            result: dict[str, Any] = {"changed": changed, "name": params["name"]}
        else:
            result = present(module)
    except model.ProvisionError as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
