# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""Carrying plans out: one write after the other, then look again, until nothing is left to do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .client import Client, single
from .errors import Conflict, ObjectFailed, OutcomeUnknown, RequestFailed, WaitTimeout
from .model import Record, UnknownName, World
from .noun import Document, Noun
from .nouns.server_cluster import has_failed, is_active, made_vnets, status_of
from .observe import CachedSource, Observer, nouns_of
from .reconcile import CREATE, DELETE, UPDATE, Action, Plan, make_plan, merged

# A round carries out what was planned; later rounds do what became possible by it or was undone by somebody else.
ROUND_LIMIT = 8
# The same change, planned once more although it has been made this often, is not accepted or is fought over.
REPEAT_LIMIT = 5
# Writers who overwrite each other in step would go on so: each waits a random time, twice as long after each loss.
CONTENTION_SECONDS = 0.5
LOST_ANSWERS_LIMIT = 3
# How long a removal may be refused because a removal before it still goes on in the background.
EARLY_REMOVAL_SECONDS = 30.0
# How long a V-Net may stay invisible after its cluster has become Active.
INVISIBLE_SECONDS = 60.0


@dataclass(frozen=True)
class Clock:
    """Time, so that tests need not pass any."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Options:
    """How to run."""

    check_mode: bool = False
    wait: bool = True
    wait_timeout: float = 600.0
    poll_interval: float = 5.0
    purge: Sequence[str] = ()


@dataclass
class Outcome:
    """What happened, or in check mode would happen."""

    actions: list[Action] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    waited: list[dict[str, Any]] = field(default_factory=list)
    world: World = field(default_factory=World)

    @property
    def changed(self) -> bool:
        return bool(self.actions)


Progress = Callable[[str], None]


def _silent(message: str) -> None:
    """No progress wanted."""


class Executor:
    """One run of one document against one controller."""

    def __init__(
        self,
        client: Client,
        document: Document,
        options: Options,
        progress: Progress = _silent,
        clock: Clock | None = None,
    ) -> None:
        self._client = client
        self._document = document
        self._options = options
        self._progress = progress
        self._clock = clock or Clock()
        self._observer = Observer(client, nouns_of(document, options.purge), document)
        self._outcome = Outcome(world=self._observer.world)
        self._touched: set[str] = set()
        self._slow: list[tuple[Noun, int]] = []
        self._repeats: dict[tuple[str, int | str, str], int] = {}

    def run(self) -> Outcome:
        world = self._observer.look()
        plan = make_plan(self._document, world, self._options.purge)
        self._outcome.kept = list(plan.kept)
        if self._options.check_mode:
            self._outcome.actions = list(plan.actions)
            self._outcome.warnings = list(plan.warnings)
            return self._outcome
        lost = 0
        for _round in range(ROUND_LIMIT):
            try:
                self._carry_out(plan)
            except OutcomeUnknown as exc:
                # The answer is lost, not the work: looking again tells what was done.
                lost += 1
                if lost >= LOST_ANSWERS_LIMIT:
                    raise
                self._progress(f"{exc}; looking again")
                self._touched.update(action.noun.key for action in plan.actions)
                self._slow.clear()
                plan = self._replan()
                continue
            self._wait_until_active()
            if not self._touched and not plan.deferred:
                break
            plan = self._replan()
            if losses := self._losses(plan):
                self._clock.sleep(random.uniform(0, CONTENTION_SECONDS * 2**losses))
                self._touched.update(action.noun.key for action in plan.actions)
                plan = self._replan()
            if self._options.wait and plan.deferred and not plan.ready:
                plan = self._await_visibility()
            if not plan.ready and not (plan.deferred and self._options.wait):
                break
        else:
            left = ", ".join(f"{action.operation} {action.noun.label} {action.name!r}" for action in plan.actions)
            raise Conflict(
                f"After {ROUND_LIMIT} rounds there is still something to do: {left}. Does somebody else change it too?"
            )
        self._outcome.warnings = list(plan.warnings)
        for action in plan.deferred:
            self._outcome.warnings.append(
                f"{action.noun.label} {action.name!r} was left for the next run: possible {action.reason}"
            )
        return self._outcome

    # Rounds.

    def _replan(self) -> Plan:
        self._observer.look(self._touched)
        self._touched.clear()
        return make_plan(self._document, self._observer.world, self._options.purge)

    def _carry_out(self, plan: Plan) -> None:
        previous: Noun | None = None
        for action in plan.ready:
            if previous is not None and (action.noun is not previous or action.operation == CREATE):
                self._wait_until_gone()
            previous = action.noun
            done = self._do(action)
            if done is None:
                continue
            if not done.release:
                self._count(done)
            self._note(done)
        self._wait_until_gone()

    def _note(self, done: Action) -> None:
        """Each object shows up once in the result, with all that happened to it."""
        for position, known in enumerate(self._outcome.actions):
            if known.key == done.key and known.operation == UPDATE and done.operation == UPDATE:
                fields = {change.field: change for change in known.changes}
                for change in done.changes:
                    first = fields.get(change.field)
                    fields[change.field] = change if first is None else replace(change, before=first.before)
                self._outcome.actions[position] = replace(done, before=known.before, changes=tuple(fields.values()))
                return
            if (
                known.noun is done.noun
                and known.name == done.name
                and known.operation == CREATE
                and done.operation == UPDATE
            ):
                return
        self._outcome.actions.append(done)

    def _losses(self, plan: Plan) -> int:
        """How often a change of this plan has been made and undone by somebody else."""
        keys = (
            (action.noun.key, action.record.id, change.field)
            for action in plan.ready
            if action.operation == UPDATE and action.record is not None and not action.release
            for change in action.changes
        )
        return max((self._repeats.get(key, 0) for key in keys), default=0)

    def _count(self, done: Action) -> None:
        if done.operation != UPDATE or done.record is None:
            return
        for change in done.changes:
            key = (done.noun.key, done.record.id, change.field)
            self._repeats[key] = self._repeats.get(key, 0) + 1
            if self._repeats[key] >= REPEAT_LIMIT:
                raise Conflict(
                    f"{self._what(done)}: the controller accepted {change.field} = {change.after!r} "
                    f"{self._repeats[key]} times and each time had {change.before!r} again afterwards. "
                    "Either it does not support this value, or somebody else keeps changing the object: "
                    "stop the other writer, or leave the field out"
                )

    # Single steps.

    def _do(self, action: Action) -> Action | None:
        """Carry one action out. None when there was nothing to do any more."""
        self._progress(f"{action.operation} {action.noun.label} {action.name}")
        try:
            if action.operation == CREATE:
                return self._create(action)
            if action.operation == DELETE:
                return self._delete(action)
            return self._update(action)
        except UnknownName as exc:
            raise ObjectFailed(f"{self._what(action)}: there is no {exc} (any more); run again") from None
        except RequestFailed as exc:
            raise ObjectFailed(f"{self._what(action)}: {exc}. {_advice(exc)}") from None

    def _create(self, action: Action) -> Action | None:
        noun, names = action.noun, self._observer.world.names
        body = noun.create_body(action.after or {}, names)
        self._touched.add(noun.key)
        try:
            ident = noun.created_id(self._client.post(noun.create_path(), body))
        except RequestFailed as exc:
            if exc.status not in (400, 409, 422) or self._twins(action) == []:
                raise
            # Somebody was faster: the next round sees the object and brings it in line.
            self._learn(action, min(self._twins(action)))
            return None
        if ident is not None and not noun.unique_names:
            winner = min([*self._twins(action), ident])
            if winner != ident:
                # Two runs created the same thing at once: all agree that the first one counts.
                self._client.delete(f"{noun.collection}/{ident}")
                self._learn(action, winner)
                return None
        if ident is not None:
            self._learn(action, ident)
        return action

    def _learn(self, action: Action, ident: int) -> None:
        """Later actions of this plan refer to the new object by name."""
        name = (action.after or {}).get("name")
        if name:
            self._observer.world.names.learn(action.noun.key, ident, str(name))

    def _twins(self, action: Action) -> list[int]:
        """Ids of all objects that the entry means, read afresh."""
        if action.entry is None:
            return []
        world = World()
        world.names = self._observer.world.names
        for key in action.noun.needs:
            world.put(key, self._observer.world.all(key))
        world.put(action.noun.key, self._read_list(action.noun))
        return [record.id for record in action.noun.find(action.entry, world)]

    def _read_list(self, noun: Noun) -> list[Record]:
        entries = self._document.of(noun.key)
        wires = noun.list(CachedSource(self._client), self._observer.world, entries)
        found = (noun.record(wire, self._observer.world.names) for wire in wires)
        return [record for record in found if record is not None]

    def _fresh(self, noun: Noun, record: Record) -> Record | None:
        """The object as it is now: another run may have changed it since we planned."""
        if not noun.by_id:
            return next((item for item in self._read_list(noun) if item.id == record.id), None)
        try:
            wire = single(self._client.get(f"{noun.by_id}/{record.id}"))
        except RequestFailed as exc:
            if exc.status == 404:
                return None
            raise
        return noun.record({**record.wire, **wire}, self._observer.world.names) if wire else None

    def _update(self, action: Action) -> Action | None:
        noun, entry = action.noun, action.entry
        if entry is None or action.record is None:
            return None
        self._touched.add(noun.key)
        fresh = self._fresh(noun, action.record)
        if fresh is None:
            return None
        # Links may have been turned to the entry's direction; a fresh reading must be, too.
        world = World()
        world.names = self._observer.world.names
        for key in noun.needs:
            world.put(key, self._observer.world.all(key))
        world.put(noun.key, [fresh])
        fresh = next(iter(noun.find(entry, world)), fresh)
        mark = noun.marked and entry.adopt and not noun.derived(fresh, self._observer.world)
        after, changes = merged(noun, entry, fresh, mark)
        if action.release:
            value = noun.release_only(fresh.value, after)
            after = value if value is not None else after
        if not changes:
            return None
        body = noun.update_body(after, fresh, self._observer.world.names)
        if noun.update_method() == "POST":
            self._client.post(noun.update_path(fresh), body)
        else:
            self._client.put(noun.update_path(fresh), body)
        if action.release:
            return action
        return replace(action, record=fresh, before=fresh.value, after=after, changes=changes)

    def _delete(self, action: Action) -> Action | None:
        noun, record = action.noun, action.record
        if record is None:
            return None
        self._touched.add(noun.key)
        deadline = self._clock.now() + min(EARLY_REMOVAL_SECONDS, self._options.wait_timeout)
        while True:
            try:
                self._client.delete(noun.delete_path(record))
                break
            except RequestFailed as exc:
                if exc.status in (400, 404, 409):
                    if all(item.id != record.id for item in self._read_list(noun)):
                        return None
                    if action.entry is not None and action.entry.if_unused and exc.status != 404:
                        self._outcome.kept.append(f"{noun.label} {action.name!r}: {exc.reason}")
                        self._touched.discard(noun.key)
                        return None
                    if noun.removal_may_be_early and self._clock.now() < deadline:
                        self._clock.sleep(min(self._options.poll_interval, 2.0))
                        continue
                raise
        if noun.removal_is_slow:
            self._slow.append((noun, record.id))
        return action

    # Waiting. One poll serves all objects.

    def _wait_until_gone(self) -> None:
        started = self._clock.now()
        while self._slow:
            noun = self._slow[0][0]
            left = {item.get("id") for item in self._client.get_list(noun.collection)}
            self._slow = [item for item in self._slow if item[0] is not noun or item[1] in left]
            if not self._slow:
                return
            seconds = self._clock.now() - started
            if seconds >= self._options.wait_timeout:
                ids = ", ".join(str(ident) for _noun, ident in self._slow)
                raise WaitTimeout(
                    f"{noun.label} {ids}: accepted for removal {seconds:.0f} s ago and still there: "
                    "look at the controller's tasks and the switches' health, then run again"
                )
            self._progress(f"{seconds:.0f} s: waiting for the removal of {len(self._slow)} {noun.label}(s)")
            self._clock.sleep(self._options.poll_interval)

    def _awaited_clusters(self) -> list[str]:
        return [entry.name for entry in self._document.of("server_clusters") if not entry.absent]

    def _wait_until_active(self) -> None:
        names = set(self._awaited_clusters())
        if not self._options.wait or not names:
            return
        changed = "server_clusters" in self._touched
        world = self._observer.world
        wires = {str(item.value["name"]): item.wire for item in world.all("server_clusters")}
        if not changed and all(name in wires and is_active(wires[name]) for name in names):
            return
        started = self._clock.now()
        while True:
            statuses: dict[str, str] = {}
            for wire in self._client.get_list("/api/v2/server-cluster"):
                if wire.get("name") in names and not is_active(wire):
                    statuses[str(wire["name"])] = status_of(wire) or "unknown"
                    if has_failed(wire):
                        raise WaitTimeout(
                            f"server cluster {wire['name']!r} has the status {status_of(wire)!r}: "
                            "the controller gave up; look at the cluster "
                            "and at the switches' health in the controller, then run again"
                        )
            seconds = self._clock.now() - started
            if not statuses:
                if seconds > 0:
                    self._touched.update(("server_clusters",))
                return
            # What the cluster makes (V-Nets, subnets) appears while we wait, so it must be read again.
            self._touched.add("server_clusters")
            words = ", ".join(f"{name}: {status}" for name, status in sorted(statuses.items()))
            self._progress(f"{seconds:.0f} s: {words}")
            self._outcome.waited.append({"seconds": round(seconds), "status": statuses})
            if seconds >= self._options.wait_timeout:
                raise WaitTimeout(
                    f"Not Active after {seconds:.0f} s: {words}. Look at the health of the site's switches in the "
                    "controller (netris_info, gather switches); raise wait_timeout if they are only slow; then "
                    "run again"
                )
            self._clock.sleep(self._options.poll_interval)

    def _await_visibility(self) -> Plan:
        """A new V-Net may stay invisible for a moment after its cluster has become Active."""
        started = self._clock.now()
        while True:
            self._touched.update(("server_clusters",))
            plan = self._replan()
            if plan.ready or not plan.deferred:
                return plan
            seconds = self._clock.now() - started
            if seconds >= min(INVISIBLE_SECONDS, self._options.wait_timeout):
                action = plan.deferred[0]
                cluster = (action.entry.raw if action.entry else {}).get("server_cluster")
                record = self._observer.world.by_name("server_clusters", str(cluster))
                made = ", ".join(str(item.get("name")) for item in made_vnets(record)) if record else ""
                raise WaitTimeout(
                    f"{self._what(action)}: the server cluster {cluster!r} is Active, but this V-Net of it cannot be "
                    f"seen (it has: {made or 'none'}): check the postfix against the cluster's template"
                )
            self._progress(f"{seconds:.0f} s: waiting for the V-Nets of Active server clusters to appear")
            self._clock.sleep(self._options.poll_interval)

    def _what(self, action: Action) -> str:
        where = f" ({action.entry.path})" if action.entry is not None and action.entry.path else ""
        return f"{action.noun.label} {action.name!r}{where}"


def _advice(exc: RequestFailed) -> str:
    if exc.status == 403:
        return "The user lacks the right for this: use an account that may write objects of this owner"
    if exc.status == 401:
        return "The controller does not accept the session even after a new login: check the account"
    if exc.status >= 500:
        return "This is the controller's own error: look at its log, then run again"
    return "Correct what the controller names, then run again: what is done already stays and is not done twice"
