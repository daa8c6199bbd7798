"""A clock that went wrong and was put right leaves nothing standing in the future, and locks nobody out."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from unittest.mock import patch

from checks.evidence import Evidence
from preserve.catalog import acts, committing, opening
from preserve.catalog.acts import Act
from preserve.catalog.catalog import Catalog
from preserve.catalog.ledger import Ledger
from preserve.catalog.states import States
from tests.support.old_catalogs import made_old
from tests.unit.preserve.catalog.builders import DAY, START, Held, damage, fresh_template

LATER = START + 10 * DAY
YEAR = 365 * DAY


def read_at(held: Held, place: int = 0) -> object:
    return held.catalog.shard_times(1, held.shards[place].id).at[Evidence.READ]


def test_a_time_in_the_future_goes_with_the_next_reading(held: Held) -> None:
    for place in range(len(held.shards)):
        held.commit(place, LATER + YEAR)
    held.commit(0, LATER)
    assert read_at(held) == LATER
    assert held.catalog.copies()[0].oldest_read_at == LATER
    assert list(held.catalog.check()) == []


def test_damage_that_was_seen_in_the_future_is_cleared_by_a_reading(held: Held) -> None:
    held.commit(0, LATER + YEAR, damage())
    held.commit(0, LATER)
    assert held.open() == set()
    assert list(held.catalog.check()) == []


def test_damage_that_is_seen_again_is_seen_now(held: Held) -> None:
    held.commit(0, LATER + YEAR, damage())
    held.commit(0, LATER, damage())
    (row,) = held.catalog.findings()
    assert row.seen_at == LATER + timedelta(seconds=1)
    assert list(held.catalog.check()) == []


def test_a_check_that_ran_beside_another_does_not_clear_what_that_one_saw(held: Held) -> None:
    held.commit(0, LATER + timedelta(hours=23), damage())
    held.commit(0, LATER)
    assert held.open() == {(1, b"data/f0", "digest-mismatch")}


def test_leases_of_the_future_are_void(held: Held) -> None:
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1], LATER)
    left = held.catalog.remaining(audit.id)
    lost = held.catalog.lease(audit.id, left, "one", LATER + YEAR, ttl_seconds=600)
    moment_before = LATER + YEAR - timedelta(seconds=1)  # threads read the clock before they wait for each other
    assert held.catalog.lease(audit.id, left, "two", moment_before, ttl_seconds=600) == []
    given = held.catalog.lease(audit.id, left, "two", LATER, ttl_seconds=600)
    assert len(given) == len(left)
    assert held.catalog.renew(lost, LATER, 600) == [False] * len(lost)


def test_a_lease_that_is_prolonged_after_the_clock_was_set_back_is_live_again(held: Held) -> None:
    audit = held.catalog.open_audit_of_copies({}, Evidence.READ, [1], LATER)
    left = held.catalog.remaining(audit.id)
    held_on = held.catalog.lease(audit.id, left, "one", LATER + YEAR, ttl_seconds=600)
    assert held.catalog.renew(held_on, LATER, 600) == [True] * len(held_on)
    assert held.catalog.lease(audit.id, left, "two", LATER, ttl_seconds=600) == []


def test_who_led_in_the_future_locks_nobody_out(catalog: Catalog) -> None:
    assert catalog.claim_leadership("one", START + YEAR, 600)
    assert not catalog.claim_leadership("two", START + YEAR - timedelta(seconds=1), 600)
    assert catalog.claim_leadership("two", START, 600)
    assert not catalog.claim_leadership("one", START + timedelta(seconds=1), 600)


def test_who_leads_keeps_the_lead_when_the_clock_is_set_back(catalog: Catalog) -> None:
    assert catalog.claim_leadership("one", START + YEAR, 600)
    assert catalog.claim_leadership("one", START, 600)
    assert not catalog.claim_leadership("two", START + timedelta(seconds=599), 600)
    assert catalog.claim_leadership("two", START + timedelta(seconds=600), 600)


def test_the_dead_lead_no_longer(catalog: Catalog) -> None:
    assert catalog.claim_leadership("one", START, 600)
    assert not catalog.claim_leadership("two", START, 600, is_dead=lambda holder: holder != "one")
    assert catalog.claim_leadership("two", START, 600, is_dead=lambda holder: holder == "one")


# --- catalogs of programs that trusted clocks


@contextmanager
def as_before_0003() -> Iterator[None]:
    with ExitStack() as stack:
        for name, kind in (("States", States), ("Ledger", Ledger)):
            stack.enter_context(patch.object(committing, name, partial(kind, clocks_trusted=True)))
        stack.enter_context(patch.object(acts, "want_repaired"))
        stack.enter_context(patch.object(opening, "REVISIONS", ("0001", "0002")))
        yield


def test_what_an_earlier_program_made_of_wrong_clocks_is_clean_and_is_put_right_from_then_on(tmp_path: Path) -> None:
    held = _lived_before_0003(tmp_path)
    with Catalog.open(held.path) as catalog:
        assert [link.kind for link in catalog.journal()][-1] == "catalog-migrated"
        assert list(catalog.check()) == []
        held.catalog = catalog
        assert read_at(held) == LATER + YEAR
        ahead = {one.shard_id for one in catalog.candidates(1, Evidence.READ, START, LATER)}
        assert ahead == {held.shards[0].id, held.shards[1].id}
        held.commit(0, LATER + DAY)
        assert read_at(held) == LATER + DAY
        assert held.open() == set()
        assert list(catalog.check()) == []


def _lived_before_0003(folder: Path) -> Held:
    with as_before_0003():
        held = Held(folder, template=fresh_template())
        held.commit(0, LATER + YEAR, damage())
        held.commit(0, LATER)  # clears nothing, and moves no time back
        held.commit(1, LATER + DAY)
        held.commit(1, LATER)
        repair = Act(kind="file-repaired", copy_id=1, body={"path": "data/f0"})
        held.catalog.record_acts([repair], [], LATER)
        assert held.open() and read_at(held, 1) == LATER + DAY
        held.catalog.close()
    made_old(held.path, "0002")
    return held
