"""`docs/disaster.md`, command by command: run as they stand there, after each disaster has happened."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.campaigns.killing_copies import tree
from tests.support.workspaces import REPLICAS, PlacedWorkspace, make_workspace

PAGE = Path(__file__).resolve().parents[2] / "docs" / "disaster.md"


def commands(title: str) -> list[str]:
    """The commands under a heading of the page, in order; a here-document is one with its command."""
    section = PAGE.read_text("utf-8").split(f"## {title}\n")[1].split("\n## ")[0]
    blocks = re.findall(r"(?:^|\n)\n((?:(?: {4,}\S.*)?\n)+)", section)
    lines = [line for block in blocks for line in _dedented(block)]
    found: list[str] = []
    until = ""
    for line in lines:
        if until:
            found[-1] += f"\n{line}"
            until = "" if line == until else until
        else:
            found.append(line)
            here = re.search(r"<<'(\w+)'", line)
            until = here[1] if here else ""
    return found


def _dedented(block: str) -> list[str]:
    lines = [line for line in block.split("\n") if line.strip()]
    margin = min(len(line) - len(line.lstrip()) for line in lines) if lines else 0
    return [line[margin:] for line in lines]


class Place:
    """A workspace whose replicas are mounted under /mnt, as on the page."""

    def __init__(self, placed: PlacedWorkspace) -> None:
        self.placed = placed
        self.folder = placed.folder

    def run(self, command: str, *, cwd: Path | None = None, status: int = 0) -> str:
        for name in (*REPLICAS, "disk-2", "old-disk"):
            command = re.sub(rf"/mnt/{name}(?![\w-])", str(self.folder / name), command)
        command = command.replace("/srv/archive", str(self.folder / "new machine")).replace(
            "/srv/out", str(self.folder / "out")
        )
        command = command.replace("letters", "box-0")
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-c", command.replace(str(self.folder / "new machine"), f"'{self.folder / 'new machine'}'")],
            cwd=cwd or self.folder,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == status, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(make_workspace(tmp_path, packages=2, files=24))


def test_the_page_has_commands_to_try() -> None:
    titles = re.findall(r"^## (.+)$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert {title: len(commands(title)) for title in titles} == {
        "A disk has died": 6,
        "A replica was encrypted by an attacker": 6,
        "The catalog is gone, or not to be trusted": 6,
        "The machine is gone, with its settings": 3,
        "A folder was deleted or written over by mistake": 1,
        "The person who knew it all is gone": 2,
    }


def test_a_disk_has_died(place: Place) -> None:
    whole = tree(place.folder / "disk")
    place.placed.audit()
    shutil.move(place.folder / "disk", place.folder / "old-disk")
    (place.folder / "disk-2").mkdir()
    status, remove, add, *rest = commands("A disk has died")
    assert "not there" in place.run(status, status=3)
    for command in (remove, add, *rest):
        place.run(command)
    assert tree(place.folder / "disk-2") == whole
    place.run("preserve safe-to-delete /mnt/old-disk --sites 0 --copies 2", status=2)  # no site is no question
    asked = place.run("preserve safe-to-delete /mnt/old-disk --sites 1 --copies 2", status=1)
    assert "identity.json" in asked and "box-0" not in asked  # all of the bags is held elsewhere


def test_a_replica_was_encrypted(place: Place) -> None:
    whole = tree(place.folder / "nas")
    place.placed.audit()
    place.run("preserve catalog backup")
    for path in (place.folder / "nas").rglob("*"):
        if path.is_file() and ".preserve" not in path.parts:
            path.write_bytes(b"encrypted" + path.read_bytes()[::-1])
            path.rename(path.with_name(path.name + ".locked"))
    others, check, read, plan, apply, audit = commands("A replica was encrypted by an attacker")
    place.run(others)
    assert "6 files on the replicas remember" in place.run(check)  # a backup and a list of heads on each
    place.run(read, status=1)
    assert "frozen" in place.run(plan, status=1)
    place.run("preserve repair --apply", status=1)  # not yet: nothing is written to it
    assert not (place.folder / "nas" / ".preserve" / "quarantine").exists()
    place.run(apply)
    place.run(audit)
    assert tree(place.folder / "nas") == whole
    kept = [path.read_bytes() for path in (place.folder / "nas" / ".preserve" / "quarantine").glob("*/content")]
    assert len(kept) == len(whole) and all(content.startswith(b"encrypted") for content in kept)


@pytest.mark.parametrize("backed_up", [True, False])
def test_the_catalog_is_gone(place: Place, backed_up: bool) -> None:
    place.placed.audit()
    if backed_up:
        place.run("preserve catalog backup")
    for command in commands("The catalog is gone, or not to be trusted"):
        # Without backups, the journal is a new one, which nothing outside remembers.
        place.run(command)
    assert len(list((place.folder / "suspect").iterdir())) >= 1
    with place.placed.open() as workspace:
        assert [package.verdict.value for package in workspace.catalog.packages()] == ["intact", "intact"]
        assert len(workspace.catalog.copies()) == 6


def test_the_machine_is_gone(place: Place) -> None:
    place.run("preserve catalog backup")
    (place.folder / "new machine").mkdir()
    (place.folder / "preserve.toml").unlink()
    (place.folder / "catalog.sqlite").unlink()
    shutil.rmtree(place.folder / "bags")
    rebuild, *rest = commands("The machine is gone, with its settings")
    place.run(rebuild)
    for command in rest:
        place.run(command, cwd=place.folder / "new machine")


def test_a_package_is_wanted_back(place: Place) -> None:
    (command,) = commands("A folder was deleted or written over by mistake")
    whole = tree(place.folder / "bags" / "box-0")
    (place.folder / "out").mkdir()
    shutil.rmtree(place.folder / "nas" / "box-0" / "data")
    place.run(command)
    assert tree(place.folder / "out" / "box-0") == whole


def test_nobody_is_left_and_there_is_no_preserve(place: Place) -> None:
    place.run("preserve catalog backup")
    check, links = commands("The person who knew it all is gone")
    bag = place.folder / "disk" / "box-0"
    place.run(check, cwd=bag)
    assert "links hold" in place.run(links)
    next(path for path in sorted((bag / "data").rglob("*.bin")) if path.stat().st_size).write_bytes(b"x")
    place.run(check, cwd=bag, status=1)
