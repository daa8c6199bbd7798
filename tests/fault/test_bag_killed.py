"""SIGKILL at any moment of `preserve bag`: no half bag looks like one, no byte is lost, the same command ends it."""

import json
import subprocess
import sys

import pytest

from tests.campaigns.killing import ROOT, SCENARIOS, by_time


@pytest.mark.parametrize("name", ["copy", "in-place"])
def test_killed_at_random_moments(name: str) -> None:
    report = by_time(SCENARIOS[name](), count=5, seed=20)
    assert not report.faults
    assert sum(report.kills.values()) + report.ended_first >= 5


@pytest.mark.parametrize(
    ("name", "stages"),
    [
        ("copy", {"copying", "reading back", "writing tag files", "whole", "taking the work folder away"}),
        ("in-place", {"reading", "writing tag files", "moving", "placing tag files", "taking the work folder away"}),
    ],
)
def test_killed_before_every_step(name: str, stages: set[str]) -> None:
    # In a process of its own: it forks for every step, which a process with threads must not.
    command = [sys.executable, "-m", "tests.campaigns.killing", "--steps", "--files", "3", "--json", "--scenario", name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    report = json.loads(done.stdout)
    assert not report["faults"] and done.returncode == 0
    assert stages <= set(report["kills"])
