"""Which port hangs on which: names, cables and port-channels, read once per request."""

from __future__ import annotations

from typing import Any

from .errors import invalid
from .store import Record, Store
from .values import to_int


class Topology:
    """An index over ports, devices and links as they are now."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._names: dict[str, int] | None = None
        self._peers: dict[int, int] | None = None
        self._by_device: dict[int, list[Record]] | None = None

    def device(self, port: Record) -> Record:
        record = self._store.peek("hw", port["hw"])
        if record is None:
            raise LookupError(f"port {port['id']} has no device")
        return record

    def label(self, port: Record) -> str:
        """The display name, `swp1@leaf1`."""
        return f"{port['port']}@{self.device(port)['name']}"

    def ports_of(self, device_id: int) -> list[Record]:
        if self._by_device is None:
            self._by_device = {}
            for port in self._store.all("port"):
                self._by_device.setdefault(port["hw"], []).append(port)
        return self._by_device.get(device_id, [])

    def named(self, name: str) -> Record | None:
        if self._names is None:
            devices = {device["id"]: device["name"] for device in self._store.all("hw")}
            self._names = {f"{port['port']}@{devices[port['hw']]}": port["id"] for port in self._store.all("port")}
        identifier = self._names.get(name)
        return self._store.peek("port", identifier) if identifier is not None else None

    def find(self, value: Any, field: str) -> Record:
        """The port meant by `{id}` or, with id 0 or none, by `{name: "port@device"}`."""
        if not isinstance(value, dict):
            raise invalid(field, f"{field} must hold objects with an id or a name.")
        identifier = to_int(value.get("id") or 0, field)
        name = str(value.get("name") or "")
        port = self._store.peek("port", identifier) if identifier else self.named(name)
        if port is None:
            raise invalid(field, f"Port {name or identifier} does not exist.")
        return port

    def peer(self, port_id: int) -> Record | None:
        """The port at the other end of the cable."""
        if self._peers is None:
            self._peers = {}
            for link in self._store.all("link"):
                self._peers[link["local"]] = link["remote"]
                self._peers[link["remote"]] = link["local"]
        other = self._peers.get(port_id)
        return self._store.peek("port", other) if other is not None else None

    def interface(self, port_id: int) -> Record | None:
        """The switch interface that a V-Net member means.

        A server's NIC means the switch port at its cable's other end; a member of a port-channel means the channel.
        None for a NIC without a cable to a switch.
        """
        port = self._store.peek("port", port_id)
        if port is not None and self.device(port)["type"] != "switch":
            port = self.peer(port_id)
        if port is None or self.device(port)["type"] != "switch":
            return None
        return self._store.peek("port", port["lag"]) if port["lag"] else port
