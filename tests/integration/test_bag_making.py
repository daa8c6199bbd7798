"""`preserve bag` and its choices as they are typed, and media that cannot be written to or are full."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRESERVE = [sys.executable, "-m", "preserve"]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PRESERVE_CONFIG"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def preserve(*arguments: str | Path, cwd: Path | None = None) -> tuple[int, str, str]:
    """(exit status, standard output, standard error)."""
    done = subprocess.run(
        [*PRESERVE, *map(str, arguments)], cwd=cwd, env=environment(), capture_output=True, check=False
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def bagged(*arguments: str | Path, cwd: Path | None = None) -> Any:
    """The document of a command that ends well, whose bag is valid."""
    status, out, err = preserve("bag", *arguments, "--premis", "summary", "--json", cwd=cwd)
    assert status == 0, err
    made = json.loads(out)
    assert preserve("validate", (cwd or Path()) / made["bag"])[0] == 0
    return made


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def info(bag: Path, label: str) -> list[str]:
    lines = (bag / "bag-info.txt").read_text("utf-8").splitlines()
    return [line.partition(": ")[2] for line in lines if line.startswith(label + ": ")]


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    folder = tmp_path / "letters"
    for name in ("a.txt", "sub/b.txt", ".DS_Store", "sub/._b.txt", "sub/Thumbs.db", "x.tmp"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())
    return folder


def test_system_files_and_patterns_are_left_out_and_all_of_it_is_told(letters: Path, tmp_path: Path) -> None:
    made = bagged(letters, "--to", tmp_path / "bag", "--ignore-system-files", "--ignore", "*.tmp")
    assert made["counts"]["files"] == 2 and made["outcome"] == "pass" and made["counts"]["warnings"] == 4
    left_out = {finding["path"]: finding["message"] for finding in made["findings"] if finding["code"] == "ignored"}
    assert set(left_out) == {".DS_Store", "sub/._b.txt", "sub/Thumbs.db", "x.tmp"} and "*.tmp" in left_out["x.tmp"]
    assert names(tmp_path / "bag/data") == ["a.txt", "sub", "sub/b.txt"]
    patterns = info(tmp_path / "bag", "Ignored-Pattern")
    assert patterns[0] == "*.tmp" and {".DS_Store", "._*", "[Tt]humbs.db"} < set(patterns)
    assert info(tmp_path / "bag", "Ignored-Files") == ["4"]


def test_in_text_many_that_were_left_out_are_counted_and_some_named(letters: Path, tmp_path: Path) -> None:
    for number in range(25):
        (letters / f"{number}.tmp").write_bytes(b"")
    status, out, err = preserve("bag", letters, "--to", tmp_path / "bag", "--ignore", "*.tmp")
    assert status == 0, err
    assert "ignored: 26, of which 10 are shown" in out and len(re.findall(r"warning ignored", out)) == 10


def test_nothing_is_left_out_unless_it_is_asked_for(letters: Path, tmp_path: Path) -> None:
    assert bagged(letters, "--to", tmp_path / "bag")["counts"]["files"] == 6
    assert not info(tmp_path / "bag", "Ignored-Files")


def test_several_sources_and_what_the_bag_is_called_then(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "catalogue.csv").write_bytes(b"1,2")
    made = bagged("letters/", "./catalogue.csv", "--to", "both", cwd=tmp_path)
    assert made["counts"]["files"] == 7
    assert (tmp_path / "both/data/letters/sub/b.txt").is_file() and (tmp_path / "both/data/catalogue.csv").is_file()
    assert info(tmp_path / "both", "External-Identifier") == ["both"]
    premis = (tmp_path / "both/metadata/preservation/premis.xml").read_text("utf-8")
    assert str(letters) in premis and str(tmp_path / "catalogue.csv") in premis


def test_a_folder_is_known_by_its_real_name(letters: Path, tmp_path: Path) -> None:
    for number, name in enumerate((".", "../letters/", "sub/..")):
        bagged(name, "--to", tmp_path / f"bag{number}", cwd=letters)
        assert info(tmp_path / f"bag{number}", "External-Identifier") == ["letters"]
    bagged("sub/.", "../letters/a.txt", "--to", tmp_path / "bag", cwd=letters)
    assert names(tmp_path / "bag/data")[:2] == ["a.txt", "sub"]


def test_one_file_is_called_as_the_bag_is(letters: Path, tmp_path: Path) -> None:
    bagged(letters / "a.txt", "--to", tmp_path / "single")
    assert names(tmp_path / "single/data") == ["a.txt"]
    assert info(tmp_path / "single", "External-Identifier") == ["single"]


def test_empty_folders_by_choice(letters: Path, tmp_path: Path) -> None:
    (letters / "hollow").mkdir()
    made = bagged(letters, "--to", tmp_path / "left")
    assert [finding["code"] for finding in made["findings"]] == ["empty-folder", "system-files", "system-files"]
    kept = bagged(letters, "--to", tmp_path / "kept", "--empty-folders", "keep")
    assert {finding["code"] for finding in kept["findings"]} == {"system-files"}
    assert (tmp_path / "kept/data/hollow/.keep").read_bytes() == b""
    status, _, err = preserve("bag", letters, "--to", tmp_path / "none", "--empty-folders", "refuse")
    assert status == 2 and "hollow" in err and not (tmp_path / "none").exists()


def test_links_by_choice(letters: Path, tmp_path: Path) -> None:
    (letters / "link").symlink_to("a.txt")
    status, _, err = preserve("bag", letters, "--to", tmp_path / "bag")
    assert status == 2 and "link: a symbolic link" in err
    bagged(letters, "--to", tmp_path / "bag", "--follow-links")
    assert (tmp_path / "bag/data/link").read_bytes() == b"a.txt" and not (tmp_path / "bag/data/link").is_symlink()
    assert info(tmp_path / "bag", "Followed-Links") == ["1"]


def test_a_bag_among_several_sources_is_carried_and_told(letters: Path, tmp_path: Path) -> None:
    bagged(letters, "--to", tmp_path / "inner")
    made = bagged(tmp_path / "inner", letters, "--to", tmp_path / "outer")
    told = [(finding["code"], finding["path"]) for finding in made["findings"]]
    assert [each for each in told if each[0] != "system-files"] == [("bag-in-bag", "inner")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("letters", "--in-place", "--ignore", "*.tmp"), "x.tmp"),
        (("letters", "--in-place", "--ignore-system-files"), "._b.txt"),
        (("letters", "--in-place", "--follow-links"), "in place"),
        (("letters", "other", "--in-place"), "2 sources"),
        (("letters/a.txt", "--in-place"), "not a folder"),
        (("letters", "letters/sub", "--to", "bag"), "lies in"),
        (("letters", "letters", "--to", "bag"), "the same name"),
        (("letters", "letters/../letters/a.txt", "--to", "bag"), "lies in"),
        (("letters", "nothing", "--to", "bag"), "there is no such file or folder"),
        (("letters", "--to", "bag", "--ignore", ""), "no pattern"),
        (("letters", "--to", "bag", "--ignore", "sub/"), "slash at its end"),
        (("letters", "--to", "bag", "--info", "ignored-files: 0"), "cannot be given"),
        (("letters", "--to", "bag", "--empty-folders", "perhaps"), "perhaps"),
        (("--to", "bag"), "SOURCE"),
    ],
)
def test_what_cannot_be_meant_ends_with_2_and_touches_nothing(
    letters: Path, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    (tmp_path / "other").mkdir()
    before = names(tmp_path)
    status, out, err = preserve("bag", *arguments, cwd=tmp_path)
    assert status == 2 and out == "" and said in re.sub(r"\s+", " ", err) and "Traceback" not in err
    assert names(tmp_path) == before


# --- media ---


def in_a_namespace(script: str, folder: Path) -> list[str]:
    """The lines that a shell script writes, which may mount what it likes: it is gone with the script."""
    call = " ".join(map(shlex.quote, PRESERVE))
    whole = (
        f'set -e\npreserve() {{ s=0; {call} "$@" >out 2>err || s=$?; echo "ended with $s"; cat out err; }}\n{script}'
    )
    alone = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--map-root-user"]
    done = subprocess.run([*alone, "sh", "-c", whole], cwd=folder, env=environment(), capture_output=True, check=False)
    if done.returncode:
        if os.environ.get("CI") or os.geteuid() == 0:
            pytest.fail(f"{done.stdout.decode()}{done.stderr.decode()}")
        pytest.skip("mounting needs root, or namespaces of one's own, here")
    return done.stdout.decode().splitlines()


READ_ONLY = "mount --bind {0} {0}; mount -o remount,bind,ro {0}"


def test_a_read_only_medium_is_bagged_elsewhere(letters: Path, tmp_path: Path) -> None:
    lines = in_a_namespace(f"{READ_ONLY.format('letters')}\npreserve bag letters --to bag", tmp_path)
    assert lines[0] == "ended with 0"
    assert preserve("validate", tmp_path / "bag")[0] == 0


def test_a_read_only_medium_cannot_be_a_bag_itself(letters: Path, tmp_path: Path) -> None:
    before = names(letters)
    lines = in_a_namespace(f"{READ_ONLY.format('letters')}\npreserve bag letters --in-place", tmp_path)
    said = " ".join(lines)
    assert lines[0] == "ended with 2" and "cannot be written to" in said and "--to DIR" in said
    assert names(letters) == before


def test_a_target_on_a_read_only_medium_is_refused(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    lines = in_a_namespace(f"{READ_ONLY.format('disk')}\npreserve bag letters --to disk/new/bag", tmp_path)
    said = " ".join(lines)
    assert lines[0] == "ended with 2" and "disk: cannot be written to" in said and "another folder" in said
    assert not names(tmp_path / "disk")


def test_a_full_disk_is_called_that_and_the_same_command_goes_on_when_there_is_room(
    letters: Path, tmp_path: Path
) -> None:
    (letters / "large").write_bytes(os.urandom(3 << 20))
    (tmp_path / "disk").mkdir()
    before = names(letters)
    lines = in_a_namespace(
        "mount -t tmpfs -o size=1m none disk\n"
        "preserve bag letters --to disk/bag\n"
        "ls -A disk\n"
        "mount -o remount,size=16m disk\n"
        "preserve bag letters --to disk/bag\n"
        "preserve validate disk/bag\n"
        "ls -A disk\n",
        tmp_path,
    )
    assert [line for line in lines if line.startswith("ended with")] == ["ended with 3", *["ended with 0"] * 2]
    assert "the disk is full" in " ".join(lines) and "Traceback" not in " ".join(lines)
    assert ".bag.preserve-partial" in lines and lines[-1] == "bag" and names(letters) == before


def test_a_full_disk_in_place_leaves_the_files_where_they_were(letters: Path, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    lines = in_a_namespace(
        "mount -t tmpfs -o size=64k none disk\n"
        "cp -r letters disk\n"
        "cat /dev/zero 2>/dev/null | head -c 1000000 >disk/letters/large 2>/dev/null || true\n"
        "preserve bag disk/letters --in-place\n"
        "find disk/letters -name a.txt -o -name bagit.txt -o -name data\n",
        tmp_path,
    )
    assert lines[0] == "ended with 3" and "the disk is full" in " ".join(lines)
    assert lines[-1] == "disk/letters/a.txt"
