"""A small cut, with a fixed seed, of the campaign in tests/campaigns/faults.py."""

from pathlib import Path

from tests.campaigns.faults import KINDS, campaign


def test_random_damage_is_found_to_the_file_and_nothing_else_is_blamed(tmp_path: Path) -> None:
    report = campaign(tmp_path, count=80, seed=7, clean=6)
    assert report.faults.total() == 80
    assert set(report.faults) == set(KINDS)
    assert report.missed == []
    assert report.wrong == []
    assert report.clean_audits == 6
    assert report.false_alarms == []
