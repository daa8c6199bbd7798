"""A small cut, with a fixed seed, of the campaign in tests/campaigns/fuzzing.py."""

from itertools import chain, islice

from tests.campaigns.fuzzing import campaign, giant_cases, small_cases
from tests.campaigns.fuzzing_bags import KINDS

_GIANTS = (
    *("endless manifest", "endless bag-info", "continuation lines", "labels", "deep paths", "long names of algorithms"),
    *("33,000 manifests and as many tag manifests", "folders, 1,500 deep"),
)


def test_wrong_bags_of_all_kinds_end_in_verdicts_within_bounded_time_and_memory() -> None:
    giants = giant_cases("giant: " + name for name in _GIANTS)
    report = campaign(chain(giants, islice(small_cases(seed=7), 2500)))
    assert [f"{done.case}: {done.judged.fault}" for done in report.faults] == []
    assert {*KINDS} <= {*report.tried}
    assert report.tried.total() == 2500 + len(_GIANTS)
    assert {"pass", "fail", "inconclusive", "UsageError"} == {*report.outcomes}
