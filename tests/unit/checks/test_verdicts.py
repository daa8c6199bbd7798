"""The verdict of one file across its copies."""

import pytest

from checks.findings import Code
from checks.verdicts import CopyState, Verdict, across, state_from, worst_of

G, B, U = CopyState.GOOD, CopyState.BAD, CopyState.UNREAD


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([G, G, G], Verdict.INTACT),
        ([G, B, G], Verdict.DEGRADED),
        ([G, B, U], Verdict.DEGRADED),
        ([B, B, B], Verdict.LOST),
        ([B, B, U], Verdict.UNKNOWN),
        ([G, G, U], Verdict.UNKNOWN),
        ([U], Verdict.UNKNOWN),
        ([], Verdict.UNDER_REPLICATED),
    ],
)
def test_verdicts(states: list[CopyState], verdict: Verdict) -> None:
    assert across(states) is verdict


def test_content_that_lies_under_another_name_is_not_lost() -> None:
    assert across([B, B], elsewhere=True) is Verdict.DEGRADED


def test_too_few_good_copies_are_under_replicated() -> None:
    assert across([G, G], minimum_copies=3) is Verdict.UNDER_REPLICATED


def test_what_was_never_read_is_not_good() -> None:
    assert state_from([], read=False) is U
    assert state_from([], read=True) is G
    assert state_from([Code.UNREADABLE], read=True) is U
    assert state_from([Code.UNREADABLE, Code.MISSING], read=True) is B
    assert state_from([Code.UNSTABLE_READ], read=True) is G


def test_a_package_is_as_its_worst_file() -> None:
    assert worst_of([Verdict.INTACT, Verdict.LOST, Verdict.DEGRADED]) is Verdict.LOST
    assert worst_of([Verdict.UNKNOWN, Verdict.DEGRADED]) is Verdict.DEGRADED
