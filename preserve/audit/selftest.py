"""The auditor's test of itself, on one replica, before it says anything of what lies there.

The canaries are read by the very checker, digester, threads and store of the run, as the smallest of copies: as they
are, and with bits turned on their way, so that no remembered answer will do. What comes out is judged against literals.
An auditor that knows when it is tested, and is honest only then, is not found by this: nothing that runs inside of it
can. A second machine can, and so can `sha256sum -c` in a bag.
"""

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from checks.canaries import CANARIES, GOOD, WRONG, Canary, Trial, as_recorded, judge, own_answers
from checks.digesting import Digester
from checks.evidence import Evidence, Outcome
from checks.findings import MEANINGS, Code
from checks.listing import Names
from checks.names import show
from checks.ports import Store, StoreError
from checks.shards import Judgement, ShardChecker
from preserve.audit.watched import Watched
from preserve.errors import UndeterminedError
from preserve.stores.canaries import FOLDER
from preserve.stores.port import Canaries


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfTest:
    """How it went.

    Attributes:
        passed: whether the auditor can be believed on this replica. False, too, where it could not be tested.
        untested: nothing was wrong with the auditor, and nothing was proved: no canary can be made or read there. The
            same digester can be tested elsewhere.
        why: why not; or what is to be said although it passed (`damaged`, what could not be made). For people.
        damaged: canaries that the medium did not give as they were written: the disk is to be looked at. Those whose
            bytes are others were set aside, where that could be written, and made anew.
        made: canaries that were missing, and were written.
        away: why the replica was not there; then nothing was tested. Else empty.
    """

    passed: bool
    why: str = ""
    damaged: tuple[bytes, ...] = ()
    made: tuple[bytes, ...] = ()
    away: str = ""
    untested: bool = False


_SMALL_BYTES = 128 << 10


class _Away(Exception):
    """The replica is not there, or another one is. Not an error: it is an answer."""


class _Failed(Exception):
    """The test came to something else than it must. Not an error: it is an answer."""


class _Untested(_Failed):
    """There is nothing to test it with."""


def self_test(
    store: Store, canaries: Canaries, replica_uuid: str, digester: Digester, at: datetime, *, write: bool = True
) -> SelfTest:
    """Tests an auditor on one replica. Never raises for what a store or its medium does.

    Args:
        store: as the run will read it, with whatever limits and retries.
        canaries: the replica's, where missing ones are made, and damaged ones anew.
        digester: the run's, with its threads; SHA-256 at least.
        write: False: nothing is written there; it is tested with the canaries that it has.
    """
    test = _Test(store, canaries, replica_uuid, digester, at, write=write)
    away = why = ""
    untested = False
    try:
        test.run()
    except _Away as found:
        away, why = str(found), "the replica is not there"
    except _Failed as found:
        why, untested = str(found), isinstance(found, _Untested)
    told = [f"{show(name)}: {fault}" for name, fault in test.faults.items()]
    return SelfTest(
        passed=not why,
        why="; ".join(dict.fromkeys([why, *told, *test.unmade] if why else [*told, *test.unmade])),
        damaged=tuple(name for name in test.faults if name not in test.missing),
        made=test.made,
        away=away,
        untested=untested,
    )


