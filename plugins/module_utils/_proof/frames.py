# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""Frames on the wire, to and from bytes. Pure; private to the collection; runs on servers (Python 3.8)."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Dict, NamedTuple, Optional

ETHERTYPE_PROBE = 0x88B5  # IEEE 802: local experimental, so no real protocol is disturbed
ETHERTYPE_ARP = 0x0806
ETHERTYPE_IPV4 = 0x0800
ETHERTYPE_VLAN = 0x8100
ETHERTYPE_SLOW = 0x8809  # LACP
ETHERTYPE_LLDP = 0x88CC

PROTOCOL_ICMP = 1
PROTOCOL_TCP = 6

TCP_FIN, TCP_SYN, TCP_RST, TCP_ACK = 0x01, 0x02, 0x04, 0x10

BROADCAST = b"\xff" * 6
_MAGIC = b"bmfp"
_MINIMUM_FRAME = 60


class Frame(NamedTuple):
    """One Ethernet frame; ``vlan`` is the tag inside the bytes, None when there is none."""

    destination: bytes
    source: bytes
    vlan: Optional[int]
    ethertype: int
    payload: bytes


class Arp(NamedTuple):
    """An ARP packet for IPv4 over Ethernet."""

    operation: int
    sender_mac: bytes
    sender: str
    target: str


class Ipv4(NamedTuple):
    """An IPv4 packet without its options."""

    source: str
    destination: str
    protocol: int
    body: bytes


class Tcp(NamedTuple):
    """The fields of a TCP header that a probe looks at."""

    source_port: int
    destination_port: int
    acknowledgement: int
    flags: int


class Icmp(NamedTuple):
    """An ICMP message; identifier and sequence are those of an echo."""

    kind: int
    identifier: int
    sequence: int


def mac_text(mac: bytes) -> str:
    return ":".join("%02x" % octet for octet in mac)


def mac_bytes(text: str) -> bytes:
    return bytes.fromhex(text.replace(":", ""))


def ethernet(destination: bytes, source: bytes, ethertype: int, payload: bytes, vlan: Optional[int] = None) -> bytes:
    """Build a frame, padded to the smallest size that switches forward."""
    tag = b"" if vlan is None else struct.pack("!HH", ETHERTYPE_VLAN, vlan)
    return (destination + source + tag + struct.pack("!H", ethertype) + payload).ljust(_MINIMUM_FRAME, b"\0")


def parse_ethernet(data: bytes) -> Optional[Frame]:
    """Read a frame; None when it is cut off."""
    if len(data) < 14:
        return None
    (ethertype,) = struct.unpack_from("!H", data, 12)
    if ethertype != ETHERTYPE_VLAN:
        return Frame(data[:6], data[6:12], None, ethertype, data[14:])
    if len(data) < 18:
        return None
    tci, inner = struct.unpack_from("!HH", data, 14)
    return Frame(data[:6], data[6:12], tci & 0x0FFF, inner, data[18:])


def probe_payload(message: Dict[str, Any]) -> bytes:
    """The body of a probe frame: a mark, a length (frames are padded) and a small JSON text."""
    body = json.dumps(message, separators=(",", ":"), sort_keys=True).encode()
    return _MAGIC + struct.pack("!H", len(body)) + body


def parse_probe(payload: bytes) -> Optional[Dict[str, Any]]:
    """The message of a probe frame, None for anything else under the same ethertype."""
    head = len(_MAGIC) + 2
    if len(payload) < head or not payload.startswith(_MAGIC):
        return None
    (length,) = struct.unpack_from("!H", payload, len(_MAGIC))
    try:
        message = json.loads(payload[head : head + length].decode())
    except ValueError:  # also what a wrong encoding raises
        return None
    return message if isinstance(message, dict) else None


def arp_request(source_mac: bytes, source: str, target: str) -> bytes:
    """Ask who has ``target``. With source 0.0.0.0 it claims no address (RFC 5227) and is answered all the same."""
    return struct.pack(
        "!HHBBH6s4s6s4s",
        1,
        ETHERTYPE_IPV4,
        6,
        4,
        1,
        source_mac,
        socket.inet_aton(source),
        b"\0" * 6,
        socket.inet_aton(target),
    )


def parse_arp(payload: bytes) -> Optional[Arp]:
    if len(payload) < 28:
        return None
    hardware, protocol, hlen, plen, operation, mac, sender, _unused, target = struct.unpack_from(
        "!HHBBH6s4s6s4s", payload
    )
    if (hardware, protocol, hlen, plen) != (1, ETHERTYPE_IPV4, 6, 4):
        return None
    return Arp(operation, mac, socket.inet_ntoa(sender), socket.inet_ntoa(target))


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    if len(data) % 2:
        data += b"\0"
    total: int = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source: str, destination: str, protocol: int, body: bytes, identifier: int = 0) -> bytes:
    def header(check: int) -> bytes:
        return struct.pack(
            "!BBHHHBBH4s4s",
            0x45,
            0,
            20 + len(body),
            identifier & 0xFFFF,
            0,
            64,
            protocol,
            check,
            socket.inet_aton(source),
            socket.inet_aton(destination),
        )

    return header(checksum(header(0))) + body


def parse_ipv4(payload: bytes) -> Optional[Ipv4]:
    if len(payload) < 20 or payload[0] >> 4 != 4:
        return None
    length = (payload[0] & 0x0F) * 4
    (total,) = struct.unpack_from("!H", payload, 2)
    if length < 20 or total < length or len(payload) < length:
        return None
    return Ipv4(
        socket.inet_ntoa(payload[12:16]),
        socket.inet_ntoa(payload[16:20]),
        payload[9],
        payload[length : min(total, len(payload))],
    )


def icmp_echo(identifier: int, sequence: int) -> bytes:
    def message(check: int) -> bytes:
        return struct.pack("!BBHHH", 8, 0, check, identifier & 0xFFFF, sequence & 0xFFFF) + b"baremetal.fabric"

    return message(checksum(message(0)))


def parse_icmp(body: bytes) -> Optional[Icmp]:
    if len(body) < 8:
        return None
    kind, _code, _check, identifier, sequence = struct.unpack_from("!BBHHH", body)
    return Icmp(kind, identifier, sequence)


def tcp_syn(source: str, destination: str, source_port: int, destination_port: int, sequence: int) -> bytes:
    def segment(check: int) -> bytes:
        return struct.pack("!HHIIBBHHH", source_port, destination_port, sequence, 0, 5 << 4, TCP_SYN, 65535, check, 0)

    pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack("!BBH", 0, PROTOCOL_TCP, 20)
    return segment(checksum(pseudo + segment(0)))


def parse_tcp(body: bytes) -> Optional[Tcp]:
    if len(body) < 20:
        return None
    source_port, destination_port, _seq, ack, _offset, flags = struct.unpack_from("!HHIIBB", body)
    return Tcp(source_port, destination_port, ack, flags)
