# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""The kernel-side filter of the probe's sockets. Private to the collection; runs on servers (Python 3.8).

A shared server's bond carries all traffic of all tenant clusters: without a filter the probe would read all of it.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from typing import List, Tuple

from . import frames

_SO_ATTACH_FILTER = 26

# Classic BPF operations (linux/filter.h)
_LD_HALF, _LD_BYTE, _LDX_IP_LENGTH, _LD_HALF_IND, _LD_BYTE_IND = 0x28, 0x30, 0xB1, 0x48, 0x50
_JEQ, _JSET, _RET = 0x15, 0x45, 0x06
_WHOLE_FRAME = 0x40000

Instruction = Tuple[int, int, int, int]


def program() -> List[Instruction]:
    """Accept probe, ARP, LACP, LLDP and tagged frames, ICMP, and TCP segments that open or refuse a connection.

    The kernel has taken a received frame's tag off already, so offset 12 is the inner ethertype; a tagged frame on
    its way out may still carry it in place and is let through to be looked at in Python.
    """
    accept = -1  # resolved below
    reject = -2
    steps: List[Tuple[int, int, int, int]] = [(_LD_HALF, 0, 0, 12)]
    for ethertype in (
        frames.ETHERTYPE_PROBE,
        frames.ETHERTYPE_ARP,
        frames.ETHERTYPE_SLOW,
        frames.ETHERTYPE_LLDP,
        frames.ETHERTYPE_VLAN,
    ):
        steps.append((_JEQ, accept, 0, ethertype))
    steps.append((_JEQ, 0, reject, frames.ETHERTYPE_IPV4))
    steps.append((_LD_BYTE, 0, 0, 14 + 9))
    steps.append((_JEQ, accept, 0, frames.PROTOCOL_ICMP))
    steps.append((_JEQ, 0, reject, frames.PROTOCOL_TCP))
    steps.append((_LDX_IP_LENGTH, 0, 0, 14))
    steps.append((_LD_BYTE_IND, 0, 0, 14 + 13))
    steps.append((_JSET, accept, reject, frames.TCP_SYN | frames.TCP_RST))
    end = len(steps)
    places = {accept: end, reject: end + 1}

    def offset(at: int, jump: int) -> int:
        return places[jump] - at - 1 if jump < 0 else jump

    resolved = [
        (code, offset(at, true), offset(at, false), value) for at, (code, true, false, value) in enumerate(steps)
    ]
    return [*resolved, (_RET, 0, 0, _WHOLE_FRAME), (_RET, 0, 0, 0)]


def attach(sock: socket.socket) -> None:
    """Hand the filter to the kernel."""
    code = b"".join(struct.pack("HBBI", *instruction) for instruction in program())
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HL", len(code) // 8, ctypes.addressof(buffer))
    sock.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, head)
