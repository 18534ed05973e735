# Copyright: Contributors to the baremetal.fabric collection
# SPDX-License-Identifier: Apache-2.0

# This code is private to the baremetal.fabric collection: it may change without notice.

"""Desired plus observed gives an ordered plan. Pure: no request is made here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import DocumentInvalid, Mistake
from .model import Entry, Field, Record, Value, World
from .noun import Document, EntryProblem, Noun
from .nouns.registry import ALL, MANAGED
from .options import suggest

CREATE = "create"
UPDATE = "update"
DELETE = "delete"

KNOWN_AFTER_APPLY = "(known after apply)"


@dataclass(frozen=True)
class Change:
    """One field that will be different."""

    field: str
    before: Any
    after: Any

    def as_dict(self) -> dict[str, Any]:
        return {"field": self.field, "before": self.before, "after": self.after}


@dataclass(frozen=True)
class Action:
    """One step of a plan."""

    noun: Noun
    operation: str
    name: str
    entry: Entry | None = None
    record: Record | None = None
    before: Value | None = None
    after: Value | None = None
    changes: tuple[Change, ...] = ()
    reason: str = ""
    # Not possible before something else of this plan has been done; planned anew then.
    deferred: bool = False
    # Only lets go of what others claim; the rest of the change is an action of its own.
    release: bool = False

    def as_dict(self) -> dict[str, Any]:
        return {
            "noun": self.noun.key,
            "name": self.name,
            "operation": self.operation,
            "changes": [change.as_dict() for change in self.changes],
            "reason": self.reason,
        }

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.noun.key, self.name, self.operation)


@dataclass(frozen=True)
class Plan:
    """What is to be done, in order."""

    actions: tuple[Action, ...] = ()
    warnings: tuple[str, ...] = ()
    # Entries that need nothing, and why some of them are left alone although they could be touched.
    kept: tuple[str, ...] = ()

    @property
    def ready(self) -> list[Action]:
        return [action for action in self.actions if not action.deferred]

    @property
    def deferred(self) -> list[Action]:
        return [action for action in self.actions if action.deferred]


def make_plan(document: Document, world: World, purge: Iterable[str] = ()) -> Plan:
    """Compare; raises DocumentInvalid with everything that stands against the document."""
    return _Planner(document, world, list(purge)).plan()


def merged(noun: Noun, entry: Entry, record: Record, mark: bool) -> tuple[Value, tuple[Change, ...]]:
    """What an object will be like when an entry is applied to it, and which fields change by that."""
    after = dict(record.value)
    changes: list[Change] = []
    for declared in noun.fields:
        if declared.create_only or declared.name not in entry.desired:
            continue
        before = record.value.get(declared.name)
        if before is None and declared.may_be_unread:
            continue
        wanted = declared.codec.merge(before, entry.desired[declared.name], entry.raw)
        if wanted != before:
            after[declared.name] = wanted
            changes.append(Change(declared.name, before, wanted))
    if mark:
        tags = noun.marked_tags(after.get("tags") or [])
        if tags != (record.value.get("tags") or []):
            changes = [change for change in changes if change.field != "tags"]
            changes.append(Change("tags", record.value.get("tags"), tags))
            after["tags"] = tags
    return after, tuple(changes)


class _Planner:
    def __init__(self, document: Document, world: World, purge: Sequence[str]) -> None:
        self._document = document
        self._world = world
        self._purge = purge
        self._mistakes: list[Mistake] = []
        self._warnings: list[str] = []
        self._kept: list[str] = []
        self._actions: list[Action] = []
        self._matched: set[tuple[str, int]] = set()

    def plan(self) -> Plan:
        for key, noun in MANAGED.items():
            for entry in self._document.of(key):
                if entry.absent:
                    self._absent(noun, entry)
                else:
                    self._present(noun, entry)
        self._purge_unlisted()
        self._refuse_used()
        self._refuse_held()
        if self._mistakes:
            raise DocumentInvalid([Mistake(item.path.lstrip("."), item.message) for item in self._mistakes])
        return Plan(tuple(order(self._actions)), tuple(self._warnings), tuple(self._kept))

    # One entry.

    def _present(self, noun: Noun, written: Entry) -> None:
        before = len(self._mistakes)
        entry = noun.resolved(written, self._world)
        self._check_references(noun, entry)
        if len(self._mistakes) == before:
            self._mistakes.extend(noun.check_against(entry, self._world, self._document))
        try:
            record = self._find(noun, entry)
            if record is None:
                self._create(noun, entry)
            else:
                self._update(noun, entry, record)
        except EntryProblem as problem:
            self._mistake(entry, problem.path, problem.message)

    def _create(self, noun: Noun, entry: Entry) -> None:
        reason = noun.awaited(entry, self._world, self._document)
        unknown = list(noun.awaited_fields(entry)) if reason else []
        if reason and not unknown:
            after: Value = dict.fromkeys(entry.desired)
            changes = tuple(Change(name, None, None) for name in entry.desired)
            name = entry.raw.get("name") or f"{entry.raw['server_cluster']}-{entry.raw['postfix']}"
            action = Action(noun, UPDATE, str(name), entry, None, None, after, changes, reason, deferred=True)
            self._actions.append(action)
            return
        for name in noun.needed:
            if entry.desired.get(name) is None:
                self._mistake(
                    entry, name, f"is needed: there is no {noun.label} {entry.name!r} yet, it must be created"
                )
        creation = self._creation(noun, entry)
        if unknown:
            after = {**(creation.after or {}), **dict.fromkeys(unknown)}
            changes = tuple(change for change in creation.changes if change.field not in unknown)
            changes += tuple(Change(name, None, None) for name in unknown)
            creation = replace(creation, after=after, changes=changes, reason=reason, deferred=True)
        self._actions.append(creation)

    def _creation(self, noun: Noun, entry: Entry) -> Action:
        after: Value = {}
        for declared in noun.fields:
            after[declared.name] = self._created_value(declared, entry)
        if noun.marked:
            after["tags"] = noun.marked_tags(after["tags"] or [])
        changes = tuple(Change(name, None, value) for name, value in after.items() if value not in (None, "", []))
        return Action(noun, CREATE, entry.name, entry, None, None, after, changes)

    def _created_value(self, declared: Field, entry: Entry) -> Any:
        if declared.name in entry.desired:
            return declared.codec.merge(None, entry.desired[declared.name], entry.raw)
        default = declared.on_create
        return list(default) if isinstance(default, tuple) else default

    def _update(self, noun: Noun, entry: Entry, record: Record) -> None:
        self._matched.add((noun.key, record.id))
        derived = noun.derived(record, self._world)
        mark = noun.marked and entry.adopt and not derived
        after, changes = merged(noun, entry, record, mark)
        if not changes:
            return
        if noun.marked and not record.owned and not derived and not entry.adopt:
            fields = ", ".join(change.field for change in changes)
            self._mistake(
                entry,
                "",
                f"the {noun.label} {entry.name!r} exists (id {record.id}), differs in {fields} and was not made by "
                "this collection: set adopt: true to change and keep it from now on",
            )
            return
        fixed = [change for change in changes if self._field(noun, change.field).immutable]
        if fixed and not entry.recreate:
            for change in fixed:
                self._mistake(
                    entry,
                    change.field,
                    f"is {change.before!r} and cannot be changed to {change.after!r} by the controller: "
                    f"set recreate: true to delete the {noun.label} {entry.name!r} and create it again",
                )
            return
        if fixed:
            reason = "recreated: " + ", ".join(change.field for change in fixed)
            self._actions.append(Action(noun, DELETE, entry.name, entry, record, record.value, None, (), reason))
            self._actions.append(replace(self._creation(noun, entry), reason=reason))
            return
        self._actions.append(
            Action(noun, UPDATE, self._title(noun, record), entry, record, record.value, after, changes)
        )

    def _absent(self, noun: Noun, entry: Entry) -> None:
        record = self._find(noun, entry)
        if record is None:
            return
        self._matched.add((noun.key, record.id))
        if noun.marked and not record.owned and not entry.adopt:
            self._mistake(
                entry,
                "",
                f"the {noun.label} {entry.name!r} (id {record.id}) was not made by this collection: "
                "set adopt: true to delete it nevertheless",
            )
            return
        self._actions.append(Action(noun, DELETE, entry.name, entry, record, record.value))

    def _find(self, noun: Noun, entry: Entry) -> Record | None:
        found = list(noun.find(entry, self._world))
        if len(found) > 1:
            ids = ", ".join(str(record.id) for record in found)
            if len({noun.identity(record.value) for record in found}) > 1:
                scope = ", ".join(name for name in noun.identity_fields if name not in entry.desired)
                self._mistake(
                    entry, "", f"there are {len(found)} of this name (ids {ids}): say which one by {scope or 'name'}"
                )
                return None
            self._warnings.append(
                f"There are {len(found)} {noun.label}s {entry.name!r} (ids {ids}); "
                "the lowest id is used, remove the others"
            )
        return min(found, key=lambda record: record.id) if found else None

    def _check_references(self, noun: Noun, entry: Entry) -> None:
        for reference in noun.references(entry):
            target = ALL[reference.noun]
            if self._document.removes(reference.noun, reference.name):
                self._mistake(
                    entry, reference.path, f"the {target.label} {reference.name!r} is absent in this document"
                )
            elif not self._world.names.knows(reference.noun, reference.name) and not target.promised(
                reference.name, self._document
            ):
                known = self._world.names.all_of(reference.noun)
                self._mistake(
                    entry,
                    reference.path,
                    f"there is no {target.label} {reference.name!r}{suggest(reference.name, known)}",
                )

    # All entries together.

    def _purge_unlisted(self) -> None:
        for key in self._purge:
            noun = MANAGED[key]
            for record in self._world.all(key):
                if record.owned and (key, record.id) not in self._matched and not noun.derived(record, self._world):
                    name = self._title(noun, record)
                    self._actions.append(
                        Action(noun, DELETE, name, None, record, record.value, reason="ours, and not in the document")
                    )

    def _refuse_used(self) -> None:
        """What others still use stays, or is a mistake."""
        gone = {
            (action.noun.key, action.record.id)
            for action in self._actions
            if action.operation == DELETE and action.record
        }
        staying: list[Action] = []
        for action in self._actions:
            if action.operation == DELETE and action.record is not None:
                users = [
                    str(user.value.get("name"))
                    for key, user in action.noun.users(action.record, self._world)
                    if (key, user.id) not in gone
                ]
                if users:
                    words = f"still used by {', '.join(sorted(users))}"
                    if action.entry is None or action.entry.if_unused:
                        self._kept.append(f"{action.noun.label} {action.name!r}: {words}")
                        continue
                    self._mistake(action.entry, "", f"the {action.noun.label} {action.name!r} is {words}")
            staying.append(action)
        self._actions = staying

    def _refuse_held(self) -> None:
        """Nothing is taken from an object that does not let go of it in this same plan."""
        planned = {(action.noun.key, action.record.id): action for action in self._actions if action.record is not None}
        for action in self._actions:
            if action.after is None or action.entry is None or action.deferred:
                continue
            wanted = action.noun.claims(action.after) - action.noun.claims(action.before or {})
            if not wanted:
                continue
            for record in self._world.all(action.noun.key):
                if action.record is not None and record.id == action.record.id:
                    continue
                other = planned.get((action.noun.key, record.id))
                left: Mapping[str, Any] = record.value if other is None else (other.after or {})
                for claim in sorted(wanted & action.noun.claims(left)):
                    self._mistake(
                        action.entry,
                        "",
                        f"{claim} belongs to the {action.noun.label} {self._title(action.noun, record)!r}: "
                        "take it out there first",
                    )

    @staticmethod
    def _field(noun: Noun, name: str) -> Field:
        return next(declared for declared in noun.fields if declared.name == name)

    @staticmethod
    def _title(noun: Noun, record: Record) -> str:
        return noun.title(record.value)

    def _mistake(self, entry: Entry, path: str, message: str) -> None:
        self._mistakes.append(Mistake(f"{entry.path}.{path}" if path else entry.path or entry.noun, message))


def order(actions: Sequence[Action]) -> Iterator[Action]:
    """Creations and updates by rank, then deletions the other way round; but whoever claims waits for the release."""
    return iter(_Sorter(actions).sorted())


@dataclass
class _Sorter:
    actions: Sequence[Action]
    result: list[Action] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    open: list[int] = field(default_factory=list)

    def sorted(self) -> list[Action]:
        positions = sorted(range(len(self.actions)), key=self._rank)
        for position in positions:
            self._emit(position)
        return self.result

    def _rank(self, position: int) -> tuple[int, int, int]:
        action = self.actions[position]
        if action.operation == DELETE:
            return (1, -action.noun.rank, position)
        # V-Nets of a cluster come after it, although V-Nets as such do not.
        late = action.deferred or (action.entry is not None and "server_cluster" in action.entry.raw)
        return (0, 1000 if late else action.noun.rank, position)

    def _emit(self, position: int) -> None:
        if position in self.done:
            return
        if position in self.open:
            self._split(position)
            return
        self.open.append(position)
        for other in self._before(position):
            self._emit(other)
        self.open.pop()
        if position not in self.done:
            self.done.add(position)
            self.result.append(self.actions[position])

    def _split(self, position: int) -> None:
        """A ring of exchanges: the action that closes it lets go first and takes later."""
        action = self.actions[position]
        if action.operation != UPDATE or action.before is None or action.after is None:
            return
        value = action.noun.release_only(action.before, action.after)
        if value is None or any(item.release and item.record == action.record for item in self.result):
            return
        changes = tuple(
            Change(change.field, change.before, value[change.field])
            for change in action.changes
            if value.get(change.field) != change.before
        )
        self.result.append(
            replace(action, after=value, changes=changes, release=True, reason="lets go of what others take over")
        )

    def _before(self, position: int) -> list[int]:
        """The actions that must come first."""
        action = self.actions[position]
        claims = _claims(action, action.after) - _claims(action, action.before)
        found = []
        for other, candidate in enumerate(self.actions):
            if other == position:
                continue
            released = _claims(candidate, candidate.before) - _claims(candidate, candidate.after)
            if candidate.noun is not action.noun:
                continue
            recreated = action.operation == CREATE and candidate.operation == DELETE and candidate.entry is action.entry
            if claims & released or recreated:
                found.append(other)
        return found


def _claims(action: Action, value: Value | None) -> frozenset[str]:
    return action.noun.claims(value) if value else frozenset()


def as_diff(actions: Iterable[Action]) -> dict[str, Any]:
    """Before and after in the form that Ansible prints as a difference: only what changes, always in the same order."""
    before: dict[str, dict[str, Any]] = {}
    after: dict[str, dict[str, Any]] = {}
    for action in actions:
        if action.release:
            continue
        key = action.noun.key
        if action.operation == DELETE:
            before.setdefault(key, {})[action.name] = action.before
        elif action.operation == CREATE:
            after.setdefault(key, {})[action.name] = _shown(action)
        else:
            was = {change.field: change.before for change in action.changes}
            will = {change.field: change.after for change in action.changes}
            if action.deferred:
                was, will = {}, dict.fromkeys(will, KNOWN_AFTER_APPLY)
            before.setdefault(key, {}).setdefault(action.name, {}).update(was)
            after.setdefault(key, {}).setdefault(action.name, {}).update(will)
    return {"before": before, "after": after}


def _shown(action: Action) -> Value:
    value = {name: value for name, value in (action.after or {}).items() if value is not None}
    if action.deferred:
        value.update((change.field, KNOWN_AFTER_APPLY) for change in action.changes if change.after is None)
    return value
