"""Whatever checks come in, in whatever order: the catalog's state is what its journal says by the rules."""

import json
import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from checks.evidence import Evidence, Outcome
from checks.findings import MEANINGS, Code, Finding, Severity
from checks.names import path_from_fields
from checks.policy import Wanted
from checks.verdicts import CopyState, Verdict, across, state_from, worst_of
from preserve.catalog.acts import Act
from preserve.catalog.rows import AuditRow, AuditState, CheckResult, Lease
from tests.unit.preserve.catalog.builders import START, Held, result

COPIES = (1, 2)
WIDE = {Code.COPY_MISSING, Code.REPLICA_UNAVAILABLE}
OF_FILES = [Code.MISSING, Code.DIGEST_MISMATCH, Code.UNREADABLE, Code.UNSTABLE_READ, Code.CHANGED_WHILE_READ]

Where = tuple[int, int, bytes]  # copy, shard (0: the copy as a whole), path


class Model:
    """The rules once more, as plainly as they can be said, over the journal's bodies alone."""

    def __init__(self, shards: dict[str, int], holding: dict[bytes, set[int]]) -> None:
        self.shards = shards  # by start, in hex
        self.holding = holding  # the shards that a file lies in
        self.wanted: dict[tuple[int, int], tuple[Wanted, datetime]] = {}
        self.times: dict[tuple[int, int, Evidence], datetime] = {}
        self.open: dict[tuple[Where, Code], datetime] = {}

    def replay(self, body: dict[str, Any]) -> None:
        if body["kind"] == "reading-asked":
            starts = body.get("starts", self.shards)
            self._want(body, {self.shards[start] for start in starts}, Wanted(str(body["why"])))
        elif body["kind"] == "file-repaired":
            self._want(body, self.holding[path_from_fields(body) or b""], Wanted.REPAIRED)
        elif body["kind"] == "check":
            self._replay_check(body)

    def _want(self, body: dict[str, Any], shards: set[int], why: Wanted) -> None:
        copy, at = int(str(body["replica"])[-1]), datetime.fromisoformat(str(body["at"]))
        for shard in shards:
            before = self.wanted.get((copy, shard), (why, at))[0]
            strongest = next(one for one in (Wanted.DISBELIEVED, Wanted.ASKED, Wanted.REPAIRED) if one in (before, why))
            self.wanted[copy, shard] = strongest, at

    def _replay_check(self, body: dict[str, Any]) -> None:
        copy = int(str(body["replica"])[-1])
        shard = self.shards[str(body["start"])]
        evidence, outcome = Evidence.from_label(str(body["evidence"])), Outcome(body["outcome"])
        started, ended = times_of(body)
        named = None if "paths" not in body else {path_from_fields(path) for path in body["paths"]}
        whole = outcome is not Outcome.INCONCLUSIVE and body["unread"] == 0
        if named is None and whole:
            for level in Evidence:
                if level <= evidence:
                    self.times[copy, shard, level] = started
            if evidence >= Evidence.READ and (copy, shard) in self.wanted:
                _, at = self.wanted[copy, shard]
                if at <= started or at > ended + timedelta(days=1):
                    del self.wanted[copy, shard]
        found: dict[Code, set[bytes]] = {}
        for finding in body.get("findings", []):
            found.setdefault(Code(finding["code"]), set()).add(path_from_fields(finding) or b"")
        self._close(copy, shard, found, named, started, body, whole and evidence >= Evidence.READ)
        self._open(copy, shard, found, body)

    def _close(
        self,
        copy: int,
        shard: int,
        found: dict[Code, set[bytes]],
        named: set[bytes | None] | None,
        started: datetime,
        body: dict[str, Any],
        complete: bool,
    ) -> None:
        doubtful = {path for code, paths in found.items() for path in paths if is_doubt(code)}
        if any(b"" in paths for paths in found.values()):
            return  # it speaks of more than files: nothing can be said of any of them
        for (where, code), seen in list(self.open.items()):
            _, of_shard, path = where
            if where[0] != copy or seen_by(seen, body) > started or code is Code.UNSTABLE_READ:
                continue
            if of_shard == 0:
                if body["good"] or body["bytes_read"]:
                    del self.open[where, code]
            elif of_shard == shard and (named is None or path in named) and path not in doubtful:
                if any(path in paths and is_error(other) == is_error(code) for other, paths in found.items()):
                    continue  # seen again, or another error in its place
                accounted = body["unread"] <= len(doubtful) and body["good"] + body["bad"] > 0
                if complete or (accounted and not is_damage(code)):
                    del self.open[where, code]

    def _open(self, copy: int, shard: int, found: dict[Code, set[bytes]], body: dict[str, Any]) -> None:
        started, ended = times_of(body)
        for code in sorted(found, key=lambda code: not is_damage(code)):
            for path in found[code]:
                where = copy, 0 if code in WIDE else shard, path
                if not is_error(code):
                    self.open[where, code] = max(ended, seen_by(self.open.get((where, code), ended), body))
                    continue
                beside = [other for place, other in self.open if place == where and is_error(other)]
                other = beside[0] if beside else None
                if other is code:
                    self.open[where, code] = max(ended, seen_by(self.open[where, code], body))
                elif other is None or self._gives_way(other, code, seen_by(self.open[where, other], body), started):
                    if other is not None:
                        del self.open[where, other]
                    self.open[where, code] = ended

    def _gives_way(self, other: Code, code: Code, seen: datetime, started: datetime) -> bool:
        return is_damage(code) if is_damage(code) != is_damage(other) else seen <= started


