"""Across copies: the verdict of each file with open findings, and that of its package. Projections of the findings."""

import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, bindparam, select

from checks.evidence import Outcome
from checks.findings import MEANINGS, Code
from checks.inventory import position
from checks.verdicts import CopyState, FileVerdict, Verdict, across, state_from, worst_of
from preserve.catalog.bulk import among, as_list
from preserve.catalog.entries import entry_at
from preserve.catalog.schema import copy, finding, inventory, package, replica, shard, shard_state

_LAST_SEGMENT = (1 << 64) - 1
_CHUNK = 500
_DAMAGED = (Verdict.DEGRADED, Verdict.LOST)
_RENEW = "UPDATE package SET verdict = ?, copies = ? WHERE id = ?"
_KEPT = select(package.c.id, package.c.verdict, package.c.copies).where(among(package.c.id, bindparam("ids")))
_COPIES = (
    select(
        copy.c.id,
        copy.c.package_id,
        copy.c.inventory_id,
        copy.c.inventory_id == package.c.inventory_id,
        replica.c.name,
        copy.c.shards_read == copy.c.shards,
        copy.c.damage + copy.c.undetermined + copy.c.warnings > 0,
    )
    # Outer: else SQLite begins with all packages or all copies of a replica.
    .join_from(package, copy, copy.c.package_id == package.c.id)
    .outerjoin(replica, replica.c.id == copy.c.replica_id)
    .where(among(package.c.id, bindparam("ids")), replica.c.removed_at.is_(None), copy.c.removed_at.is_(None))
    .order_by(replica.c.name)
)


@dataclass(frozen=True, slots=True)
class _Copy:
    """A copy of one version of a package on a replica that is in use."""

    id: int
    package_id: int
    inventory_id: int
    current: bool  # whether of the package's current version
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
        for one in _copies(connection, some):
            copies[one.package_id].append(one)
        kept = connection.execute(_KEPT, {"ids": as_list(some)})
        before = {package_id: (verdict, count) for package_id, verdict, count in kept}
        after = {
            package_id: (_package_verdict(connection, of_package).value, sum(one.current for one in of_package))
            for package_id, of_package in copies.items()
        }
        changed = [(*after[package_id], package_id) for package_id in some if after[package_id] != before[package_id]]
        if changed:
            connection.exec_driver_sql(_RENEW, changed)


def file_verdicts(connection: Connection, package_id: int) -> list[FileVerdict]:
    """The files of a package that have open findings on any copy, in order of path; those of older versions last."""
    copies = _copies(connection, [package_id])
    return [*_of_current(connection, copies), *_of_older(connection, copies)]


def _of_current(connection: Connection, copies: list[_Copy]) -> list[FileVerdict]:
    current = [one for one in copies if one.current]
    return list(_judge(_found(connection, current), current, _Reading(connection, current)))


def _of_older(connection: Connection, copies: list[_Copy]) -> Iterator[FileVerdict]:
    """An older version is judged by its own copies; what the current one holds just so is not lost with it."""
    older = [one for one in copies if not one.current]
    if not any(one.found for one in older):
        return
    for inventory_id in sorted({one.inventory_id for one in older}):
        of_version = [one for one in older if one.inventory_id == inventory_id]
        version = connection.execute(select(inventory.c.version).where(inventory.c.id == inventory_id)).scalar_one()
        for file in _judge(_found(connection, of_version), of_version, _Reading(connection, of_version)):
            kept = file.verdict is Verdict.LOST and _held_now(connection, copies, inventory_id, file.path)
            yield replace(file, version=version, verdict=Verdict.DEGRADED if kept else file.verdict)


def _held_now(connection: Connection, copies: list[_Copy], inventory_id: int, path: bytes) -> bool:
    """Whether the current version holds the same content at the same path, good on some copy."""
    current = [one for one in copies if one.current]
    if not current:
        return False
    then = entry_at(connection, inventory_id, path)
    now = entry_at(connection, current[0].inventory_id, path)
    if then is None or then != now:
        return False
    judged = {file.path: file for file in _of_current(connection, current)}
    return bool(judged[path].good_on) if path in judged else any(one.read for one in current)


def _package_verdict(connection: Connection, copies: list[_Copy]) -> Verdict:
    """The worst of its files' verdicts, those without findings of their own among them.

    Damage of an older version is the package's; that one was not read, or has few copies, is not.
    """
    current = [one for one in copies if one.current]
    verdicts = [across(CopyState.GOOD if one.read else CopyState.UNREAD for one in current)]
    if any(one.found for one in current):
        wide = _found(connection, current).codes.get(b"", {})
        verdicts = [across(state_from(wide.get(one.id, ()), read=one.read) for one in current)]
        verdicts += [file.verdict for file in _of_current(connection, current)]
    older = [one for one in copies if not one.current and one.found]
    if older:
        verdicts += [file.verdict for file in _of_older(connection, copies) if file.verdict in _DAMAGED]
        gone = {code for codes in _found(connection, older).codes.get(b"", {}).values() for code in codes}
        verdicts += [Verdict.DEGRADED] if Code.COPY_MISSING in gone else []
    return worst_of(verdicts)


def _copies(connection: Connection, package_ids: Iterable[int]) -> list[_Copy]:
    return [_Copy(*row) for row in connection.execute(_COPIES, {"ids": as_list(package_ids)})]


def _found(connection: Connection, copies: Iterable[_Copy]) -> _Found:
    found = _Found()
    query = (
        select(finding.c.copy_id, finding.c.path, finding.c.code, finding.c.parameters)
        .where(among(finding.c.copy_id, [one.id for one in copies if one.found]), finding.c.closed_at.is_(None))
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
