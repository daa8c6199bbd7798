"""What is tried far away and killed is taken away by a later trial; what may still be at work is left."""

import time

import pytest

from preserve.stores.rooms.trials import unfit
from tests.support.killed_stores import KINDS, Memory, new_store


@pytest.mark.parametrize("kind", KINDS)
def test_the_next_trial_takes_away_what_was_left_more_than_a_day_ago(kind: type[Memory]) -> None:
    store, now = new_store(kind), int(time.time())
    left = b".preserve/trial-%08x00112233" % (now - 90_000)
    young = b".preserve/trial-%08x00112233" % (now - 80_000)
    for path in (left + b"/0/a:b", left + b"/1/c", young + b"/0/a:b", b".preserve/trial-mine/a"):
        store.lay(path, b"")
    store.lay(b".preserve/trial-%08x44556677" % (now - 90_000), b"of a replica that was being added")
    before = set(store.files)
    unfit(store, [b"box/x y"])
    gone = {left + b"/0/a:b", left + b"/1/c", b".preserve/trial-%08x44556677" % (now - 90_000)}
    assert before - set(store.files) == gone and set(store.files) <= before
