# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""Questions put to the network in raw frames: ARP, and packets through a chosen next hop.

Raw, so that no route, address or neighbour entry of the server is changed, and none can hide an answer.
Private to the collection; runs on servers (Python 3.8).
"""

from __future__ import annotations

import ipaddress
from typing import Callable, Dict, List, Optional, Tuple

from . import frames
from .devices import Device
from .station import Seen, Station

Neighbours = Dict[Tuple[str, str], bytes]


def source_for(device: Device, target: str) -> Optional[str]:
    """The device's own address to speak to ``target`` from: one on the target's subnet first, else its first one."""
    first = None
    for address in device.addresses:
        entry = ipaddress.ip_interface(address)
        if ipaddress.ip_address(target) in entry.network:
            return str(entry.ip)
        first = first or str(entry.ip)
    return first


def onlink_source(device: Device, target: str) -> str:
    """The sender address of an ARP request: our own on that subnet, else none at all, so that nobody's is claimed."""
    source = source_for(device, target)
    inside = any(
        ipaddress.ip_address(target) in ipaddress.ip_interface(address).network for address in device.addresses
    )
    return source if inside and source else "0.0.0.0"


def hop_address(hop: str) -> Optional[bytes]:
    """The hardware address of a next hop given as ``mac:02:00:...``: a machine that has no address of its own there."""
    return frames.mac_bytes(hop[len("mac:") :]) if hop.startswith("mac:") else None


class Question:
    """Common to all raw checks."""

    def __init__(self, ident: str, station: Station, device: Device, address: str, expect_answer: bool) -> None:
        self.ident = ident
        self.station = station
        self.device = device
        self.address = address
        self.expect_answer = expect_answer
        self.answered = False
        self.asked = 0

    def ask(self, neighbours: Neighbours) -> None:
        raise NotImplementedError

    def hear(self, seen: Seen) -> None:
        raise NotImplementedError

    def outcome(self) -> Dict[str, object]:
        raise NotImplementedError

    def who_has(self, address: str) -> None:
        mac = frames.mac_bytes(self.device.mac)
        request = frames.arp_request(mac, onlink_source(self.device, address), address)
        self.station.send(frames.ethernet(frames.BROADCAST, mac, frames.ETHERTYPE_ARP, request))


class ArpQuestion(Question):
    """Does anybody on this segment hold an address?"""

    def __init__(self, ident: str, station: Station, device: Device, address: str, expect_answer: bool) -> None:
        super().__init__(ident, station, device, address, expect_answer)
        self._macs: List[str] = []

    def ask(self, neighbours: Neighbours) -> None:  # noqa: ARG002 - the question that fills the table
        self.who_has(self.address)

    def hear(self, seen: Seen) -> None:
        if seen.outgoing or seen.interface != self.station.interface or seen.frame.ethertype != frames.ETHERTYPE_ARP:
            return
        arp = frames.parse_arp(seen.frame.payload)
        if arp and arp.operation == 2 and arp.sender == self.address:
            self.answered = True
            self._macs.append(frames.mac_text(arp.sender_mac))

    def outcome(self) -> Dict[str, object]:
        return {"result": "answered" if self.answered else "silent", "macs": sorted(set(self._macs))}


class RouteQuestion(Question):
    """Does a packet get to an address, and its answer back, when it is handed to this or that next hop?"""

    def __init__(
        self,
        ident: str,
        station: Station,
        device: Device,
        address: str,
        expect_answer: bool,
        port: Optional[int],
        next_hops: List[str],
        take_number: Callable[[], int],
    ) -> None:
        super().__init__(ident, station, device, address, expect_answer)
        self._port = port
        self._next_hops = next_hops
        self._numbers = {hop: take_number() for hop in next_hops}
        self._source = source_for(device, address)
        self._tried: List[str] = []
        self._answers: Dict[str, str] = {}
        self._sequence = 0

    def ask(self, neighbours: Neighbours) -> None:
        self._sequence += 1
        mac = frames.mac_bytes(self.device.mac)
        for hop in self._next_hops:
            hop_mac = hop_address(hop) or neighbours.get((self.station.interface, hop))
            if hop_mac is None:
                self.who_has(hop)
                continue
            if hop not in self._tried:
                self._tried.append(hop)
            if self._source is None:
                continue
            for packet in self._packets(self._source, self._numbers[hop]):
                self.station.send(frames.ethernet(hop_mac, mac, frames.ETHERTYPE_IPV4, packet))

    def _packets(self, source: str, number: int) -> List[bytes]:
        echo = frames.icmp_echo(number, self._sequence)
        packets = [frames.ipv4(source, self.address, frames.PROTOCOL_ICMP, echo, self._sequence)]
        if self._port:
            syn = frames.tcp_syn(source, self.address, number, self._port, number * 65537)
            packets.append(frames.ipv4(source, self.address, frames.PROTOCOL_TCP, syn, self._sequence))
        return packets

    def hear(self, seen: Seen) -> None:
        """An answer counts wherever it comes in: a way back through another interface is a way back."""
        if seen.outgoing or seen.frame.ethertype != frames.ETHERTYPE_IPV4:
            return
        packet = frames.parse_ipv4(seen.frame.payload)
        if packet is None or packet.source != self.address or packet.destination != self._source:
            return
        for hop, number in self._numbers.items():
            answer = self._answer(packet, number)
            if answer:
                self.answered = True
                self._answers.setdefault(hop, answer)

    def _answer(self, packet: frames.Ipv4, number: int) -> Optional[str]:
        if packet.protocol == frames.PROTOCOL_ICMP:
            icmp = frames.parse_icmp(packet.body)
            return "echo reply" if icmp and icmp.kind == 0 and icmp.identifier == number else None
        if packet.protocol == frames.PROTOCOL_TCP and self._port:
            tcp = frames.parse_tcp(packet.body)
            if tcp and tcp.source_port == self._port and tcp.destination_port == number:
                return "TCP refused" if tcp.flags & frames.TCP_RST else "TCP open"
        return None

    def outcome(self) -> Dict[str, object]:
        if self.answered:
            result = "answered"
        elif not self._tried:
            result = "no_next_hop"
        elif self._source is None:
            result = "no_address"
        else:
            result = "silent"
        via = {hop: self._answers[hop] for hop in sorted(self._answers)}
        return {"result": result, "next_hops": sorted(self._tried), "via": via}
