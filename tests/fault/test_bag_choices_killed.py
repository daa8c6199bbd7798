"""SIGKILL at any moment of `preserve bag --empty-folders keep`: the same command ends it, with a file in each."""

import random
import subprocess
import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import pytest

from tests.campaigns.killing import ROOT, Bagging, by_steps, by_time

_FOLDERS = 3
_OTHERS = "the payload is not what the source was"  # as it is judged where no file is added


class Keeping(Bagging):
    """`preserve bag --empty-folders keep`, of a folder in which some are empty."""

    def prepare(self, folder: Path, rng: random.Random) -> None:
        super().prepare(folder, rng)
        for number in range(_FOLDERS):
            (folder / f"source/hollow/h{number}").mkdir(parents=True)

    def arguments(self, folder: Path) -> Sequence[str]:
        return [*super().arguments(folder), "--empty-folders", "keep"]

    def faults_at_the_end(self, folder: Path, status: int) -> list[str]:
        faults = [fault for fault in super().faults_at_the_end(folder, status) if fault != _OTHERS]
        data = self.bag(folder) / "data"
        want = {(f"hollow/h{number}/.keep", sha256().hexdigest()) for number in range(_FOLDERS)}
        want |= set(self.originals.values())
        files = [path for path in data.rglob("*") if path.is_file()]
        have = {(str(path.relative_to(data)), sha256(path.read_bytes()).hexdigest()) for path in files}
        return faults if have == want else [*faults, f"{sorted(have ^ want)} differ from what the bag should hold"]


@pytest.mark.parametrize("in_place", [False, True], ids=["copy", "in-place"])
def test_killed_at_random_moments(in_place: bool) -> None:
    assert not by_time(Keeping(in_place), count=3, seed=5).faults


@pytest.mark.parametrize("in_place", [False, True], ids=["copy", "in-place"])
def test_killed_before_every_step(in_place: bool) -> None:
    # In a process of its own: it forks for every step, which a process with threads must not.
    command = [sys.executable, "-m", "tests.fault.test_bag_choices_killed", str(in_place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0 and done.stdout.endswith(b"no faults\n"), done.stdout + done.stderr


def _by_steps(in_place: bool) -> None:
    report = by_steps(Keeping(in_place, files=3), seed=5)
    assert sum(report.kills.values()) > 20, report
    sys.stdout.write("".join(f"{fault}\n" for fault in report.faults) or "no faults\n")


if __name__ == "__main__":
    _by_steps(sys.argv[1] == "True")
