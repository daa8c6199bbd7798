"""`preserve validate --second-opinion` as it is typed."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_bag_commands import ROOT, preserve
from tests.unit.preserve.bag.bags import Bag


@pytest.fixture
def bag(tmp_path: Path) -> Bag:
    return Bag(tmp_path / "bag")


def opinions(told: dict[str, Any]) -> list[str]:
    """The codes of the findings that speak of the second opinion."""
    return [each["code"] for each in told["findings"] if each["code"].startswith("second-opinion")]


def test_where_the_two_agree_the_answer_says_so(bag: Bag) -> None:
    status, out, _ = preserve("validate", bag.path, "--second-opinion", "--json")
    told = json.loads(out)
    assert status == 0 and opinions(told) == []
    assert told["second_opinion"] == {
        "tool": "bagit-python 1.9.0", "verdict": "valid", "agrees": True, "why": "", "differences": [],
        "more_differences": 0, "explanations": [],
    }  # fmt: skip


def test_its_good_word_does_not_change_our_exit_status(bag: Bag) -> None:
    (bag.path / "data/link").symlink_to("sub")
    status, out, _ = preserve("validate", bag.path, "--second-opinion", "--json")
    told = json.loads(out)
    assert (status, told["outcome"], told["second_opinion"]["verdict"]) == (1, "fail", "valid")
    assert opinions(told) == ["second-opinion-differs"]


def test_its_bad_word_is_a_warning(bag: Bag) -> None:
    bag.files[b"data/50%"] = b"half"
    bag.write(b"data/50%", b"half")
    bag.manifest(lines=[line.replace(b"50%", b"50%25") for line in bag.lines()])
    status, out, _ = preserve("validate", bag.path, "--second-opinion")
    assert status == 0 and "the two differ" in out and "second-opinion-differs" in out


def test_it_is_not_asked_unless_wanted(bag: Bag) -> None:
    status, out, _ = preserve("validate", bag.path, "--json")
    assert status == 0 and "second_opinion" not in json.loads(out)


# Asks about a file of a tebibyte, and prints the number of the process that is asked.
_ASKS = """
import os, sys
from preserve.bag.opinions import second_opinion
from preserve.bag.validating import validation
from preserve.cli import signals

class Told(second_opinion.subprocess.Popen):
    def __init__(self, *arguments, **named):
        super().__init__(*arguments, **named)
        print(self.pid, flush=True)

bag = os.fsencode(sys.argv[1])
result = validation.validate(bag)
os.truncate(os.path.join(bag, b"data/a.txt"), 1 << 40)
second_opinion.subprocess.Popen = Told
signals.install()
second_opinion.ask(bag, result)
"""


@pytest.mark.parametrize("asked_to_end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_whatever_ends_us_ends_it(bag: Bag, asked_to_end: signal.Signals) -> None:
    command: list[str | Path] = [sys.executable, "-c", _ASKS, bag.path]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        with process.stdout as out:
            asked = os.pidfd_open(int(out.readline()))
            process.send_signal(asked_to_end)
            assert process.wait(timeout=30) != 0
            ended, _, _ = select.select([asked], [], [], 30)  # readable when that process has ended
            os.close(asked)
    assert ended
