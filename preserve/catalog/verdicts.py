"""Across copies: the verdict of each file with open findings, and that of its package. Projections of the findings."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, bindparam, select

from checks.evidence import Outcome
from checks.findings import MEANINGS, Code
from checks.inventory import position
from checks.verdicts import CopyState, FileVerdict, Verdict, across, state_from, worst_of
from preserve.catalog.schema import copy, finding, package, replica, shard, shard_state

_LAST_SEGMENT = (1 << 64) - 1
_CHUNK = 500
_RENEW = "UPDATE package SET verdict = ?, copies = ? WHERE id = ?"
_KEPT = select(package.c.id, package.c.verdict, package.c.copies).where(
    package.c.id.in_(bindparam("ids", expanding=True))
)
_CURRENT = (
    select(
        copy.c.id,
        copy.c.package_id,
        copy.c.inventory_id,
        replica.c.name,
        copy.c.shards_read == copy.c.shards,
        copy.c.damage + copy.c.undetermined + copy.c.warnings > 0,
    )
    # By the packages' current inventories, and outer: else SQLite begins with all packages or all copies of a replica.
    .join_from(package, copy, copy.c.inventory_id == package.c.inventory_id)
    .outerjoin(replica, replica.c.id == copy.c.replica_id)
    .where(package.c.id.in_(bindparam("ids", expanding=True)), replica.c.removed_at.is_(None))
    .order_by(replica.c.name)
)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of a package's current version on a replica that is in use."""

    id: int
    package_id: int
    inventory_id: int
    replica: str
    read: bool  # every shard of it, at least once
    found: bool  # whether it has open findings


@dataclass(slots=True)
class _Found:
    """The open findings of one package's copies, by file. An empty path concerns the whole copy."""

    codes: dict[bytes, dict[int, list[Code]]] = field(default_factory=dict)
    elsewhere: dict[bytes, dict[int, str]] = field(default_factory=dict)


def renew_verdicts(connection: Connection, package_ids: Iterable[int]) -> None:
    """Computes the verdicts of these packages and counts their copies again; writes where something changed."""
    wanted = sorted(package_ids)
    for at in range(0, len(wanted), _CHUNK):
        some = wanted[at : at + _CHUNK]
        copies: dict[int, list[_Copy]] = {package_id: [] for package_id in some}
        for one in _current_copies(connection, some):
            copies[one.package_id].append(one)
        kept = connection.execute(_KEPT, {"ids": some})
        before = {package_id: (verdict, count) for package_id, verdict, count in kept}
        after = {
            package_id: (_package_verdict(connection, of_package).value, len(of_package))
            for package_id, of_package in copies.items()
        }
        changed = [(*after[package_id], package_id) for package_id in some if after[package_id] != before[package_id]]
        if changed:
            connection.exec_driver_sql(_RENEW, changed)


def file_verdicts(connection: Connection, package_id: int) -> list[FileVerdict]:
    """The files of a package's current version that have open findings on any copy, in order of path."""
    copies = _current_copies(connection, [package_id])
    found = _found(connection, copies)
    return list(_judge(found, copies, _Reading(connection, copies)))


def _package_verdict(connection: Connection, copies: list[_Copy]) -> Verdict:
    """The worst of its files' verdicts, those without findings of their own among them."""
    if not any(one.found for one in copies):
        return across(CopyState.GOOD if one.read else CopyState.UNREAD for one in copies)
    found = _found(connection, copies)
    wide = found.codes.get(b"", {})
    others = across(state_from(wide.get(one.id, ()), read=one.read) for one in copies)
    judged = _judge(found, copies, _Reading(connection, copies))
    return worst_of([others, *(file.verdict for file in judged)])


def _current_copies(connection: Connection, package_ids: Iterable[int]) -> list[_Copy]:
    return [_Copy(*row) for row in connection.execute(_CURRENT, {"ids": list(package_ids)})]


def _found(connection: Connection, copies: Iterable[_Copy]) -> _Found:
    found = _Found()
    query = (
        select(finding.c.copy_id, finding.c.path, finding.c.code, finding.c.parameters)
        .where(finding.c.copy_id.in_([one.id for one in copies if one.found]), finding.c.closed_at.is_(None))
        .order_by(finding.c.path, finding.c.copy_id, finding.c.code)
    )
    for copy_id, path, code, parameters in connection.execute(query):
        found.codes.setdefault(path, {}).setdefault(copy_id, []).append(Code(code))
        if code == Code.MOVED:
            found.elsewhere.setdefault(path, {})[copy_id] = str(json.loads(parameters).get("found_at", "?"))
    return found


class _Reading:
    """Whether a file was ever read on a copy: whether all shards that it lies in were."""

    def __init__(self, connection: Connection, copies: Iterable[_Copy]) -> None:
        self._unread: dict[int, frozenset[int]] = {}
        self._starts: list[bytes] = []
        self._ids: list[int] = []
        for one in copies:
            if not one.read:
                never = select(shard_state.c.shard_id).where(
                    shard_state.c.copy_id == one.id, shard_state.c.read_at.is_(None)
                )
                self._unread[one.id] = frozenset(connection.execute(never).scalars())
                if not self._ids:
                    self._load(connection, one.inventory_id)

    def _load(self, connection: Connection, inventory_id: int) -> None:
        query = select(shard.c.start, shard.c.id).where(shard.c.inventory_id == inventory_id).order_by(shard.c.start)
        for start, shard_id in connection.execute(query):
            self._starts.append(start)
            self._ids.append(shard_id)

    def was_read(self, copy_id: int, path: bytes) -> bool:
        unread = self._unread.get(copy_id)
        if unread is None:
            return True
        first = bisect_right(self._starts, position(path)) - 1
        last = bisect_left(self._starts, position(path, _LAST_SEGMENT))
        return unread.isdisjoint(self._ids[first:last])


def _judge(found: _Found, copies: list[_Copy], reading: _Reading) -> Iterator[FileVerdict]:
    wide = found.codes.get(b"", {})
    for path, by_copy in found.codes.items():
        if not path:
            continue
        codes = {one.replica: tuple(by_copy[one.id]) for one in copies if one.id in by_copy}
        if _is_untracked(by_copy):
            # Nothing that was taken in is at risk; but what lies there is not what should.
            states: Mapping[str, CopyState] = dict.fromkeys(codes, CopyState.BAD)
            yield FileVerdict(path=path, verdict=Verdict.DEGRADED, states=states, codes=codes)
            continue
        states = {
            one.replica: state_from(
                [*by_copy.get(one.id, ()), *wide.get(one.id, ())], read=reading.was_read(one.id, path)
            )
            for one in copies
        }
        moved = found.elsewhere.get(path, {})
        elsewhere = {one.replica: moved[one.id] for one in copies if one.id in moved}
        verdict = across(states.values(), elsewhere=bool(elsewhere))
        yield FileVerdict(path=path, verdict=verdict, states=states, codes=codes, elsewhere=elsewhere)


def _is_untracked(by_copy: Mapping[int, list[Code]]) -> bool:
    codes = {code for of_copy in by_copy.values() for code in of_copy}
    return Code.UNTRACKED in codes and all(
        code is Code.UNTRACKED or MEANINGS[code].outcome is Outcome.PASS for code in codes
    )
