# SPDX-License-Identifier: Apache-2.0
"""What a plan is made of. Each step says in words what it does, so that check mode can print it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union


@dataclass(frozen=True)
class WriteFile:
    path: str
    content: str
    mode: int
    before: str | None

    @property
    def text(self) -> str:
        return f"{'create' if self.before is None else 'change'} {self.path}"


@dataclass(frozen=True)
class RemoveFile:
    path: str
    before: str

    @property
    def text(self) -> str:
        return f"remove {self.path}"


@dataclass(frozen=True)
class Run:
    """A command. With `text` it is worth telling the user about."""

    argv: tuple[str, ...]
    text: str = ""


@dataclass(frozen=True)
class Guard:
    """Put the guard of a tenant's bridge in place; fails when nothing on this server can keep it apart.

    `undo` takes back what would bring the bridge up at the next boot.
    """

    tenant: str
    bridge: str
    vlan: str
    undo: tuple[Run | RemoveFile, ...] = ()

    @property
    def text(self) -> str:
        return f"keep bridge {self.bridge} apart from the server"


@dataclass(frozen=True)
class AwaitDetached:
    """Wait until nothing but the VLAN device is connected to the bridge."""

    tenant: str
    bridge: str
    vlan: str
    what: str = "tenant cluster"

    @property
    def text(self) -> str:
        return ""


@dataclass(frozen=True)
class AwaitDevices:
    """Wait until somebody else has made a tenant's VLAN device, and connected it to the bridge."""

    tenant: str
    link: str
    vlan_id: int
    vlan: str
    bridge: str
    made_by: str

    @property
    def text(self) -> str:
        return ""


@dataclass(frozen=True)
class RemoveDevice:
    """Remove a device that NetworkManager may know, with what it knows; one that is gone already is no failure."""

    device: str

    @property
    def text(self) -> str:
        return f"remove {self.device}"


@dataclass(frozen=True)
class ChangeBond:
    """Change the bond, or the bridge that takes over a NIC, under the dead-man switch. Without content it goes."""

    bond: str
    path: str
    content: str | None
    before: str | None
    recreate: bool
    reasons: tuple[str, ...]
    #: Further devices that are made by the same file, and that a roll-back removes.
    devices: tuple[str, ...] = ()
    #: Devices that the file does not name any more.
    remove: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        verb = "remove" if self.content is None else "set up"
        return f"{verb} {self.bond}: {'; '.join(self.reasons)}"


@dataclass(frozen=True)
class ConfirmBond:
    """The changed bond is good and the server was reached: keep it."""

    bond: str
    #: Whether the change has removed it.
    gone: bool = False

    @property
    def text(self) -> str:
        return ""


Step = Union[WriteFile, RemoveFile, Run, Guard, AwaitDetached, AwaitDevices, RemoveDevice, ChangeBond, ConfirmBond]
