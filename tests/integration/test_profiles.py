"""`--profile` of `preserve bag` and `preserve validate` as they are typed."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.profiles import IDENTIFIER, archive_profile, write_profile

ROOT = Path(__file__).resolve().parents[2]
GIVEN = ("--info", "Source-Organization: Field Office", "--info", "contact-name: Archivist on duty")
MORE = ("--info", "External-Description: Interviews")


def preserve(*arguments: str | Path) -> tuple[int, str, str]:
    """(exit status, standard output, standard error)."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("PRESERVE_CONFIG", None)
    command = [sys.executable, "-m", "preserve", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, check=False)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def found(text: str) -> dict[str, Any]:
    return {finding["code"]: finding for finding in json.loads(text)["findings"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    (folder / "audio").mkdir(parents=True)
    (folder / "audio" / "១.wav").write_bytes(b"RIFF")
    (folder / "consent.pdf").write_bytes(b"%PDF")
    return folder


@pytest.fixture
def bag(tmp_path: Path, source: Path) -> Path:
    """A bag that was made for the profile of `archive_profile()`."""
    profile = write_profile(tmp_path, archive_profile())
    status, _, err = preserve("bag", source, "--to", tmp_path / "bag", "--profile", profile, *GIVEN, *MORE)
    assert status == 0, err
    return tmp_path / "bag"


def test_a_bag_made_for_a_profile_keeps_to_it(tmp_path: Path, bag: Path) -> None:
    assert f"\nBagIt-Profile-Identifier: {IDENTIFIER}\n" in (bag / "bag-info.txt").read_text("utf-8")
    assert sorted(path.name for path in bag.glob("*manifest*")) == ["manifest-sha256.txt", "tagmanifest-sha256.txt"]
    status, out, err = preserve("validate", bag, "--profile", tmp_path / "profile.json", "--json")
    assert status == 0, err
    assert json.loads(out)["findings"] == []


def test_a_folder_that_becomes_the_bag_keeps_to_the_profile_too(tmp_path: Path, source: Path) -> None:
    wanted = archive_profile(Payload_Files_Required=["data/consent.pdf", "data/audio/"])
    profile = write_profile(tmp_path, wanted)
    status, _, err = preserve("bag", source, "--in-place", "--profile", profile, *GIVEN, *MORE)
    assert status == 0, err
    assert preserve("validate", source, "--profile", profile)[0] == 0


def test_what_is_missing_is_listed_and_nothing_is_touched(tmp_path: Path, source: Path) -> None:
    profile = write_profile(tmp_path, archive_profile())
    before = sorted(tmp_path.rglob("*"))
    for where in (("--to", tmp_path / "bag"), ("--in-place",)):
        given = ("--info", "Source-Organization: Elsewhere", "--algorithm", "md5")
        status, out, err = preserve("bag", source, *where, "--profile", profile, *given, "--json")
        assert status == 2 and "Traceback" not in err
        for part in ("Contact-Name", "'Elsewhere'", "manifest-md5.txt", "manifest-sha256.txt", "nothing was touched"):
            assert part in out + err
        assert sorted(tmp_path.rglob("*")) == before


def test_whoever_is_asked_for_tag_files_of_others_is_told_a_way_that_leads_there(tmp_path: Path, source: Path) -> None:
    wanted = {**archive_profile(), "Tag-Files-Required": ["deeds/gift.pdf"], "Tag-Files-Allowed": ["*"]}
    profile = write_profile(tmp_path, wanted)
    status, _, err = preserve("bag", source, "--to", tmp_path / "bag", "--profile", profile, *GIVEN, *MORE)
    assert status == 2 and "deeds/gift.pdf" in err and "Ask the bag's maker" not in err
    assert all(word in " ".join(err.split()) for word in ("without --profile", "--algorithm", "put the missing files"))
    named = ("--info", f"BagIt-Profile-Identifier: {IDENTIFIER}", "--algorithm", "sha256")
    assert preserve("bag", source, "--to", tmp_path / "bag", *named, *GIVEN, *MORE)[0] == 0
    (tmp_path / "bag/deeds").mkdir()
    (tmp_path / "bag/deeds/gift.pdf").write_bytes(b"%PDF")
    status, out, _ = preserve("validate", tmp_path / "bag", "--profile", profile, "--json")
    assert status == 0 and set(found(out)) == {"tag-file-unlisted"}


def test_a_source_without_what_the_profile_requires_is_not_touched(tmp_path: Path, source: Path) -> None:
    changes = {"Payload-Files-Required": ["data/index.csv"], "Payload-Files-Allowed": ["data/*.csv", "data/*.wav"]}
    profile = write_profile(tmp_path, {**archive_profile(), **changes})
    before = sorted(tmp_path.rglob("*"))
    for where in (("--to", tmp_path / "bag"), ("--in-place",)):
        status, _, err = preserve("bag", source, *where, "--profile", profile, *GIVEN)
        assert status == 2
        assert "data/index.csv" in err and "data/consent.pdf" in err
        assert sorted(tmp_path.rglob("*")) == before


def test_what_is_recommended_is_told_and_the_bag_is_made(tmp_path: Path, source: Path) -> None:
    profile = write_profile(tmp_path, archive_profile())
    arguments = ("--to", tmp_path / "bag", "--profile", profile, *GIVEN, "--json")
    status, out, _ = preserve("bag", source, *arguments)
    assert status == 0 and set(found(out)) == {"profile-info-recommended"}
    status, out, _ = preserve("validate", tmp_path / "bag", "--profile", profile, "--json")
    assert status == 0 and set(found(out)) == {"profile-info-recommended"}


def test_a_valid_bag_that_is_not_what_the_profile_wants_ends_with_1(tmp_path: Path, bag: Path) -> None:
    changes = {
        "Manifests-Required": ["sha512"],
        "Tag-Files-Required": ["metadata/rights.xml"],
        "Tag-Files-Allowed": ["metadata/rights.xml"],
        "Payload-Files-Required": ["data/index.csv"],
        "Payload-Files-Allowed": ["data/*.wav", "data/index.csv"],
        "Accept-BagIt-Version": ["0.97"],
        "Serialization": "required",
    }
    profile = write_profile(tmp_path, {**archive_profile(), **changes})
    assert preserve("validate", bag)[0] == 0
    status, out, _ = preserve("validate", bag, "--profile", profile, "--json")
    told = found(out)
    assert status == 1
    assert {code: finding["path"] for code, finding in told.items()} == {
        "profile-manifest-missing": "manifest-sha512.txt",
        "profile-tag-file-missing": "metadata/rights.xml",
        "profile-tag-file-not-allowed": "metadata/preservation/premis.xml",
        "profile-payload-missing": "data/index.csv",
        "profile-payload-not-allowed": "data/consent.pdf",
        "profile-version": None,
        "profile-serialization": None,
    }
    assert all("profile" in finding["message"] for finding in told.values())


def test_a_bag_that_was_made_for_no_profile_is_told_so(tmp_path: Path, source: Path) -> None:
    profile = write_profile(tmp_path, archive_profile(Manifests_Allowed=None, Tag_Manifests_Allowed=None))
    assert preserve("bag", source, "--in-place", *GIVEN, *MORE)[0] == 0
    status, out, _ = preserve("validate", source, "--profile", profile, "--json")
    assert status == 1 and set(found(out)) == {"profile-identifier"}


def test_damage_is_told_beside_what_the_profile_says(tmp_path: Path, bag: Path) -> None:
    (bag / "data" / "consent.pdf").unlink()
    profile = write_profile(tmp_path, archive_profile(Payload_Files_Required=["data/consent.pdf"]))
    status, out, _ = preserve("validate", bag, "--profile", profile, "--json")
    assert status == 1 and {"missing", "profile-payload-missing"} <= set(found(out))


@pytest.mark.parametrize("command", ["validate", "bag"])
def test_a_profile_at_a_url_is_refused_and_nothing_is_fetched(tmp_path: Path, source: Path, command: str) -> None:
    where = ("--to", tmp_path / "bag") if command == "bag" else ()
    status, _, err = preserve(command, source, *where, "--profile", IDENTIFIER)
    assert status == 2 and "Download it first" in err
    assert not (tmp_path / "bag").exists()


def test_a_profile_that_is_none_is_a_clear_error_with_its_place(tmp_path: Path, bag: Path) -> None:
    (tmp_path / "profile.json").write_text('{\n  "Bag-Info": {"Title": {}},\n  "Bag-Info": {}\n')
    status, out, err = preserve("validate", bag, "--profile", tmp_path / "profile.json", "--json")
    assert status == 2 and "profile.json" in out + err and "line 4" in out + err and "Traceback" not in err


def test_a_profile_that_allows_no_premis_file_is_told_how_to_go_on(tmp_path: Path, source: Path) -> None:
    profile = write_profile(tmp_path, archive_profile(Tag_Files_Allowed=[]))
    asked = ("bag", source, "--to", tmp_path / "bag", "--profile", profile, *GIVEN, *MORE)
    status, _, err = preserve(*asked)
    assert status == 2 and "metadata/preservation/premis.xml" in err and "--premis none" in err
    status, _, err = preserve(*asked, "--premis", "none")
    assert status == 0, err
    assert not (tmp_path / "bag" / "metadata").exists()
    assert preserve("validate", tmp_path / "bag", "--profile", profile)[0] == 0


def test_files_that_keep_empty_folders_are_judged_before_they_are_made(tmp_path: Path, source: Path) -> None:
    (source / "empty").mkdir()
    profile = write_profile(tmp_path, archive_profile(Payload_Files_Allowed=["data/*.wav", "data/*.pdf"]))
    before = sorted(tmp_path.rglob("*"))
    for where in (("--to", tmp_path / "bag"), ("--in-place",)):
        keep = ("--empty-folders", "keep", "--profile", profile, *GIVEN)
        status, _, err = preserve("bag", source, *where, *keep)
        assert status == 2 and "data/empty/.keep" in err
        assert sorted(tmp_path.rglob("*")) == before


def test_the_same_command_again_finds_its_bag_already_made(tmp_path: Path, bag: Path) -> None:
    before = {path: path.read_bytes() for path in bag.rglob("*") if path.is_file()}
    profile = tmp_path / "profile.json"
    status, _, err = preserve("bag", tmp_path / "source", "--to", bag, "--profile", profile, *GIVEN, *MORE)
    assert status == 2 and "Traceback" not in err
    assert {path: path.read_bytes() for path in bag.rglob("*") if path.is_file()} == before


def test_an_identifier_that_was_given_stands_once(tmp_path: Path, source: Path) -> None:
    profile = write_profile(tmp_path, archive_profile())
    named = ("--info", f"bagit-profile-identifier: {IDENTIFIER}")
    status, _, err = preserve("bag", source, "--in-place", "--profile", profile, *GIVEN, *MORE, *named)
    assert status == 0, err
    assert (source / "bag-info.txt").read_text("utf-8").count(IDENTIFIER) == 1


def test_the_report_names_the_profile(tmp_path: Path, bag: Path) -> None:
    status, out, err = preserve("validate", bag, "--profile", tmp_path / "profile.json")
    assert status == 0 and "oral-history-1.2.json" in out.replace("\n", ""), err
