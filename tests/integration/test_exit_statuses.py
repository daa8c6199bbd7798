"""The command line as a user has it: exit statuses, JSON, and errors that name file, line and remedy."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from preserve.cli.main import main
from tests.support.workspaces import PlacedWorkspace, make_workspace

Json = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlacedWorkspace:
    workspace = make_workspace(tmp_path, packages=1, files=10)
    monkeypatch.chdir(tmp_path)
    return workspace


@pytest.fixture
def run(capfdbinary: pytest.CaptureFixture[bytes]) -> Json:
    """Runs a command with --json: (exit status, the one document on standard output)."""

    def runner(*arguments: str) -> tuple[int, dict[str, Any]]:
        capfdbinary.readouterr()
        status = main([*arguments, "--json"])
        out = capfdbinary.readouterr().out
        return status, json.loads(out)

    return runner


def a_file(placed: PlacedWorkspace, replica: str, minimum: int = 100) -> Path:
    for path in placed.files["box-0"]:
        file = placed.copy(replica, "box-0") / os.fsdecode(path)
        if path.startswith(b"data/") and placed.is_held_once("box-0", path) and file.stat().st_size > minimum:
            return file
    raise AssertionError("no such file")


def test_a_good_audit_is_0(placed: PlacedWorkspace, run: Json) -> None:
    status, document = run("audit")
    assert (status, document["outcome"], document["findings"]) == (0, "pass", [])
    assert document["counts"]["checks_done"] == document["counts"]["checks_planned"] == 3
    assert run("status")[0] == 0
    status, document = run("status")
    (package,) = document["packages"]
    assert (package["id"], package["verdict"]) == ("box-0", "intact")
    assert {copy["state"] for copy in package["copies"]} == {"good"}
    assert {copy["evidence"] for copy in package["copies"]} <= {"read", "read-medium"}


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], object]] = {
    "digest-mismatch": flip,
    "size-mismatch": lambda file: file.write_bytes(file.read_bytes()[:-1]),
    "missing": Path.unlink,
    "moved": lambda file: file.rename(file.with_name("elsewhere")),
    "untracked": lambda file: file.with_name("new").write_bytes(b"x"),
}


@pytest.mark.parametrize("code", DAMAGE)
def test_each_damage_is_1(placed: PlacedWorkspace, run: Json, code: str) -> None:
    DAMAGE[code](a_file(placed, "disk"))
    status, document = run("audit")
    assert (status, document["outcome"]) == (1, "fail")
    (finding,) = document["findings"]
    assert (finding["code"], finding["replica"], finding["package"]) == (code, "disk", "box-0")
    assert finding["severity"] == "error" and finding["message"] and finding["path"].startswith("data/")
    assert run("status")[0] == 1
    assert main(["report", "drift"]) == 0


def test_an_absent_replica_is_3_and_beside_damage_1(placed: PlacedWorkspace, run: Json) -> None:
    (placed.folder / "nas").rename(placed.folder / "away")
    status, document = run("audit")
    assert (status, document["outcome"]) == (3, "inconclusive")
    assert [finding["code"] for finding in document["findings"]] == ["replica-unavailable"]
    flip(a_file(placed, "disk"))
    status, document = run("audit")
    assert (status, document["outcome"]) == (1, "fail")
    assert document["counts"]["inconclusive"] == 1 and document["counts"]["failed"] == 1


def test_one_path_is_read_on_all_copies(placed: PlacedWorkspace, run: Json) -> None:
    file = a_file(placed, "disk")
    path = str(file.relative_to(placed.copy("disk", "box-0")))
    assert run("audit", "--path", path)[0] == 0
    flip(file)
    status, document = run("audit", "--path", path)
    assert status == 1
    assert [finding["replica"] for finding in document["findings"]] == ["disk"]
    assert run("audit", "--path", "data/none")[0] == 2


def test_settings_that_are_wrong_are_2_with_key_and_line(
    placed: PlacedWorkspace, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = placed.folder / "preserve.toml"
    text = settings.read_text(encoding="utf-8") + "\n[audits]\nevry = 3\n"
    settings.write_text(text, encoding="utf-8")
    assert main(["audit"]) == 2
    told = capfd.readouterr().err
    assert "preserve.toml" in told and "audits" in told
    assert str(text[: text.index("[audits]")].count("\n") + 1) in told


@pytest.mark.parametrize(
    "arguments",
    [
        ["audit", "no-such-package"],
        ["audit", "--replica", "nowhere"],
        ["audit", "--resume", "99"],
        ["audit", "--resume", "1", "--due"],
        ["replicate", "--to", "nowhere"],
        ["report", "audit"],
        ["report", "weather"],
        ["audit", "--budget", "lots"],
        ["frobnicate"],
        ["replica", "add", "nas", "."],
        ["replica", "add", "b", "nas"],
        ["replica", "add", "b", "nas/box-0/data"],
        ["replica", "add", "b", "bags/box-0/data"],
        ["replica", "add", "b", "."],
        ["replica", "add", "b", ""],
        ["add", "older/box-0", "--id", "box-0"],
        ["init"],
    ],
)
def test_what_cannot_be_meant_is_2_and_never_a_traceback(
    placed: PlacedWorkspace, arguments: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    told = capfd.readouterr()
    assert "Traceback" not in told.err and told.err.strip() and not told.out


def test_without_a_workspace_it_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 2
    assert "preserve init" in capfd.readouterr().err


def test_a_damaged_catalog_is_2_and_says_so(placed: PlacedWorkspace, capfd: pytest.CaptureFixture[str]) -> None:
    for leftover in placed.folder.glob("catalog.sqlite-*"):
        leftover.unlink()
    (placed.folder / "catalog.sqlite").write_bytes(b"not a database" * 100)
    assert main(["status"]) == 2
    assert "catalog" in capfd.readouterr().err


def test_interrupted_is_130_and_the_audit_goes_on(placed: PlacedWorkspace, run: Json) -> None:
    big = placed.folder / "big"
    big.mkdir()
    for number in range(40):
        (big / f"{number}.bin").write_bytes(os.urandom(8 << 20))
    from tests.support.bags import make_bag

    make_bag(big, placed.folder / "big-bag")
    assert main(["add", "big-bag"]) == 0
    assert main(["replicate", "big-bag", "--to", "nas"]) == 0
    process = subprocess.Popen(
        [sys.executable, "-m", "preserve", "audit", "big-bag"],
        cwd=placed.folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    while "to read" not in process.stderr.readline():
        assert process.poll() is None
    time.sleep(0.05)  # into the reading, which takes far longer
    process.send_signal(signal.SIGINT)
    told = process.stderr.read()
    assert process.wait() == 130
    process.stderr.close()
    assert "--resume 1" in told and "Traceback" not in told
    status, document = run("audit", "--resume", "1")
    assert (status, document["audit"]["state"]) == (0, "ended")


def test_reports_are_written_to_files(placed: PlacedWorkspace) -> None:
    assert main(["audit"]) == 0
    for kind in ("audit", "drift", "loss"):
        assert main(["report", kind, "--format", "json", "--output", f"{kind}.json"]) == 0
        assert json.loads((placed.folder / f"{kind}.json").read_text(encoding="utf-8"))["outcome"] == "pass"
        assert main(["report", kind, "--output", f"{kind}.txt"]) == 0
        assert (placed.folder / f"{kind}.txt").read_text(encoding="utf-8").startswith("✔")


def test_the_same_bag_again_changes_nothing_and_an_invalid_one_is_not_taken(placed: PlacedWorkspace, run: Json) -> None:
    status, document = run("add", "bags/box-0")
    assert status == 0 and document["packages"][0]["already"]
    flip(a_file(placed, "nas"))
    status, document = run("add", "nas/box-0", "--id", "other")
    assert (status, document["packages"][0]["id"]) == (1, None)
    errors = [finding["code"] for finding in document["findings"] if finding["severity"] == "error"]
    assert errors == ["digest-mismatch"]


def test_a_new_version_is_placed_beside_the_old_one(placed: PlacedWorkspace, run: Json) -> None:
    status, document = run("add", "older/box-0", "--id", "box-0", "--new-version")
    assert status == 0 and document["packages"][0]["version"] == 2
    status, document = run("status")
    assert document["packages"][0]["verdict"] == "under-replicated"  # no copy of this version anywhere
    assert run("replicate")[0] == 0
    assert (placed.folder / "nas" / "box-0.v2" / "bagit.txt").exists()
    status, document = run("audit")
    assert (status, document["counts"]["checks_done"]) == (0, 6)  # the old version is still audited
