"""Bytes on the wire, against examples that were not made by the code under test."""

from __future__ import annotations

import socket
import struct

import pytest
from ansible_collections.baremetal.fabric.plugins.module_utils._proof import bpf, frames

MAC = bytes.fromhex("020000000001")


def test_a_probe_survives_padding_and_a_tag() -> None:
    message = {"n": "x", "s": "metal1", "i": "bond0", "t": None, "d": False}
    plain = frames.parse_ethernet(
        frames.ethernet(frames.BROADCAST, MAC, frames.ETHERTYPE_PROBE, frames.probe_payload(message))
    )
    tagged = frames.parse_ethernet(
        frames.ethernet(frames.BROADCAST, MAC, frames.ETHERTYPE_PROBE, frames.probe_payload(message), 7)
    )
    assert plain is not None and tagged is not None
    assert (plain.vlan, tagged.vlan) == (None, 7)
    assert frames.parse_probe(plain.payload) == frames.parse_probe(tagged.payload) == message
    assert len(frames.ethernet(frames.BROADCAST, MAC, frames.ETHERTYPE_PROBE, b"")) == 60


@pytest.mark.parametrize(
    "payload", [b"", b"bmfp", b"bmfp\x00\x02", b"bmfp\x00\x02[]", b"xxxx\x00\x02{}", b"bmfp\x00\x01\xff"]
)
def test_foreign_bytes_are_no_probe(payload: bytes) -> None:
    assert frames.parse_probe(payload) is None


def test_headers_hold_against_a_capture() -> None:
    # From RFC 1071's worked example: the sum of these words is ddf2, its complement 220d.
    assert frames.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D
    # An IPv4 header often used as an example, its checksum b861.
    header = bytes.fromhex("45000073000040004011b861c0a80001c0a800c7")
    assert frames.checksum(header) == 0
    packet = frames.parse_ipv4(header + bytes(0x73 - 20))
    assert packet is not None
    assert (packet.source, packet.destination, packet.protocol) == ("192.168.0.1", "192.168.0.199", 17)


def test_what_is_sent_checks_out() -> None:
    packet = frames.ipv4("10.0.0.1", "10.0.0.2", frames.PROTOCOL_ICMP, frames.icmp_echo(5, 9))
    assert frames.checksum(packet[:20]) == 0 and frames.checksum(packet[20:]) == 0
    read = frames.parse_ipv4(packet)
    assert read is not None and frames.parse_icmp(read.body) == (8, 5, 9)

    syn = frames.tcp_syn("10.0.0.1", "10.0.0.2", 1234, 443, 77)
    pseudo = socket.inet_aton("10.0.0.1") + socket.inet_aton("10.0.0.2") + struct.pack("!BBH", 0, 6, len(syn))
    assert frames.checksum(pseudo + syn) == 0
    assert frames.parse_tcp(syn) == (1234, 443, 0, frames.TCP_SYN)

    arp = frames.parse_arp(frames.arp_request(MAC, "0.0.0.0", "10.0.0.2"))
    assert arp == (1, MAC, "0.0.0.0", "10.0.0.2")


@pytest.mark.parametrize("length", range(34))
def test_cut_off_bytes_never_raise(length: int) -> None:
    packet = frames.ipv4("10.0.0.1", "10.0.0.2", frames.PROTOCOL_TCP, frames.tcp_syn("10.0.0.1", "10.0.0.2", 1, 2, 3))
    whole = frames.ethernet(frames.BROADCAST, MAC, frames.ETHERTYPE_IPV4, packet, 3)
    frame = frames.parse_ethernet(whole[:length])
    if frame is not None:
        frames.parse_ipv4(frame.payload)
        frames.parse_arp(frame.payload)
    frames.parse_tcp(packet[20 : 20 + length][:19])
    frames.parse_icmp(packet[:length][:7])


def run_filter(frame: bytes) -> bool:
    """A small interpreter of classic BPF: what the kernel does with the program."""
    accumulator = index = at = 0
    program = bpf.program()
    while True:
        code, true, false, value = program[at]
        at += 1
        if code == 0x06:
            return value > 0
        if code == 0x28:
            (accumulator,) = struct.unpack_from("!H", frame, value)
        elif code == 0x30:
            accumulator = frame[value]
        elif code == 0x50:
            accumulator = frame[index + value]
        elif code == 0xB1:
            index = (frame[value] & 0x0F) * 4
        elif code == 0x15:
            at += true if accumulator == value else false
        elif code == 0x45:
            at += true if accumulator & value else false
        else:
            raise AssertionError(f"unknown operation {code:#x}")


def test_the_kernel_side_filter_lets_through_what_the_probe_reads_and_no_payload() -> None:
    def ip(protocol: int, body: bytes) -> bytes:
        return frames.ethernet(
            frames.BROADCAST, MAC, frames.ETHERTYPE_IPV4, frames.ipv4("10.0.0.1", "10.0.0.2", protocol, body)
        )

    syn = bytearray(frames.tcp_syn("10.0.0.1", "10.0.0.2", 1, 2, 3))
    assert run_filter(ip(6, bytes(syn)))
    syn[13] = frames.TCP_RST | frames.TCP_ACK
    assert run_filter(ip(6, bytes(syn)))
    syn[13] = frames.TCP_ACK
    assert not run_filter(ip(6, bytes(syn)))
    assert run_filter(ip(1, frames.icmp_echo(1, 1)))
    assert not run_filter(ip(17, bytes(20)))
    for ethertype in (0x88B5, 0x0806, 0x8809, 0x88CC, 0x8100):
        assert run_filter(frames.ethernet(frames.BROADCAST, MAC, ethertype, bytes(46)))
    assert not run_filter(frames.ethernet(frames.BROADCAST, MAC, 0x86DD, bytes(46)))