class _Test:
    """Its trials, one after the other. `faults` says of each canary what the medium made of it."""

    def __init__(
        self, store: Store, canaries: Canaries, replica: str, digester: Digester, at: datetime, *, write: bool
    ) -> None:
        self._write = write
        self._store = store
        self._canaries = canaries
        self._replica = replica
        self._digester = digester
        self._at = at
        self.faults: dict[bytes, str] = {}
        self.missing: set[bytes] = set()
        self.made: tuple[bytes, ...] = ()
        self.unmade: list[str] = []  # why canaries could not be written

    def run(self) -> None:
        """
        Raises:
            _Away: nothing was to be tested.
            _Failed: the auditor is not to be believed here.
        """
        self._refuse_absent()
        if wrong := own_answers():
            raise _Failed(wrong)
        self.made = self._written(())
        right = self._right()
        # Made anew at once, so that whoever damages some cannot make the test a weaker one.
        others = [canary.name for canary in CANARIES if canary not in right and canary.name not in self.missing]
        if others and self._written(others):
            right = self._right()
        self._try_all(tuple(canary for canary in GOOD if canary in right), right)

    def _try_all(self, good: Sequence[Canary], right: Sequence[Canary]) -> None:
        if not good:
            raise _Untested("it could not be tested: no canary can be read as it was written")
        self._evidence(good, self._try(as_recorded(good)))
        # The largest, which is most of the bytes, is read twice: as it is, and with its last bit turned.
        small = tuple(canary for canary in good if canary.size_bytes <= _SMALL_BYTES) or good
        if WRONG in right:
            self._try(as_recorded((*small, WRONG)))
        for turned, bit_of in ((good, _last_bit), (small, _any_bit)):
            bits = {canary.name: bit_of(canary) for canary in turned}
            self._try(_turned(turned, bits), bits=bits)
        self._try(replace(as_recorded(small), weak=True), claimed=Evidence.CLAIMED)

    def _refuse_absent(self) -> None:
        try:
            found = self._store.identity()
        except StoreError as error:
            raise _Away(error.cause or str(error)) from error
        if found != self._replica:
            raise _Away(f"it is another replica: its identity is {found}, expected {self._replica}")

    def _written(self, damaged: Sequence[bytes]) -> tuple[bytes, ...]:
        if not self._write:
            return ()
        try:
            return self._canaries.ensure(self._at, damaged)
        except UndeterminedError as error:
            self.unmade.append(error.message)
            return ()

    def _right(self) -> tuple[Canary, ...]:
        """The canaries that the medium gives as they were written.

        Raises:
            _Failed: something was said of a canary that is as it was written.
        """
        suspects: dict[bytes, Code] = {}
        for trial in (as_recorded(GOOD), as_recorded((WRONG,))):
            judgement = self._read(trial, {}, None)
            if any(finding.code is Code.COPY_MISSING for finding in judgement.findings):
                suspects |= dict.fromkeys(trial.record.paths, Code.MISSING)
            elif not trial.bad or judge(judgement, trial):
                suspects |= {f.path: f.code for f in judgement.findings if f.path is not None}
        return tuple(c for c in CANARIES if c.name not in suspects or self._is_right(c, suspects[c.name]))

    def _is_right(self, canary: Canary, said: Code) -> bool:
        """Looks at a suspect in another way; what the medium made of it is written down."""
        seen = self._canaries.look(canary)
        if seen.missing:
            self.missing.add(canary.name)
        elif said is Code.MISSING:
            raise _Failed(f"{show(canary.name)} is there, and was judged {said.value}")
        if seen.fault:
            self.faults[canary.name] = seen.fault
        elif canary is WRONG:
            pass  # what is said of that one, its trial will tell
        elif said is Code.UNSTABLE_READ:
            self.faults[canary.name] = "it was read wrongly once, then rightly"
        elif MEANINGS[said].outcome is Outcome.INCONCLUSIVE:
            # Never a false green: the medium answers now and then.
            self.faults[canary.name] = f"it could not be read, then it could ({said.value})"
            return False
        else:
            raise _Failed(f"{show(canary.name)} is as it was written, and was judged {said.value}")
        return not seen.fault

    def _evidence(self, good: Sequence[Canary], judgement: Judgement) -> None:
        """Past the cache can only be said where a file can be read so."""
        if judgement.evidence <= Evidence.READ:
            return
        seen = [self._canaries.look(canary) for canary in good]
        if any(look.past_cache for look in seen):
            return
        if all(look.fault for look in seen):  # the medium's, after it was read once
            raise _Untested(f"it could not be tested: {show(good[0].name)}: {seen[0].fault}")
        raise _Failed(f"{judgement.evidence.label} was said where the system lets nobody read past the cache")

    def _try(
        self, trial: Trial, *, bits: Mapping[bytes, int] | None = None, claimed: Evidence | None = None
    ) -> Judgement:
        judgement = self._read(trial, bits or {}, claimed)
        if wrong := judge(judgement, trial):
            if unread := _unread(judgement):
                raise _Untested(f"it could not be tested: {unread}")
            raise _Failed(wrong)
        return judgement

    def _read(self, trial: Trial, bits: Mapping[bytes, int], claimed: Evidence | None) -> Judgement:
        turned = {FOLDER + b"/" + name: bit for name, bit in bits.items()}
        watched = Watched(self._store, turned, claimed)
        checker = ShardChecker(watched, self._replica, self._digester)
        judgement = checker.check(FOLDER, trial.record, trial.root, Names())
        for finding in judgement.findings:
            if finding.code is Code.REPLICA_UNAVAILABLE:
                raise _Away(str(finding.parameters.get("cause", "")))
        if watched.handed_out < judgement.bytes_read:
            said = f"{judgement.bytes_read:,} bytes were said to be read"
            raise _Failed(f"{said}, and {watched.handed_out:,} were asked for")
        return judgement


def _unread(judgement: Judgement) -> str:
    """What could not be read, and why: then a trial proves nothing, and nothing was said to be good."""
    for finding in judgement.findings:
        at_first = finding.code is Code.UNSTABLE_READ and not finding.parameters.get("observed")
        if finding.path is not None and (finding.code is Code.UNREADABLE or at_first):
            when = " at first" if at_first else ""
            return f"{show(finding.path)} could not be read{when} ({finding.parameters.get('cause', '')})"
    return ""


def _last_bit(canary: Canary) -> int:
    return canary.size_bytes * 8 - 1


def _any_bit(canary: Canary) -> int:
    return secrets.randbelow(canary.size_bytes * 8)


def _turned(good: Sequence[Canary], bits: Mapping[bytes, int]) -> Trial:
    """Each of them has other content than is recorded, and the digest that must be seen is known only now."""
    bad = {}
    for canary in good:
        content = bytearray(canary.content())
        byte, bit = divmod(bits[canary.name], 8)
        content[byte] ^= 0x80 >> bit
        bad[canary.name] = hashlib.sha256(content).digest()
    return replace(as_recorded(good), bad=bad)
