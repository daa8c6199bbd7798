"""The service killed at random moments, replicas that come and go: nothing is lost, counted twice, or falsely found."""

from pathlib import Path

from tests.campaigns.serving_killed import campaign


def test_killed_and_cut_off_from_its_replicas_it_reads_all_in_the_end(tmp_path: Path) -> None:
    report = campaign(tmp_path, kills=4, outages=4, files=60, seed=11)
    assert report.faults == []
    assert report.kills >= 4 and report.outages.total() == 4
