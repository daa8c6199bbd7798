"""A small cut of the campaign of random damage and repair; see `tests.campaigns.repairs`."""

from pathlib import Path

from tests.campaigns.repairs import campaign


def test_what_has_one_good_copy_is_whole_again_and_the_rest_is_told_lost(tmp_path: Path) -> None:
    report = campaign(tmp_path, count=60, seed=7)
    assert report.faults == []
    assert report.made_whole > 40 and report.lost > 0 and report.set_aside > 40
