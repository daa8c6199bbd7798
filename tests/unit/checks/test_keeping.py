"""May it be deleted here? Never on the word of what was not read; never less safe for knowing more."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from checks.keeping import Held, Reason, Rule, judge, standing
from checks.verdicts import CopyState

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RULE = Rule(copies=2, max_age=30 * DAY, sites=2)


def held(replica: str = "nas", site: str | None = "here", *, days: float | None = 1, **more: object) -> Held:
    read_at = None if days is None else NOW - days * DAY
    made = Held(replica=replica, site=site, read_at=read_at, state=CopyState.GOOD)
    return replace(made, **more)  # type: ignore[arg-type]


FAR = held("abroad", "there")

helds = st.builds(
    held,
    st.sampled_from(["nas", "disk", "abroad"]),
    st.sampled_from([None, "here", "there"]),
    days=st.none() | st.floats(-5, 60),
    state=st.sampled_from(CopyState),
    apart=st.booleans(),
)
rules = st.builds(
    Rule, copies=st.integers(1, 3), max_age=st.integers(0, 60).map(lambda n: n * DAY), sites=st.integers(1, 3)
)


@pytest.mark.parametrize(
    ("places", "reasons"),
    [
        ([held(), FAR], []),
        ([held(), FAR, held("disk", state=CopyState.BAD)], []),
        ([], [Reason.NOT_HELD]),
        ([held()], [Reason.TOO_FEW_COPIES]),
        ([held(), held("nas", "here", days=2)], [Reason.TOO_FEW_COPIES]),
        ([held(), held("disk")], [Reason.TOO_FEW_SITES]),
        ([held(site=None), held("disk", None)], [Reason.TOO_FEW_SITES]),
        ([held(), held("disk", None)], [Reason.TOO_FEW_SITES]),
        ([held(), replace(FAR, state=CopyState.BAD)], [Reason.DAMAGED_COPIES]),
        ([held(), replace(FAR, state=CopyState.UNREAD)], [Reason.IN_DOUBT]),
        ([held(), replace(FAR, read_at=None, state=CopyState.UNREAD)], [Reason.NEVER_READ]),
        ([held(), replace(FAR, read_at=None)], [Reason.NEVER_READ]),
        ([held(), held("abroad", "there", days=31)], [Reason.READ_TOO_LONG_AGO]),
        ([held(), held("abroad", "there", days=-1)], [Reason.READ_TOO_LONG_AGO]),
        ([held(), replace(FAR, apart=False)], [Reason.TOO_FEW_COPIES]),
        ([replace(FAR, apart=False)], [Reason.TOO_FEW_COPIES]),
        ([held(days=30)], [Reason.TOO_FEW_COPIES]),
        ([held(state=CopyState.BAD), held(), FAR], []),
        ([held(file=(1, 1)), replace(FAR, file=(1, 2))], []),
        ([held(file=(1, 1)), replace(FAR, file=(1, 1))], [Reason.TOO_FEW_COPIES]),
        ([held(file=(1, 1)), replace(FAR, file=(1, 1)), held("disk", "safe")], []),
        ([held(file=(1, 1)), replace(FAR, file=(1, 1)), held("disk", file=(1, 3))], [Reason.TOO_FEW_SITES]),
        # Twins: the same two files, shown by both.
        ([one for n in (1, 2) for one in (held(file=(1, n)), replace(FAR, file=(1, n)))], [Reason.TOO_FEW_COPIES]),
    ],
)
def test_what_stands_against_it_is_named(places: list[Held], reasons: list[Reason]) -> None:
    because = judge(places, RULE, NOW)
    assert list(because.reasons) == reasons
    assert because.safe is not bool(reasons)


def test_one_site_needs_no_name() -> None:
    assert judge([held(site=None)], replace(RULE, copies=1, sites=1), NOW).safe


linked = st.tuples(helds, st.none() | st.tuples(st.just(1), st.integers(1, 2))).map(
    lambda drawn: replace(drawn[0], file=drawn[1])
)


@given(st.lists(linked), rules)
def test_no_is_never_without_a_reason_and_yes_never_without_copies(places: list[Held], rule: Rule) -> None:
    because = judge(places, rule, NOW)
    assert because.safe == (because.copies >= rule.copies and because.sites >= rule.sites)


@given(st.lists(helds), helds, rules)
def test_one_more_copy_never_makes_it_less_safe(places: list[Held], more: Held, rule: Rule) -> None:
    assert judge([*places, more], rule, NOW).safe >= judge(places, rule, NOW).safe


@given(st.lists(helds, min_size=1), st.data(), rules)
def test_a_later_reading_never_makes_it_less_safe(places: list[Held], data: st.DataObject, rule: Rule) -> None:
    place = data.draw(st.integers(0, len(places) - 1))
    before = places[place].read_at
    if before is None or before < NOW:
        later = data.draw(st.floats(0, 60)) * DAY
        fresher = replace(places[place], read_at=max(before or NOW - later, NOW - later))
        renewed = [*places[:place], fresher, *places[place + 1 :]]
        assert judge(renewed, rule, NOW).safe >= judge(places, rule, NOW).safe


@given(st.lists(helds), rules)
def test_only_what_was_read_lately_is_good_and_stays_ever_counts(places: list[Held], rule: Rule) -> None:
    sound = [
        each
        for each in places
        if each.apart
        and each.state is CopyState.GOOD
        and each.read_at is not None
        and NOW - rule.max_age <= each.read_at <= NOW
    ]
    because = judge(places, rule, NOW)
    assert because.copies == len({each.replica for each in sound})
    assert because.safe == judge(sound, rule, NOW).safe
    assert all(standing(each, rule, NOW) is None for each in sound)
