# Copyright (c) 2026, the baremetal.fabric authors
# Apache License 2.0 (see LICENSE)
"""From a scene and what the servers saw to verdicts. Pure and private.

The rule behind every verdict of silence: whoever says "I heard nothing" must be shown to hear, and whoever was not
heard must be shown to have spoken, at the same time. Otherwise the verdict is "not proven", never "passed".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from . import plan
from .scene import HOST, MANAGEMENT, PARKED, TENANT, Place, Scene, Segment, Target

PASSED, FAILED, NOT_PROVEN = "passed", "failed", "not proven"
APART, TOGETHER = "apart", "together"
LAYER_2, LAYER_3, TAG, ENDPOINT, NODE = "layer 2", "layer 3", "VLAN tag", "API endpoint", "node"

# Seconds that two servers must have run together for sure: many times the pause between two frames.
_OVERLAP = 2.0


@dataclasses.dataclass(frozen=True)
class Verdict:
    """One thing that was to be proven."""

    subject: str
    row: str
    column: str
    layer: str
    expected: str
    verdict: str
    reason: str = ""
    # False where there was no opportunity to prove it, which is nobody's fault: it is told, and fails nothing.
    required: bool = True


class Sightings:
    """What one server saw, by question."""

    def __init__(self, observation: Mapping[str, Any]) -> None:
        self.heard: list[Mapping[str, Any]] = list(observation.get("heard", []))
        self.captured: list[Mapping[str, Any]] = list(observation.get("captured", []))
        self._checks: dict[str, Mapping[str, Any]] = {check["id"]: check for check in observation.get("checks", [])}
        self._stations = {station["interface"]: station for station in observation.get("stations", [])}
        window = observation.get("window") or {}
        elapsed = float(observation.get("elapsed", 0))
        # The run lies somewhere between dispatch and receipt; this much of the time it ran wherever it lay.
        self.latest_start = float(window.get("received", 0)) - elapsed
        self.earliest_end = float(window.get("dispatched", 0)) + elapsed
        self.probed = "heard" in observation

    def check(self, ident: str) -> Mapping[str, Any]:
        return self._checks.get(ident, {})

    def result(self, ident: str) -> str:
        return str(self.check(ident).get("result", "not asked"))

    def left(self, place: Place) -> bool:
        return any(self._stations.get(name, {}).get("left", 0) > 0 for name in place.interfaces)

    def link(self, place: Place) -> list[str]:
        return sorted({sign for name in place.interfaces for sign in self._stations.get(name, {}).get("link", [])})

    def unread(self, interface: str) -> str:
        """What may explain that something was not seen."""
        dropped = self._stations.get(interface, {}).get("dropped", 0)
        return f" ({dropped} frames were dropped there unread)" if dropped else ""

    def present(self, place: Place) -> bool:
        return any(self._stations.get(name, {}).get("present") for name in place.ears)


class Judge:
    """Looks at one scene through the servers' eyes."""

    def __init__(self, scene: Scene, observations: Mapping[str, Mapping[str, Any]]) -> None:
        self._scene = scene
        self._eyes = {server: Sightings(seen) for server, seen in observations.items()}
        self._blind = Sightings({})
        self._by_vlan = {segment.vlan: segment for segment in scene.segments.values() if segment.vlan is not None}
        # (listening place, sending place) -> how the frames arrived, sorted: (interface, tag put on, tag seen)
        self._meetings: dict[tuple[str, str], list[tuple[str, int | None, int | None]]] = {}
        self._strays: list[Verdict] = []
        self._sort_frames()

    def verdicts(self) -> list[Verdict]:
        found = [*self._unseen(), *self._strays]
        for listener in self._scene.places:
            for sender in self._scene.places:
                if listener.server != sender.server:
                    found.append(self._frames(sender, listener))
        for place in self._scene.places:
            found.extend(self._reach(place))
        for segment in self._scene.segments.values():
            if segment.kind == TENANT:
                found.extend(self._tags(segment))
                found.extend(self._endpoint_from_pods(segment))
                found.extend(self._certificate(segment))
                found.extend(self._nodes(segment))
        found.extend(self._host_untagged())
        return found

    # -- layer 2

    def _sort_frames(self) -> None:
        by_interface = {(p.server, name): p for p in self._scene.places for name in p.interfaces}
        for server, seen in sorted(self._eyes.items()):
            for entry in seen.heard:
                listener = by_interface.get((server, entry["interface"]))
                sender = by_interface.get((entry["sender"], entry["from"]))
                if listener is None or sender is None:
                    continue
                listener = self._behind_tag(listener, entry["vlan"])
                if listener is None:
                    self._strays.append(self._stray(server, sender, entry))
                    continue
                key = (listener.label, sender.label)
                self._meetings.setdefault(key, []).append((entry["interface"], entry["tag"], entry["vlan"]))

    def _behind_tag(self, place: Place, vlan: int | None) -> Place | None:
        """A tagged frame on a shared server's bond belongs to that VLAN's tenant cluster, not to the host cluster."""
        if vlan is None or self._scene.segments[place.segment].kind != HOST:
            return place
        segment = self._by_vlan.get(vlan)
        if segment is None:
            return None
        return next((p for p in self._scene.places_in(segment.name) if p.server == place.server), None)

    def _stray(self, server: str, sender: Place, entry: Mapping[str, Any]) -> Verdict:
        reason = f"a frame came in with tag {entry['vlan']}, a VLAN that no tenant cluster has on {server}"
        return Verdict(f"{sender.label} to {server}", self._group(sender), HOST, LAYER_2, APART, FAILED, reason)

    def _frames(self, sender: Place, listener: Place) -> Verdict:
        together = sender.segment == listener.segment and self._scene.segments[sender.segment].meets_itself()
        arrivals = self._meetings.get((listener.label, sender.label), [])
        if together:
            verdict, reason = self._frames_together(sender, listener)
        elif arrivals:
            interface, tag, vlan = arrivals[0]
            sent = f" although tagged {tag} by the sender" if tag is not None else ""
            seen = f" with tag {vlan}" if vlan is not None else ""
            verdict, reason = FAILED, f"its frames arrive on {interface}{seen}{sent}"
        else:
            verdict, reason = self._silence(sender, listener)
        expected = TOGETHER if together else APART
        return Verdict(
            f"{sender.label} to {listener.label}",
            self._group(sender),
            self._group(listener),
            LAYER_2,
            expected,
            verdict,
            reason,
        )

    def _frames_together(self, sender: Place, listener: Place) -> tuple[str, str]:
        if self._arrived(sender, listener):
            return PASSED, ""
        for place in (sender, listener):
            if not self._eye(place).probed:
                return NOT_PROVEN, f"no observation from {place.server}"
            if not self._eye(place).present(place):
                return FAILED, f"{place.server} has no {' or '.join(place.ears)}"
        missing = self._overlap(sender, listener)
        return (NOT_PROVEN, missing) if missing else (FAILED, "no frame arrived")

    def _silence(self, sender: Place, listener: Place) -> tuple[str, str]:
        missing = self._cannot_speak(sender) or self._cannot_hear(listener) or self._overlap(sender, listener)
        return (NOT_PROVEN, missing) if missing else (PASSED, "")

    def _cannot_speak(self, place: Place) -> str:
        if not self._eye(place).probed:
            return f"no observation from {place.server}"
        if not self._eye(place).left(place):
            return f"{place.label} sent nothing: {'/'.join(place.interfaces)} missing or down"
        if self._heard_by_peer(place) or self._sees_neighbour(place):
            return ""
        return f"nothing shows that frames of {place.label} get onto the wire"

    def _cannot_hear(self, place: Place) -> str:
        if not self._eye(place).probed:
            return f"no observation from {place.server}"
        if self._hears_peer(place) or self._sees_neighbour(place):
            return ""
        return f"nothing shows that {place.label} hears anything"

    def _heard_by_peer(self, place: Place) -> bool:
        return any(self._arrived(place, peer) for peer in self._peers(place))

    def _hears_peer(self, place: Place) -> bool:
        return any(self._arrived(peer, place) for peer in self._peers(place))

    def _arrived(self, sender: Place, listener: Place) -> bool:
        """As they should: on the listener's own interface (not only on the bond below it), and not by a tag put on."""
        arrivals = self._meetings.get((listener.label, sender.label), [])
        return any(interface in listener.ears and tag is None for interface, tag, _vlan in arrivals)

    def _sees_neighbour(self, place: Place) -> bool:
        """An ARP answer takes a frame each way. A parked server may see nobody: for it, the switch's own frames."""
        seen = self._eye(place)
        kind = self._scene.segments[place.segment].kind
        if kind == PARKED:
            return bool(seen.link(place))
        if kind == MANAGEMENT:
            return bool(seen.check(plan.control_id(place, "operator")).get("next_hops"))
        return seen.result(plan.control_id(place, "gateway")) == "answered"

    def _overlap(self, one: Place, other: Place) -> str:
        first, second = self._eye(one), self._eye(other)
        shared = min(first.earliest_end, second.earliest_end) - max(first.latest_start, second.latest_start)
        if shared >= _OVERLAP:
            return ""
        return (
            f"{one.server} and {other.server} were not probed at the same time for long enough"
            " (more forks, or a longer probe)"
        )

    # -- layer 3

    def _reach(self, place: Place) -> Iterable[Verdict]:
        own = plan.own_targets(place, self._scene)
        if not plan.has_address(place, self._scene):
            if place.bridge:
                return []  # a bridge on a shared server speaks no IP, on purpose
            return [
                self._layer_3(
                    place, target, TOGETHER, FAILED, f"{place.server} has no address on {place.interfaces[0]}"
                )
                for target in own
            ]
        return [self._reaches(place, target) for target in own] + [
            self._kept_from(place, target) for target in plan.foreign_targets(place, self._scene)
        ]

    def _reaches(self, place: Place, target: Target) -> Verdict:
        result = self._eye(place).result(plan.reach_id(place, target))
        if result == "answered":
            return self._layer_3(place, target, TOGETHER, PASSED, "")
        if not self._eye(place).probed:
            return self._layer_3(place, target, TOGETHER, NOT_PROVEN, f"no observation from {place.server}")
        return self._layer_3(place, target, TOGETHER, FAILED, _no_answer(result))

    def _kept_from(self, place: Place, target: Target) -> Verdict:
        check = self._eye(place).check(plan.reach_id(place, target))
        if check.get("result") == "answered":
            ways = ", ".join(f"{answer} through {hop}" for hop, answer in check.get("via", {}).items())
            return self._layer_3(place, target, APART, FAILED, ways)
        if not check:
            missing = f"no observation from {place.server}"
        else:
            missing = self._cannot_reach_anything(place) or self._not_alive(target)
        return self._layer_3(place, target, APART, NOT_PROVEN if missing else PASSED, missing)

    def _cannot_reach_anything(self, place: Place) -> str:
        seen = self._eye(place)
        if not seen.probed:
            return f"no observation from {place.server}"
        kind = self._scene.segments[place.segment].kind
        if kind == PARKED:
            # It has nobody whom it may reach. That its frames come and go at all is the most that can be shown.
            return self._cannot_speak(place)
        if kind == MANAGEMENT:
            answered = seen.result(plan.control_id(place, "operator")) == "answered"
            return "" if answered else f"{place.server} gets no answer even from the machine that runs Ansible"
        reached = any(
            seen.result(plan.reach_id(place, own)) == "answered" for own in plan.own_targets(place, self._scene)
        )
        return "" if reached else f"{place.label} reaches nothing, not even what it may reach"

    def _not_alive(self, target: Target) -> str:
        if target.behind:
            alive = any(seen.result(plan.alive_id(target)) in ("open", "refused") for seen in self._eyes.values())
            return "" if alive else f"nobody shows that {target.name} ({target.address}) answers at all"
        if target.server:
            place = next(p for p in self._scene.places if p.server == target.server and p.segment == target.segment)
            return self._cannot_reach_anything(place)
        alive = any(
            self._eye(place).result(plan.reach_id(place, target)) == "answered"
            for place in self._scene.places_in(target.segment)
        )
        return "" if alive else f"nobody shows that {target.name} ({target.address}) answers at all"

    def _layer_3(self, place: Place, target: Target, expected: str, verdict: str, reason: str) -> Verdict:
        subject = f"{place.label} to {target.name} {target.address}"
        column = self._scene.segments[target.segment].group
        return Verdict(subject, self._group(place), column, LAYER_3, expected, verdict, reason)

    # -- tags

    def _tags(self, segment: Segment) -> Iterable[Verdict]:
        """Frames of the tenant cluster cross a shared server's bond with its tag, and only with that."""
        places = self._scene.places_in(segment.name)
        for carrier in places:
            if not carrier.bridge:
                continue
            bond = self._bond_of(carrier.server)
            seen = {
                vlan
                for peer in places
                for interface, _tag, vlan in self._meetings.get((carrier.label, peer.label), [])
                if interface == bond
            }
            subject = f"{segment.name} on {carrier.server}'s {bond}: tag {segment.vlan}"
            if seen == {segment.vlan}:
                yield Verdict(subject, segment.name, segment.name, TAG, TOGETHER, PASSED)
            else:
                reason = (
                    f"seen with {_tag_list(seen)}" if seen else "no frame of the tenant cluster was seen on the bond"
                )
                verdict = FAILED if seen else NOT_PROVEN
                yield Verdict(subject, segment.name, segment.name, TAG, TOGETHER, verdict, reason)
        for place in places:
            if place.bridge:
                continue
            tagged: set[int | None] = {
                v for peer in places for _i, _t, v in self._meetings.get((place.label, peer.label), []) if v is not None
            }
            if tagged:
                subject = f"{segment.name} on {place.server}: untagged"
                yield Verdict(
                    subject,
                    segment.name,
                    segment.name,
                    TAG,
                    TOGETHER,
                    FAILED,
                    f"frames arrive with {_tag_list(tagged)}",
                )

    def _host_untagged(self) -> Iterable[Verdict]:
        places = self._scene.places_in(HOST)
        for place in places:
            subject = f"host cluster on {place.server}: untagged"
            heard = any(self._arrived(peer, place) for peer in places)
            if heard:  # sorted by tag already: a tagged frame of the host cluster would have been a stray or a leak
                yield Verdict(subject, HOST, HOST, TAG, TOGETHER, PASSED)
            elif len(places) > 1:
                yield Verdict(
                    subject, HOST, HOST, TAG, TOGETHER, NOT_PROVEN, "no frame of another shared server was seen"
                )

    def _bond_of(self, server: str) -> str:
        return next((p.interfaces[0] for p in self._scene.places_in(HOST) if p.server == server), "")

    # -- the API endpoint

    def _endpoint_from_pods(self, segment: Segment) -> Iterable[Verdict]:
        """The port opens from a control-plane pod on another server than the address's holder, over the tagged wire."""
        subject = f"{segment.name} API endpoint from a control-plane pod on another server than its holder"

        def verdict(name: str, reason: str = "", required: bool = True) -> Verdict:
            return Verdict(subject, segment.name, segment.name, ENDPOINT, TOGETHER, name, reason, required)

        holder = segment.endpoint_holder
        if holder is None or not segment.control_planes:
            yield verdict(
                NOT_PROVEN, "the pods of the control plane and of the load balancer are not known", required=False
            )
            return
        elsewhere = [pod for pod in segment.control_planes if pod.server != holder.server]
        if not elsewhere:
            yield verdict(
                NOT_PROVEN,
                f"all its control-plane pods run on {holder.server}, where the address is held",
                required=False,
            )
        for pod in elsewhere:
            seen = self._eyes.get(pod.server, self._blind)
            result = seen.result(plan.pod_id(pod, segment))
            if result == "not asked":
                yield verdict(NOT_PROVEN, f"no observation from {pod.server}")
            elif result != "open":
                yield verdict(FAILED, f"from {pod.name} on {pod.server}: {_no_answer(result)}")
            elif segment.vlan in self._tags_of_connection(
                seen, segment, str(seen.check(plan.pod_id(pod, segment)).get("source"))
            ):
                yield verdict(PASSED)
            else:
                yield verdict(
                    NOT_PROVEN,
                    f"the port opens for {pod.name} on {pod.server}, but tag {segment.vlan} was not seen on its bond"
                    + seen.unread(self._bond_of(pod.server)),
                )

    @staticmethod
    def _tags_of_connection(seen: Sightings, segment: Segment, client: str) -> set[int | None]:
        return {
            entry["vlan"]
            for entry in seen.captured
            if segment.endpoint
            and (entry["client"], entry["server"]) == (client, segment.endpoint.address)
            and (entry["direction"], entry["segment"]) == ("out", "syn")
        }

    def _certificate(self, segment: Segment) -> Iterable[Verdict]:
        for place in self._scene.places_in(segment.name):
            if place.bridge or not segment.endpoint:
                continue
            subject = f"{segment.name} API endpoint's certificate, from {place.server}"

            def verdict(name: str, reason: str = "", subject: str = subject) -> Verdict:
                return Verdict(subject, segment.name, segment.name, ENDPOINT, TOGETHER, name, reason)

            seen = self._eye(place)
            result = seen.result(plan.certificate_id(segment))
            if result == "open":
                yield verdict(PASSED)
            elif segment.ca is None:
                yield verdict(NOT_PROVEN, "the CA of the tenant cluster is not known")
            elif not seen.probed:
                yield verdict(NOT_PROVEN, f"no observation from {place.server}")
            else:
                detail = seen.check(plan.certificate_id(segment)).get("detail") or _no_answer(result)
                yield verdict(FAILED, f"{segment.endpoint.address}:{segment.endpoint.port}: {detail}")

    @staticmethod
    def _nodes(segment: Segment) -> Iterable[Verdict]:
        """Every bare-metal server of a tenant cluster is a Ready node of it."""
        for member in segment.members:
            verdict, reason = PASSED, ""
            if segment.problem:
                verdict, reason = NOT_PROVEN, segment.problem
            elif member.state is None:
                verdict, reason = FAILED, f"{segment.name} has no node {member.node}"
            elif not member.ready:
                verdict, reason = FAILED, member.state
            yield Verdict(
                f"{member.server} in {segment.name}", segment.name, segment.name, NODE, TOGETHER, verdict, reason
            )

    # -- common

    def _unseen(self) -> Iterable[Verdict]:
        for server in self._scene.unseen:
            yield Verdict(server, server, server, LAYER_2, APART, NOT_PROVEN, "the server was not looked at")
        for tenant in self._scene.absent:
            reason = "the fabric does not know this tenant cluster"
            required = tenant in self._scene.scope
            yield Verdict(tenant, tenant, tenant, LAYER_2, TOGETHER, NOT_PROVEN, reason, required)

    def _eye(self, place: Place) -> Sightings:
        return self._eyes.get(place.server, self._blind)

    def _peers(self, place: Place) -> list[Place]:
        if not self._scene.segments[place.segment].meets_itself():
            return []
        return [peer for peer in self._scene.places_in(place.segment) if peer.server != place.server]

    def _group(self, place: Place) -> str:
        return self._scene.segments[place.segment].group


def judge(scene: Scene, observations: Mapping[str, Mapping[str, Any]]) -> list[Verdict]:
    """Every verdict there is, in a stable order: failures first, then what is not proven."""
    order = {FAILED: 0, NOT_PROVEN: 1, PASSED: 2}
    verdicts = Judge(scene, observations).verdicts()
    return sorted(verdicts, key=lambda v: (order[v.verdict], v.row, v.column, v.layer, v.subject))


def _no_answer(result: str) -> str:
    words = {
        "silent": "no answer",
        "no_next_hop": "no answer, and no next hop either",
        "no_interface": "the interface does not exist",
        "no_address": "no address to ask from",
        "no_pod": "no process of the pod runs on that server",
        "not asked": "not asked",
        "refused": "the connection is refused",
    }
    return words.get(result, result)


def _tag_list(vlans: set[int | None]) -> str:
    return ", ".join(sorted("no tag" if vlan is None else f"tag {vlan}" for vlan in vlans))
