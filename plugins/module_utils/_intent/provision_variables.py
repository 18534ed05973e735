# SPDX-License-Identifier: Apache-2.0
"""Variables of a server that has no system yet: its BMC, and what shall be installed. JSON Schema as the others."""

from __future__ import annotations

from typing import Any

_MAC = {"type": "string", "pattern": "^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$", "examples": ["0c:42:a1:00:00:01"]}
_WORD = {"type": "string", "pattern": "^\\S+$", "examples": ["one word"]}

PROVISION: dict[str, dict[str, Any]] = {
    "os_provision_provider": {
        "type": "string",
        "enum": ["existing", "redfish"],
        "default": "existing",
        "description": "Who installs the server: nobody, it has a system; or its BMC by Redfish.",
    },
    "os_provision_wipe": {
        "type": "boolean",
        "default": False,
        "description": "Consent to lose what is on its disk. Counts only here, in the variables of the host itself.",
    },
    "os_provision_bmc": {
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "description": "The server's BMC; required with redfish.",
        "properties": {
            "url": {
                "type": "string",
                "pattern": "^https://[^\\s/]+/?$",
                "examples": ["https://bmc-metal1.example.com"],
                "description": "Where it answers, by HTTPS.",
            },
            "username": {"type": "string", "description": "Its user."},
            "password": {
                "type": "string",
                "writeOnly": True,
                "description": "The user's password, from a vault or the environment.",
            },
            "system": {"type": "string", "description": "Name of the Redfish system, where the BMC has several."},
            "manager": {"type": "string", "description": "Name of the Redfish manager, where the BMC has several."},
            "validate_certs": {
                "type": "boolean",
                "default": True,
                "description": "Whether this BMC's certificate is verified.",
            },
            "ca_path": {
                "type": "string",
                "description": "File of the authority that signed the certificate; default: those of the machine.",
            },
            "timeout": {"type": "integer", "minimum": 1, "default": 60, "description": "Seconds for one request."},
        },
    },
    "os_provision_boot": {
        "type": "string",
        "enum": ["virtual_media", "pxe", "http"],
        "default": "virtual_media",
        "description": "How the installer is booted, once.",
    },
    "os_provision_installer": {
        "type": "string",
        "pattern": "^(|https?://[^\\s/]+/\\S+)$",
        "examples": ["https://media.example.com/noble-autoinstall.iso"],
        "default": "",
        "description": "URL of the installer's medium as the BMC reaches it; required with virtual media.",
    },
    "os_provision_distribution": {
        "type": "string",
        "enum": ["ubuntu", "debian"],
        "default": "ubuntu",
        "description": "What is installed.",
    },
    "os_provision_disk": {
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "description": "The disk that is written, by one of the two; required with redfish.",
        "properties": {
            "path": {
                "type": "string",
                "pattern": "^/dev/[A-Za-z0-9/_:.+-]+$",
                "examples": ["/dev/nvme0n1"],
                "description": "Path of its device.",
            },
            "serial": {
                "type": "string",
                "pattern": "^[A-Za-z0-9_:.-]+$",
                "examples": ["S4EVNX0R123456"],
                "description": "Its serial number, as udev's ID_SERIAL has it.",
            },
        },
    },
    "os_provision_management": {
        "type": "object",
        "default": {},
        "additionalProperties": False,
        "description": "The NIC by which Ansible reaches the server; required with redfish.",
        "properties": {
            "mac": {**_MAC, "description": "Its MAC address."},
            "address": {
                "type": "string",
                "examples": ["10.0.0.21/24"],
                "description": "Its address with the prefix length; default: DHCP.",
            },
            "gateway": {"type": "string", "examples": ["10.0.0.1"], "description": "Gateway of the default route."},
        },
    },
    "os_provision_user": {
        "type": "string",
        "pattern": "^[a-z_][a-z0-9_-]{0,31}$",
        "examples": ["ubuntu"],
        "description": "The user that Ansible logs in as; default: ansible_user, or root.",
    },
    "os_provision_authorized_keys": {
        "type": "array",
        "default": [],
        "items": {
            "type": "string",
            "pattern": "^(ssh|ecdsa|sk)-[a-z0-9@.-]+ [A-Za-z0-9+/=]+( [^\\n]*)?$",
            "examples": ["ssh-ed25519 AAAA… operator"],
        },
        "description": "Public keys that may log in; required with redfish.",
    },
    "os_provision_password_hash": {
        "type": "string",
        "writeOnly": True,
        "description": "The user's password as crypt(5) has it; default: nobody can log in with a password.",
    },
    "os_provision_host_key": {
        "type": "string",
        "description": "Private ed25519 key that the new system shows, a file with the public key beside it as .pub.",
    },
    "os_provision_dns": {
        "type": "array",
        "items": _WORD,
        "default": [],
        "description": "Addresses of name servers.",
    },
    "os_provision_ntp": {"type": "array", "items": _WORD, "default": [], "description": "Time servers."},
    "os_provision_proxy": {
        "type": "string",
        "pattern": "^(|https?://[^\\s/]+/?)$",
        "examples": ["http://proxy.example.com:3128"],
        "default": "",
        "description": "Proxy for packages.",
    },
    "os_provision_timezone": {**_WORD, "examples": ["Etc/UTC"], "default": "Etc/UTC", "description": "Time zone."},
    "os_provision_packages": {
        "type": "array",
        "items": _WORD,
        "default": [],
        "description": "Packages besides those of the distribution's server.",
    },
}
