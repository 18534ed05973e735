# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""One run of the probe on one server: send, ask, listen, and say what was seen.

Silence proves something only while others were sending, and servers cannot agree on a moment: they may not reach each
other at all. So every server sends all the time, says in its frames whether it has seen what it waits for, and stops
early only when the peers it hears are satisfied too and a least time of listening is over.

Private to the collection; runs on servers (Python 3.8).
"""

from __future__ import annotations

import itertools
import random
import selectors
import time
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Set, Tuple

from . import devices, frames
from .connections import Connection
from .devices import Device
from .dialogue import ArpQuestion, Neighbours, Question, RouteQuestion
from .station import Seen, Station

_BEAT = 0.25  # seconds between two broadcasts
_RETRY = 1.0  # seconds between two questions
_FAREWELL = 1.0  # seconds of sending on after everybody is satisfied, so that they learn that we are
_ATTEMPTS = 8  # questions that should stay unanswered are put this often and no more
_OPERATOR = "@operator"
_LINK_PROTOCOLS = {frames.ETHERTYPE_SLOW: "lacp", frames.ETHERTYPE_LLDP: "lldp"}

Expected = Tuple[str, str, str]  # interface, sender, interface of the sender


class Order(NamedTuple):
    """What one server is asked to do."""

    name: str
    nonce: str
    duration: float
    minimum: float
    interfaces: List[Dict[str, Any]]
    expected: List[Expected]
    checks: List[Dict[str, Any]]
    capture: List[Dict[str, Any]]
    expect_link: List[str]


class Session:
    """Holds the sockets and the tally of one run."""

    def __init__(
        self,
        order: Order,
        known: Dict[str, Device],
        operator: Optional[str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._order = order
        self._known = known
        self._operator = operator
        self._clock = clock
        self._stations: Dict[str, Station] = {}
        self._senders = [entry["name"] for entry in order.interfaces if entry["name"] in known]
        self._tags = {entry["name"]: list(entry.get("tags") or []) for entry in order.interfaces}
        self._labels = {entry["name"]: entry.get("label") or entry["name"] for entry in order.interfaces}
        self._cables = {name: devices.cables(name) for name in self._senders}
        self._neighbours: Neighbours = {}
        self._questions: List[Question] = []
        self._connections: List[Connection] = []
        self._outcomes: Dict[str, Dict[str, object]] = {}
        self._heard: Dict[Tuple[str, str, str, Optional[int], Optional[int]], int] = {}
        self._left: Dict[str, int] = {}
        self._links: Dict[str, Set[str]] = {}
        self._dropped: Dict[str, int] = {}
        self._captured: Dict[Tuple[str, Optional[int], str, str, str, str], int] = {}
        self._satisfied_peers: Set[str] = set()
        # A random start keeps numbers of two probes on one server at the same time apart.
        self._numbers = itertools.count(random.randrange(20000, 40000))

    # -- set-up

    def run(self) -> Dict[str, Any]:
        began = self._clock()
        try:
            self._open()
            self._prepare()
            complete = self._listen(began)
        finally:
            for connection in self._connections:
                connection.halt()
            for name, station in self._stations.items():
                self._dropped[name] = station.dropped()
                station.close()
        for connection in self._connections:
            connection.join()
        return self._tally(self._clock() - began, complete)

    def _open(self) -> None:
        wanted = list(self._senders)
        for name in self._senders:
            wanted.extend(self._cables[name])
        wanted.extend(check["interface"] for check in self._order.checks if check.get("interface"))
        wanted.extend(entry["interface"] for entry in self._order.capture)
        for name in sorted(set(wanted)):
            if name in self._known:
                self._stations[name] = Station(name)

    def _prepare(self) -> None:
        for ordered in self._order.checks:
            check = dict(ordered, address=self._operator) if ordered["address"] == _OPERATOR else ordered
            ident, interface, kind = check["id"], check.get("interface"), check["kind"]
            expect = check.get("expect", "answer") != "silence"
            if interface and interface not in self._known:
                self._outcomes[ident] = {"result": "no_interface", "detail": "%s does not exist" % interface}
            elif not check["address"]:
                self._outcomes[ident] = {"result": "no_operator", "detail": "not run over ssh"}
            elif kind in ("tcp", "tls"):
                self._connections.append(
                    Connection(
                        ident,
                        check["address"],
                        check["port"],
                        interface=interface,
                        pod_uid=check.get("pod_uid"),
                        tls=kind == "tls",
                        ca=check.get("ca"),
                        expect_answer=expect,
                        refusal_counts=check.get("expect") == "reply",
                    )
                )
            else:
                self._questions.append(self._question(check, expect))
        for connection in self._connections:
            connection.start()

    def _question(self, check: Dict[str, Any], expect: bool) -> Question:
        interface = check["interface"]
        station, device = self._stations[interface], self._known[interface]
        if check["kind"] == "arp":
            return ArpQuestion(check["id"], station, device, check["address"], expect)
        hops = self._next_hops(interface, check["address"], check.get("via") or ["@onlink"])
        return RouteQuestion(
            check["id"], station, device, check["address"], expect, check.get("port"), hops, lambda: next(self._numbers)
        )

    def _next_hops(self, interface: str, address: str, via: List[str]) -> List[str]:
        hops: List[str] = []
        for name in via:
            if name == "@onlink":
                hops.append(address)
            elif name == "@gateways":
                hops.extend(devices.gateways(interface))
            elif name == _OPERATOR:
                hops.extend([self._operator] if self._operator else [])
            else:
                hops.append(name)
        own = {entry.split("/")[0] for entry in self._known[interface].addresses}
        return [hop for hop in dict.fromkeys(hops) if hop not in own]

    # -- the loop

    def _listen(self, began: float) -> bool:
        next_beat = next_retry = began
        satisfied_since: Optional[float] = None
        with selectors.DefaultSelector() as selector:
            for station in self._stations.values():
                selector.register(station, selectors.EVENT_READ, station)
            while True:
                now = self._clock()
                if now - began >= self._order.duration:
                    return self._satisfied()
                if now >= next_retry:
                    next_retry = now + _RETRY
                    for question in self._questions:
                        if not question.answered and (question.expect_answer or question.asked < _ATTEMPTS):
                            question.asked += 1
                            question.ask(self._neighbours)
                if now >= next_beat:
                    next_beat = now + _BEAT
                    self._broadcast(self._satisfied())
                if not (self._satisfied() and self._peers_satisfied()):
                    satisfied_since = None
                elif satisfied_since is None:
                    satisfied_since = now
                if (
                    satisfied_since is not None
                    and now - began >= self._order.minimum
                    and now - satisfied_since >= _FAREWELL
                ):
                    return True
                for key, _events in selector.select(max(0.0, min(next_beat, next_retry) - now)):
                    self._drain(key.data)

    def _broadcast(self, satisfied: bool) -> None:
        for name in self._senders:
            source = frames.mac_bytes(self._known[name].mac)
            for tag in [None] + self._tags[name]:
                message = {
                    "n": self._order.nonce,
                    "s": self._order.name,
                    "i": self._labels[name],
                    "t": tag,
                    "d": satisfied,
                }
                payload = frames.probe_payload(message)
                frame = frames.ethernet(frames.BROADCAST, source, frames.ETHERTYPE_PROBE, payload, tag)
                self._stations[name].send(frame)

    def _drain(self, station: Station) -> None:
        seen = station.receive()
        while seen is not None:
            self._note(seen)
            seen = station.receive()

    def _note(self, seen: Seen) -> None:
        kind = seen.frame.ethertype
        if kind == frames.ETHERTYPE_PROBE:
            self._note_probe(seen)
        elif kind in _LINK_PROTOCOLS:
            if not seen.outgoing:
                self._links.setdefault(seen.interface, set()).add(_LINK_PROTOCOLS[kind])
        elif kind == frames.ETHERTYPE_ARP:
            arp = frames.parse_arp(seen.frame.payload)
            if arp and not seen.outgoing:
                self._neighbours[(seen.interface, arp.sender)] = arp.sender_mac
        elif kind == frames.ETHERTYPE_IPV4:
            self._note_capture(seen)
        if kind in (frames.ETHERTYPE_ARP, frames.ETHERTYPE_IPV4):
            for question in self._questions:
                question.hear(seen)

    def _note_probe(self, seen: Seen) -> None:
        message = frames.parse_probe(seen.frame.payload)
        if message is None or message.get("n") != self._order.nonce:
            return
        sender, interface, tag = str(message.get("s")), str(message.get("i")), message.get("t")
        if sender == self._order.name:
            if seen.outgoing and interface == self._labels.get(seen.interface) and tag is None:
                self._left[seen.interface] = self._left.get(seen.interface, 0) + 1
            return
        if seen.outgoing:  # somebody's frame that this server only forwards; it was counted on its way in
            return
        key = (seen.interface, sender, interface, tag, seen.vlan)
        self._heard[key] = self._heard.get(key, 0) + 1
        if message.get("d"):
            self._satisfied_peers.add(sender)

    def _note_capture(self, seen: Seen) -> None:
        packet = frames.parse_ipv4(seen.frame.payload)
        if packet is None or packet.protocol != frames.PROTOCOL_TCP:
            return
        tcp = frames.parse_tcp(packet.body)
        if tcp is None or not tcp.flags & frames.TCP_SYN:
            return
        request = not tcp.flags & frames.TCP_ACK
        server, port = (packet.destination, tcp.destination_port) if request else (packet.source, tcp.source_port)
        client = packet.source if request else packet.destination
        for entry in self._order.capture:
            if (entry["interface"], entry["address"], entry["port"]) == (seen.interface, server, port):
                direction = "out" if seen.outgoing else "in"
                key = (seen.interface, seen.vlan, direction, client, server, "syn" if request else "syn-ack")
                self._captured[key] = self._captured.get(key, 0) + 1

    # -- what it comes to

    def _satisfied(self) -> bool:
        """Everything that was expected has been seen."""
        heard = {(interface, sender, origin) for interface, sender, origin, _tag, _vlan in self._heard}
        return (
            all(expected in heard for expected in self._order.expected)
            and all(question.answered for question in self._questions if question.expect_answer)
            and all(
                connection.answered or not connection.is_alive()
                for connection in self._connections
                if connection.expect_answer
            )
            and all(self._link(name) for name in self._order.expect_link if name in self._cables)
        )

    def _peers_satisfied(self) -> bool:
        return all(sender in self._satisfied_peers for _interface, sender, _origin in self._order.expected)

    def _link(self, name: str) -> Set[str]:
        return set().union(*(self._links.get(cable, set()) for cable in self._cables[name]))

    def _tally(self, elapsed: float, complete: bool) -> Dict[str, Any]:
        checks = dict(self._outcomes)
        checks.update({question.ident: question.outcome() for question in self._questions})
        checks.update({connection.ident_text: connection.outcome() for connection in self._connections})
        stations = []
        for entry in self._order.interfaces:
            name = entry["name"]
            present = name in self._stations
            stations.append(
                {
                    "interface": name,
                    "present": present,
                    "sent": self._stations[name].sent if present else 0,
                    "left": self._left.get(name, 0),
                    "dropped": self._dropped.get(name, 0),
                    "link": sorted(self._link(name)) if name in self._cables else [],
                    "cables": self._cables.get(name, []),
                }
            )
        heard = [
            {"interface": key[0], "sender": key[1], "from": key[2], "tag": key[3], "vlan": key[4], "count": count}
            for key, count in self._heard.items()
        ]
        captured = [
            {
                "interface": key[0],
                "vlan": key[1],
                "direction": key[2],
                "client": key[3],
                "server": key[4],
                "segment": key[5],
                "count": count,
            }
            for key, count in self._captured.items()
        ]
        return {
            "elapsed": round(elapsed, 3),
            "complete": complete,
            "stations": sorted(stations, key=lambda entry: str(entry["interface"])),
            "heard": sorted(
                heard,
                key=lambda e: (str(e["interface"]), str(e["sender"]), str(e["from"]), str(e["tag"]), str(e["vlan"])),
            ),
            "captured": sorted(captured, key=lambda e: [str(e[k]) for k in sorted(e) if k != "count"]),
            "checks": [dict(outcome, id=ident) for ident, outcome in sorted(checks.items())],
        }
