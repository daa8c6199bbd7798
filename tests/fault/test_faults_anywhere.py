"""A small cut of the campaign of damage in servers' own storage; see `tests.campaigns.faults_anywhere`."""

from pathlib import Path

import pytest

from tests.campaigns.faults_anywhere import campaign
from tests.support.anywhere import Served


@pytest.mark.parametrize("served", Served)
def test_damage_beneath_a_server_is_found_to_the_file_and_mended(tmp_path: Path, served: Served) -> None:
    report = campaign(tmp_path, served, count=12, seed=5, packages=1, turn_bits=False)
    assert report.troubles() == []
    assert report.found.faults.total() >= 12
    assert report.repaired.made_whole and report.repaired.set_aside
    assert report.claims.total() == report.rounds
