"""`preserve demo` shows what it says, and leaves a workspace that works."""

import json
from datetime import datetime, timedelta
from pathlib import Path

import bagit
import pytest

from preserve.cli.main import main
from preserve.demo.almanac import clock, days_of, moon_phases


def test_the_demonstration_walks_the_whole_road(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["demo"]) == 0
    told = capfdbinary.readouterr().out.decode()
    for word in (
        "moved",
        "untracked",
        "missing",
        "size-mismatch",
        "digest-mismatch",
        "replica-unavailable",
        "✖ lost",
        "repaired",
    ):
        assert word in told
    bagit.Bag(str(tmp_path / "preserve-demo" / "bags" / "almanac-phnom-penh")).validate()

    monkeypatch.chdir(tmp_path / "preserve-demo")
    (tmp_path / "preserve-demo/replicas/abroad (taken away)").rename(tmp_path / "preserve-demo/replicas/abroad")
    assert main(["audit", "--json"]) == 0  # everything was repaired: the lost file from the bag that was taken in
    found = json.loads(capfdbinary.readouterr().out)
    assert found["counts"]["files_bad"] == 0
    assert main(["report", "loss", "--format", "json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["counts"]["lost"] == 0

    monkeypatch.chdir(tmp_path)
    assert main(["demo", "preserve-demo"]) == 2  # never into a folder that is in use


def test_the_almanac_is_true() -> None:
    """Against known times for Phnom Penh: 1 January 2024, 6:20 to 17:48; full moon on 26 January 2024, 0:54 (local)."""
    (first, *_) = days_of(2024, 1)
    assert abs(first.sunrise_minutes - (6 * 60 + 20)) < 3
    assert abs(first.sunset_minutes - (17 * 60 + 48)) < 3
    assert clock(first.sunrise_minutes) == "06:20"
    full = [moment for moment, phase in moon_phases(2024) if phase == "full moon"]
    assert abs(full[0] - datetime(2024, 1, 26, 0, 54)) < timedelta(hours=14)  # noqa: DTZ001  local, as the almanac
