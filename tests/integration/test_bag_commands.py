"""`preserve bag` and `preserve validate` as they are typed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


def preserve(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, str, str]:
    """(exit status, standard output, standard error)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PRESERVE_CONFIG", None)
    done = subprocess.run(
        [sys.executable, "-m", "preserve", *map(str, arguments)],
        cwd=cwd,
        env=environment,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def document(text: str) -> Any:
    return json.loads(text)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "ខ្មែរ"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"alpha")
    return folder


def test_bag_then_validate(source: Path, tmp_path: Path) -> None:
    bag = tmp_path / "deep" / "er" / "bag"
    status, out, err = preserve(
        "bag", source, "--to", bag, "--json", "--info", "Source-Organization: Museum", "--info", "Note: 1: a",
        "--info", "Note: 2", "--algorithm", "SHA-256",
    )  # fmt: skip
    assert status == 0, err
    made = document(out)
    assert made["outcome"] == "pass" and made["findings"] == [] and made["counts"]["files"] == 1
    lines = (bag / "bag-info.txt").read_text("utf-8").splitlines()
    labels = [line.partition(":")[0] for line in lines]
    assert labels == [
        *("Source-Organization", "Bagging-Date", "Payload-Oxum", "Bag-Software-Agent", "External-Identifier"),
        *("Package-UUID", "Note", "Note"),
    ]
    assert lines[0] == "Source-Organization: Museum" and lines[2] == "Payload-Oxum: 5.1"
    assert lines[4] == "External-Identifier: ខ្មែរ" and lines[6:] == ["Note: 1: a", "Note: 2"]
    assert (bag / "metadata/preservation/premis.xml").is_file()
    assert b"metadata/preservation/premis.xml" in (bag / "tagmanifest-sha256.txt").read_bytes()
    status, out, _ = preserve("validate", bag, "--json")
    assert status == 0 and document(out)["outcome"] == "pass"


def test_the_organization_is_that_of_the_settings(source: Path, tmp_path: Path) -> None:
    (tmp_path / "preserve.toml").write_text('organization = "Museum"\n\n[catalog]\npath = "catalog.db"\n')
    status, _, err = preserve("bag", source, "--in-place", cwd=tmp_path)
    assert status == 0, err
    assert (source / "bag-info.txt").read_text().startswith("Source-Organization: Museum\n")


def test_a_damaged_bag_ends_with_1_and_names_every_file(source: Path) -> None:
    preserve("bag", source, "--in-place", "--premis", "summary")
    (source / "data/a.txt").write_bytes(b"other")
    name = os.fsencode(source / "data") + b"/\xff"
    Path(os.fsdecode(name)).write_bytes(b"")
    status, out, _ = preserve("validate", source, "--json")
    found = {finding["code"]: finding for finding in document(out)["findings"]}
    assert status == 1 and set(found) == {"digest-mismatch", "untracked", "oxum-mismatch"}
    mismatch = found["digest-mismatch"]
    assert mismatch["path"] == "data/a.txt" and mismatch["severity"] == "error" and mismatch["replica"] is None
    assert set(mismatch["expected"]) == {"sha256", "sha512"} and mismatch["observed"]["size_bytes"] == 5
    assert found["untracked"]["path_base64"] == "ZGF0YS//"
    status, out, _ = preserve("validate", source)
    assert status == 1 and "digest-mismatch" in out and "data/a.txt" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ("bag", "{source}"),
        ("bag", "{source}", "--in-place", "--to", "{source}-bag"),
        ("bag", "{source}/nothing", "--in-place"),
        ("bag", "{source}", "--in-place", "--algorithm", "rot13"),
        ("bag", "{source}", "--in-place", "--info", "no colon"),
        ("bag", "{source}", "--in-place", "--info", "Payload-Oxum: 1.1"),
        ("bag", "{source}", "--in-place", "--info", "bagging-date: 2020-01-01"),
        ("bag", "{source}", "--in-place", "--info", "Note: a\nb"),
        ("bag", "{source}", "--in-place", "--config", "nothing.toml"),
        ("validate", "{source}/nothing"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_touches_nothing(source: Path, arguments: tuple[str, ...]) -> None:
    status, out, err = preserve(*(argument.replace("{source}", str(source)) for argument in arguments))
    assert status == 2 and out == "" and "error" in err and "Traceback" not in err
    assert [path.name for path in source.rglob("*")] == ["a.txt"]


def test_a_copy_and_the_folder_itself_cannot_both_be_meant(source: Path, tmp_path: Path) -> None:
    _, _, err = preserve("bag", source, "--in-place", "--to", tmp_path / "bag")
    assert "--to and --in-place: choose one" in err
    assert "say where" in preserve("bag", source)[2]


def test_a_misspelt_algorithm_is_answered_with_the_one_that_was_meant(source: Path, tmp_path: Path) -> None:
    status, _, err = preserve("bag", source, "--to", tmp_path / "bag", "--algorithm", "sha265")
    assert status == 2 and "Did you mean sha256?" in err


def test_patterns_that_met_nothing_are_told_but_not_those_of_system_files(source: Path, tmp_path: Path) -> None:
    arguments = ("--ignore", "*.tpm", "--ignore-system-files", "--json")
    status, out, _ = preserve("bag", source, "--to", tmp_path / "bag", *arguments)
    assert status == 0
    assert [(f["code"], "*.tpm" in f["message"]) for f in document(out)["findings"]] == [("pattern-met-nothing", True)]
    status, _, err = preserve("bag", source, "--to", tmp_path / "other", "--ignore", "*")
    assert status == 2 and "everything in it would be left out" in err


def test_what_is_no_bag_ends_with_1_and_is_left_alone(source: Path) -> None:
    status, out, _ = preserve("validate", source, "--json")
    assert status == 1 and [f["code"] for f in document(out)["findings"]] == ["not-a-bag"]
    assert [path.name for path in source.rglob("*")] == ["a.txt"]


def test_what_cannot_be_judged_ends_with_3(source: Path) -> None:
    preserve("bag", source, "--in-place", "--algorithm", "sha256")
    (source / "manifest-sha256.txt").rename(source / "manifest-tiger.txt")
    (source / "tagmanifest-sha256.txt").unlink()
    status, out, _ = preserve("validate", source, "--json")
    assert status == 3 and document(out)["outcome"] == "inconclusive"


def test_the_same_command_on_a_finished_bag_says_so(source: Path) -> None:
    preserve("bag", source, "--in-place")
    status, _, err = preserve("bag", source, "--in-place")
    assert status == 2 and "bag already" in err
    assert not (source / "data" / "data").exists()
