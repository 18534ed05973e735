# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""One interface to send from and listen on. Private to the collection; runs on servers (Python 3.8)."""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple, Optional

from . import bpf, frames

_ETH_P_ALL = 0x0003
_SOL_PACKET = 263
_PACKET_AUXDATA = 8
_AUXDATA = struct.Struct("IIIHHHH")  # struct tpacket_auxdata
_TP_STATUS_VLAN_VALID = 1 << 4
_PACKET_STATISTICS = 6
_STATISTICS = struct.Struct("II")  # struct tpacket_stats: frames, frames dropped
_SO_RCVBUFFORCE = 33
# A slow server gets around to reading only now and then, and a dropped frame may be the one that matters.
_RECEIVE_BUFFER = 8 << 20
_LARGEST_FRAME = 65536


class Seen(NamedTuple):
    """A frame that passed an interface."""

    interface: str
    outgoing: bool
    vlan: Optional[int]
    frame: frames.Frame


class Station:
    """A packet socket on one interface. It bypasses routing, addresses and firewalls, as a hostile server would."""

    def __init__(self, interface: str) -> None:
        self.interface = interface
        self.sent = 0
        # The kernel does not show a socket its own frames, and those that left are to be seen: hence two.
        self._sender = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)  # protocol 0: deaf until the filter is on
        try:
            self._sender.bind((interface, 0))
            self._sender.setblocking(False)
            bpf.attach(self._socket)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVE_BUFFER)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
            self._socket.bind((interface, _ETH_P_ALL))
            self._socket.setblocking(False)
        except OSError:
            self.close()
            raise

    def fileno(self) -> int:
        return self._socket.fileno()

    def close(self) -> None:
        self._sender.close()
        self._socket.close()

    def dropped(self) -> int:
        """Frames that the kernel dropped unread since the last call."""
        _frames, dropped = _STATISTICS.unpack(
            self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, _STATISTICS.size)
        )
        return int(dropped)

    def send(self, data: bytes) -> bool:
        """Send; False when the interface does not take frames now (it is down, or its queue is full)."""
        try:
            self._sender.send(data)
        except OSError:
            return False
        self.sent += 1
        return True

    def receive(self) -> Optional[Seen]:
        """The next frame, None when there is none now."""
        while True:
            try:
                data, ancillary, _flags, address = self._socket.recvmsg(
                    _LARGEST_FRAME, socket.CMSG_SPACE(_AUXDATA.size)
                )
            except BlockingIOError:
                return None
            except OSError:  # the interface went down: said once per event, the socket stays usable
                return None
            frame = frames.parse_ethernet(data)
            if frame is None:
                continue
            vlan = frame.vlan
            for level, kind, body in ancillary:
                if level == _SOL_PACKET and kind == _PACKET_AUXDATA and len(body) >= _AUXDATA.size:
                    status, _len, _snap, _mac, _net, tci, _tpid = _AUXDATA.unpack_from(body)
                    if status & _TP_STATUS_VLAN_VALID:
                        vlan = tci & 0x0FFF
            return Seen(self.interface, address[2] == socket.PACKET_OUTGOING, vlan, frame)