def times_of(body: dict[str, Any]) -> tuple[datetime, datetime]:
    started, ended = (datetime.fromisoformat(str(body[name])) for name in ("started_at", "at"))
    return started, ended


def seen_by(seen: datetime, body: dict[str, Any]) -> datetime:
    """What lies far ahead of a check was seen before the clock was set back: before that check."""
    started, ended = times_of(body)
    return started if seen > ended + timedelta(days=1) else seen


def is_damage(code: Code) -> bool:
    return MEANINGS[code].outcome is Outcome.FAIL


def is_doubt(code: Code) -> bool:
    return MEANINGS[code].outcome is Outcome.INCONCLUSIVE


def is_error(code: Code) -> bool:
    return MEANINGS[code].severity is Severity.ERROR


class CatalogMachine(RuleBasedStateMachine):
    """Two copies of one package in six shards; checks, leases that run out, late and repeated commits."""

    @initialize()
    def open(self) -> None:
        self.folder = Path(mkdtemp())
        self.held = Held(self.folder, read=False)
        self.catalog = self.held.catalog
        self.now = START + timedelta(days=1)
        self.audit: AuditRow | None = None
        self.leases: list[Lease] = []
        self.committed: list[CheckResult] = []
        holding: dict[bytes, set[int]] = {}
        for shard in self.held.shards:
            for path in self.catalog.record(shard.id).paths:
                holding.setdefault(path, set()).add(shard.id)
        self.model = Model({shard.start.hex(): shard.id for shard in self.held.shards}, holding)
        self.read_to = 0

    def teardown(self) -> None:
        if hasattr(self, "held"):
            faults = list(self.catalog.check())
            self.catalog.close()
            shutil.rmtree(self.folder)
            assert faults == []  # computed again from the journal, everything is what it is

    @rule(minutes=st.integers(1, 5000))
    def time_passes(self, minutes: int) -> None:
        self.now += timedelta(minutes=minutes)

    @rule(hours=st.one_of(st.integers(-30, -1), st.sampled_from([-10_000, 10_000])))
    def the_clock_is_set(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @rule(copy=st.sampled_from(COPIES), places=st.one_of(st.none(), st.sets(st.integers(0, 5))))
    def a_reading_is_asked_for(self, copy: int, places: set[int] | None) -> None:
        what = [copy] if places is None else [(copy, self.held.shards[place].id) for place in sorted(places)]
        asked = self.catalog.ask_reading(what, Wanted.ASKED, "dara", self.now)
        assert asked == len(self.held.shards if places is None else places)

    @rule(copy=st.sampled_from(COPIES), places=st.sets(st.integers(0, 5)))
    def what_was_read_is_not_believed(self, copy: int, places: set[int]) -> None:
        pairs = [(copy, self.held.shards[place].id) for place in sorted(places)]
        audits = [] if self.audit is None else [self.audit.id]
        assert self.catalog.disbelieve(audits, pairs, "its own test failed", self.now) == len(places)

    @rule(copy=st.sampled_from(COPIES), place=st.integers(0, 5))
    def a_file_is_repaired(self, copy: int, place: int) -> None:
        act = Act(kind="file-repaired", copy_id=copy, body={"path": self._paths(place)[0].decode()})
        self.catalog.record_acts([act], [], self.now)

    @rule(
        copy=st.sampled_from(COPIES),
        place=st.integers(0, 5),
        codes=st.lists(st.sampled_from(OF_FILES), max_size=3, unique=True),
        same=st.booleans(),
        named=st.booleans(),
        early=st.integers(0, 3000),
    )
    def check(self, copy: int, place: int, codes: list[Code], same: bool, named: bool, early: int) -> None:
        """A check that may have begun before others that were committed already."""
        made = self._result(copy, place, codes, same=same, early=early)
        if named:
            paths = {finding.path for finding in made.findings} or {self._paths(place)[0]}
            made = replace(made, paths=sorted(path for path in paths if path))
        assert self.catalog.commit_checks([made], self.now) == [True]

    @rule(copy=st.sampled_from(COPIES), place=st.integers(0, 5), code=st.sampled_from(sorted(WIDE)))
    def the_copy_is_not_there(self, copy: int, place: int, code: Code) -> None:
        shard = self.held.shards[place]
        unread = 0 if is_damage(code) else shard.files
        made = result(
            shard, copy, self.now, Finding(code=code), unread=unread, good=0, bytes_read=0, evidence=Evidence.LISTED
        )
        self.catalog.commit_checks([made], self.now)

    @precondition(lambda self: self.audit is None)
    @rule(copies=st.sampled_from([[1], [2], [1, 2]]))
    def audit_opens(self, copies: list[int]) -> None:
        self.audit = self.catalog.open_audit_of_copies({}, Evidence.READ, copies, self.now)
        self.leases, self.committed = [], []

    @precondition(lambda self: self.audit is not None)
    @rule(limit=st.integers(1, 4))
    def lease(self, limit: int) -> None:
        assert self.audit is not None
        left = self.catalog.remaining(self.audit.id)
        given = self.catalog.lease(self.audit.id, left, "worker", self.now, ttl_seconds=600, limit=limit)
        given_by = self.now + timedelta(minutes=1, seconds=600)  # what was given later is void
        live = {(one.copy_id, one.shard_id) for one in self.leases if self.now < one.expires_at <= given_by}
        assert not live & {(one.copy_id, one.shard_id) for one in given}
        assert all(one.token > other.token for one in given for other in self.leases)
        self.leases += given

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), codes=st.lists(st.sampled_from(OF_FILES), max_size=2, unique=True))
    def a_leased_check_comes_in(self, data: st.DataObject, codes: list[Code]) -> None:
        """Maybe long after its lease ran out and went to another; maybe a second time."""
        assert self.audit is not None
        lease = data.draw(st.sampled_from(self.leases))
        place = next(n for n, shard in enumerate(self.held.shards) if shard.id == lease.shard_id)
        made = self._result(lease.copy_id, place, codes, same=False, early=0)
        made = replace(made, audit_id=lease.audit_id, lease_token=lease.token)
        newest = max(one.token for one in self.leases if _pair(one) == _pair(lease)) == lease.token
        before, done = self.held.dump(), any(one.lease_token == lease.token for one in self.committed)
        assert self.catalog.commit_checks([made], self.now) == [newest]
        if done or not newest:
            assert self.held.dump() == before
        else:
            self.committed.append(made)

    @precondition(lambda self: self.audit is not None)
    @rule()
    def audit_ends(self) -> None:
        assert self.audit is not None
        done = {_pair(one) for one in self.committed}
        left = self.catalog.remaining(self.audit.id)
        assert not done & set(left)
        assert len(done) + len(left) == self.audit.planned
        state = AuditState.STOPPED if left else AuditState.ENDED
        ended = self.catalog.end_audit(self.audit.id, state, self.now)
        assert ended.done == len(done) == ended.passed + ended.failed + ended.inconclusive
        self.audit = None
        self.leases = []

    def _paths(self, place: int) -> list[bytes]:
        return sorted(set(self.catalog.record(self.held.shards[place].id).paths))

    def _result(self, copy: int, place: int, codes: list[Code], *, same: bool, early: int) -> CheckResult:
        paths = self._paths(place)
        by_slot = {
            (paths[0 if same else n % len(paths)], is_error(code) or code): code for n, code in enumerate(codes)
        }  # one error a path, as the judge gives them
        findings = [Finding(code=code, path=path, parameters={}) for (path, _), code in by_slot.items()]
        unread = len({finding.path for finding in findings if is_doubt(finding.code)})
        at = self.now - timedelta(minutes=early)
        return result(self.held.shards[place], copy, at, *findings, unread=unread)

    @invariant()
    def the_state_is_what_the_journal_says(self) -> None:
        if not hasattr(self, "held"):
            return
        for row in self.catalog.journal(after=self.read_to):
            self.read_to = row.number
            self.model.replay(json.loads(row.body))
        kept = {
            ((copy, shard, path), Code(code)): seen
            for copy, shard, path, code, seen in self._rows(
                "SELECT copy_id, shard_id, path, code, seen_at FROM finding WHERE closed_at IS NULL"
            )
        }
        assert set(kept) == set(self.model.open)
        for copy in COPIES:
            for shard in self.held.shards:
                times = self.catalog.shard_times(copy, shard.id).at
                assert times == {
                    level: at for (c, s, level), at in self.model.times.items() if (c, s) == (copy, shard.id)
                }
        self._summaries()
        self._verdict()
        self._due()

    def _rows(self, query: str) -> list[tuple[Any, ...]]:
        with self.catalog.reading() as connection:
            return [tuple(row) for row in connection.exec_driver_sql(query)]

    def _summaries(self) -> None:
        for copy in self.catalog.copies():
            read = [at for (c, _, level), at in self.model.times.items() if (c, level) == (copy.id, Evidence.READ)]
            assert copy.shards_read == len(read)
            assert copy.oldest_read_at == (min(read) if len(read) == copy.shards else None)
            here = {(where[2], code) for where, code in self.model.open if where[0] == copy.id}
            assert copy.damage == len({path for path, code in here if is_damage(code)})
            assert copy.undetermined == len({path for path, code in here if is_doubt(code)})
            assert copy.warnings == len({path for path, code in here if not is_error(code)})

    def _verdict(self) -> None:
        """File by file over all files; one without findings is as its copies are as a whole."""
        files: dict[bytes, set[int]] = {}
        for place, shard in enumerate(self.held.shards):
            for path in self._paths(place):
                files.setdefault(path, set()).add(shard.id)
        verdicts = [across(self._state(copy, None, set()) for copy in COPIES)]
        found = {where[2] for where, _ in self.model.open}
        verdicts += [
            across(self._state(copy, path, shards) for copy in COPIES)
            for path, shards in files.items()
            if path in found
        ]
        package = self.catalog.packages()[0]
        assert package.verdict is worst_of(verdicts)
        if package.verdict is Verdict.INTACT:
            assert not any(is_error(code) for _, code in self.model.open)

    def _state(self, copy: int, path: bytes | None, shards: set[int]) -> CopyState:
        codes = [code for where, code in self.model.open if where[0] == copy and where[2] in (b"", path)]
        needed = shards or {shard.id for shard in self.held.shards}
        read = all((copy, shard, Evidence.READ) in self.model.times for shard in needed)
        return state_from(codes, read=read)

    def _due(self) -> None:
        """Everything is due that is older, or waits; nothing falls out of both."""
        cutoff = self.now - timedelta(days=2)
        older = {
            (copy, shard.id)
            for copy in COPIES
            for shard in self.held.shards
            if self.model.times.get((copy, shard.id, Evidence.READ), START) < cutoff
            or (copy, shard.id, Evidence.READ) not in self.model.times
        }
        due = self.catalog.due(Evidence.READ, cutoff, self.now)
        longest = _micros(self.now + timedelta(days=1))
        waits = f"not_before > {_micros(self.now)} AND not_before <= {longest}"
        waiting = self._rows(f"SELECT copy_id, shard_id FROM shard_state WHERE {waits}")
        assert {(one.copy_id, one.shard_id) for one in due} == older - set(waiting)
        assert sum(self.catalog.overdue_counts(Evidence.READ, cutoff).values()) == len(older)
        order = [(one.read_at is not None, one.read_at) for one in due]
        assert order == sorted(order, key=lambda one: (one[0], one[1] or START))
        assert {
            (o.copy_id, o.shard_id) for o in self.catalog.due(Evidence.READ, cutoff, self.now + timedelta(days=36_500))
        } == older
        self._candidates(cutoff, older, {(copy, shard) for copy, shard in waiting})

    def _candidates(self, cutoff: datetime, older: set[tuple[int, int]], waiting: set[tuple[int, int]]) -> None:
        """What is due, what the future has, what had no answer, and, waiting or not, what is wanted."""
        ahead = {
            (copy, shard)
            for (copy, shard, level), at in self.model.times.items()
            if level is Evidence.READ and at > self.now
        }
        unsettled = {
            (copy, shard) for copy, shard in self._rows("SELECT copy_id, shard_id FROM shard_state WHERE failures > 0")
        }
        found = [one for copy in COPIES for one in self.catalog.candidates(copy, Evidence.READ, cutoff, self.now)]
        pairs = {(one.copy_id, one.shard_id) for one in found}
        assert len(pairs) == len(found)
        assert pairs == ((older | ahead | unsettled) - waiting) | set(self.model.wanted)
        assert {(one.copy_id, one.shard_id): one.wanted for one in found if one.wanted} == {
            pair: why for pair, (why, _) in self.model.wanted.items()
        }

    @invariant()
    def the_chain_holds(self) -> None:
        if hasattr(self, "held"):
            assert self.catalog.verify_journal() is None


def _micros(at: datetime) -> int:
    return round((at - datetime.fromisoformat("1970-01-01T00:00:00+00:00")) / timedelta(microseconds=1))


def _pair(one: Lease | CheckResult) -> tuple[int, int]:
    return one.copy_id, one.shard_id


TestCatalog = CatalogMachine.TestCase
TestCatalog.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
