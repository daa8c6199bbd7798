"""BagIt profiles: what a profile may say, and what is said of a bag that does not keep to it."""

import json
import os
import shutil
from collections.abc import Collection, Iterable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.evidence import Outcome
from checks.ports import StoreError
from preserve.bag.codes import MEANINGS, Code
from preserve.bag.finding import Finding
from preserve.bag.profiles import loading as profiles
from preserve.bag.profiles.checking import BagFacts, Checker
from preserve.bag.profiles.making import algorithms_for, refuse_unfit, refuse_unfit_payload, with_identifier
from preserve.bag.profiles.model import Profile, Serialization
from preserve.bag.profiles.names import patterns
from preserve.bag.profiles.watching import ProfileWatch
from preserve.bag.tags.info import InfoEntry
from preserve.bag.validating.depth import Depth
from preserve.bag.validating.structure import Structure
from preserve.bag.validating.validation import Validator, validate
from preserve.bag.walking import walk
from preserve.errors import UsageError
from preserve.stores.local import LocalStore, Name
from tests.support.profiles import IDENTIFIER, archive_profile, write_profile
from tests.unit.preserve.bag.bags import DECLARED, Bag

GOOD_INFO = (
    ("Source-Organization", "Field Office"),
    ("Contact-Name", "Archivist on duty"),
    ("Bagging-Date", "2026-11-02"),
    ("Payload-Oxum", "9.2"),
    ("External-Description", "Interviews"),
    ("BagIt-Profile-Identifier", IDENTIFIER),
)


def loaded(folder: Path, profile: object) -> Profile:
    return profiles.load(os.fsencode(write_profile(folder, profile)))


def refusal(folder: Path, profile: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        loaded(folder, profile)
    assert "profile.json" in caught.value.message
    assert caught.value.remedy
    return caught.value


def refused_bytes(folder: Path, content: bytes) -> UsageError:
    path = folder / "profile.json"
    path.write_bytes(content)
    with pytest.raises(UsageError) as caught:
        profiles.load(os.fsencode(path))
    assert "profile.json" in caught.value.message
    assert caught.value.remedy
    return caught.value


def facts(
    info: Iterable[tuple[str, str]] = GOOD_INFO,
    *,
    version: str | None = "1.0",
    algorithms: Sequence[str] = ("sha256",),
    tag_algorithms: Sequence[str] = ("sha256",),
    has_fetch: bool = False,
    media_type: str | None = None,
) -> BagFacts:
    return BagFacts(
        version=version,
        info=[InfoEntry(number, *each) for number, each in enumerate(info, 1)],
        algorithms=algorithms,
        tag_algorithms=tag_algorithms,
        has_fetch=has_fetch,
        media_type=media_type,
    )


def structure(profile: Profile, bag: BagFacts) -> list[Finding]:
    return list(Checker(profile).structure(bag))


def codes(found: Iterable[Finding | None]) -> list[Code]:
    return [finding.code for finding in found if finding is not None]


def without(label: str) -> list[tuple[str, str]]:
    return [each for each in GOOD_INFO if each[0] != label]


@pytest.fixture
def profile(tmp_path: Path) -> Profile:
    return loaded(tmp_path, archive_profile())


# What a profile says


def test_a_profile_is_read_with_all_its_rules(profile: Profile) -> None:
    assert profile.identifier == IDENTIFIER
    assert (profile.version, profile.specification) == ("1.2", (1, 4, 0))
    contact = profile.info["contact-name"]
    assert contact.required and not contact.repeatable and contact.description == "who can be asked"
    assert profile.info["source-organization"].values == ("Archive of Oral History", "Field Office")
    assert profile.manifests.required == ("sha256",) and profile.manifests.allowed == frozenset({"sha256", "sha512"})
    assert not profile.allow_fetch and not profile.require_fetch and not profile.data_empty
    assert profile.serialization is Serialization.OPTIONAL and profile.versions == ("0.97", "1.0")
    assert profile.unknown == ()


def test_what_a_profile_leaves_out_is_as_the_specification_says(tmp_path: Path) -> None:
    short = {key: archive_profile()[key] for key in ("BagIt-Profile-Info", "Accept-BagIt-Version")}
    del short["BagIt-Profile-Info"]["BagIt-Profile-Version"]
    profile = loaded(tmp_path, short)
    assert profile.specification == (1, 1, 0)
    assert profile.allow_fetch and not profile.require_fetch and profile.serialization is Serialization.OPTIONAL
    named = facts([("BagIt-Profile-Identifier", IDENTIFIER)], algorithms=["md5"], has_fetch=True, media_type="x/y")
    assert structure(profile, named) == []
    assert Checker(profile).tag_file(b"any/thing") is None and Checker(profile).payload_name(b"data/any") is None


def test_algorithms_are_known_however_they_are_written(tmp_path: Path) -> None:
    profile = loaded(tmp_path, archive_profile(Manifests_Required=["SHA-256"], Manifests_Allowed=["Sha256", "SHA-512"]))
    assert profile.manifests.required == ("sha256",) and profile.manifests.allow("sha512")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(archive_profile()).encode())
    assert profiles.load(os.fsencode(path)).identifier == IDENTIFIER


@pytest.mark.parametrize("url", ["https://archive.example.org/p.json", "HTTP://x/y", "file:///etc/p.json", "s3://b/k"])
def test_a_url_is_refused_with_the_way_forward(url: str) -> None:
    with pytest.raises(UsageError) as caught:
        profiles.load(url.encode())
    assert "never reaches" in caught.value.message and "Download it first" in caught.value.remedy


@pytest.mark.parametrize("make", ["nothing", "folder", "fifo"])
def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path, make: str) -> None:
    path = tmp_path / "profile.json"
    if make == "folder":
        path.mkdir()
    elif make == "fifo":
        os.mkfifo(path)
    with pytest.raises(UsageError) as caught:
        profiles.load(os.fsencode(path))
    assert "profile.json" in caught.value.message and caught.value.remedy


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "line 1"),
        (b"<html>", "line 1"),
        (b'{"a": 1,\n "b" 2}', "line 2, column 6"),
        (b"[]", "not an object"),
        (b'"text"', "not an object"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"a":' * 200_000, "nested too deeply"),
        (b'{"a": 1, "a": 2}', "'a' stands twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": ' + b"9" * 10_000 + b"}", "digits"),
        (b'{"a": "\\ud800"}', "surrogate"),
        (b'{"\\udc00": 1}', "surrogate"),
        (b'{"a": ["\\ud800"]}', "surrogate"),
        (b'{"a\\u001b[2J": 1, "a\\u001b[2J": 1}', "a\\x1b[2J"),
        (b" " * (5 << 20), "larger than"),
        (b"{}", "BagIt-Profile-Info"),
    ],
)
def test_what_is_no_profile_is_refused_and_told_why(tmp_path: Path, content: bytes, why: str) -> None:
    assert why in refused_bytes(tmp_path, content).message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("BagIt-Profile-Info", []),
        ("Bag-Info", "all"),
        ("Bag-Info", {"Title": True}),
        ("Bag-Info", {"Title": {"required": "true"}}),
        ("Bag-Info", {"Title": {"required": None}}),
        ("Bag-Info", {"Title": {"repeatable": 1}}),
        ("Bag-Info", {"Title": {"values": "a"}}),
        ("Bag-Info", {"Title": {"values": [1]}}),
        ("Bag-Info", {"Title": {"description": []}}),
        ("Bag-Info", {"": {}}),
        ("Bag-Info", {"Ti:tle": {}}),
        ("Bag-Info", {" Title": {}}),
        ("Bag-Info", {"Ti\ntle": {}}),
        ("Manifests-Required", "sha256"),
        ("Manifests-Required", ["---"]),
        ("Manifests-Allowed", {}),
        ("Tag-Manifests-Required", [None]),
        ("Tag-Files-Required", [["a"]]),
        ("Tag-Files-Allowed", "*"),
        ("Tag-Files-Allowed", ["a" * 5000]),
        ("Tag-Files-Allowed", ["a"] * 10_001),
        ("Tag-Files-Allowed", [f"*{number}" for number in range(1001)]),
        ("Tag-Files-Allowed", [f"{number}*".ljust(4000, "?") for number in range(30)]),
        ("Payload-Files-Required", 3),
        ("Payload-Files-Allowed", None),
        ("Allow-Fetch.txt", "false"),
        ("Fetch.txt-Required", 0),
        ("Data-Empty", "no"),
        ("Serialization", "sometimes"),
        ("Serialization", True),
        ("Accept-Serialization", "application/zip"),
        ("Accept-BagIt-Version", [1.0]),
        ("Accept-BagIt-Version", ["1"]),
        ("Accept-BagIt-Version", []),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_by_file_and_key(tmp_path: Path, key: str, value: object) -> None:
    wrong = {**archive_profile(), key: value}
    assert key in refusal(tmp_path, wrong).message


@pytest.mark.parametrize("key", ["BagIt-Profile-Identifier", "Source-Organization", "External-Description", "Version"])
def test_a_profile_says_what_it_is(tmp_path: Path, key: str) -> None:
    wrong = archive_profile()
    del wrong["BagIt-Profile-Info"][key]
    assert f"BagIt-Profile-Info › {key}" in refusal(tmp_path, wrong).message


@pytest.mark.parametrize("identifier", ["a\nb", "a\tb", " a", "\x1b[2J"])
def test_an_identifier_that_no_line_can_hold_is_refused(tmp_path: Path, identifier: str) -> None:
    wrong = archive_profile()
    wrong["BagIt-Profile-Info"]["BagIt-Profile-Identifier"] = identifier
    assert "BagIt-Profile-Identifier" in refusal(tmp_path, wrong).message


@pytest.mark.parametrize("version", ["2.0.0", "one", "1"])
def test_a_profile_of_another_specification_is_refused(tmp_path: Path, version: str) -> None:
    wrong = archive_profile()
    wrong["BagIt-Profile-Info"]["BagIt-Profile-Version"] = version
    assert "BagIt-Profile-Version" in refusal(tmp_path, wrong).message


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"Manifests-Required": ["md5"]}, "Manifests-Required"),
        ({"Tag-Manifests-Required": ["md5"]}, "Tag-Manifests-Required"),
        ({"Tag-Files-Required": ["notes/a.txt"]}, "Tag-Files-Required"),
        ({"Tag-Files-Required": ["data/a.txt"]}, "Tag-Files-Required"),
        ({"Tag-Files-Required": ["../a.txt"]}, "Tag-Files-Required"),
        ({"Tag-Files-Required": ["/etc/passwd"]}, "Tag-Files-Required"),
        ({"Payload-Files-Required": ["a.txt"]}, "Payload-Files-Required"),
        ({"Payload-Files-Required": ["data/../a"]}, "Payload-Files-Required"),
        ({"Payload-Files-Required": ["data/a"], "Payload-Files-Allowed": ["data/b*"]}, "Payload-Files-Required"),
        ({"Payload-Files-Required": ["data/a/"], "Payload-Files-Allowed": ["data/b/*"]}, "Payload-Files-Required"),
        ({"Payload-Files-Required": ["data/a"], "Payload-Files-Allowed": []}, "Payload-Files-Required"),
        ({"Payload-Files-Required": ["data/a", "data/b"], "Data-Empty": True}, "Data-Empty"),
        ({"Fetch.txt-Required": True}, "Fetch.txt-Required"),
        ({"Accept-Serialization": []}, "Accept-Serialization"),
        ({"Serialization": "required", "Accept-Serialization": []}, "Accept-Serialization"),
        ({"Bag-Info": {"Title": {}, "TITLE": {}}}, "Bag-Info"),
        ({"Bag-Info": {"BagIt-Profile-Identifier": {"values": ["other"]}}}, "Bag-Info"),
    ],
)
def test_a_profile_that_contradicts_itself_is_refused(tmp_path: Path, changes: dict[str, Any], key: str) -> None:
    assert key in refusal(tmp_path, {**archive_profile(), **changes}).message


def test_a_required_folder_is_allowed_by_what_lies_in_it(tmp_path: Path) -> None:
    for allowed in (["data/a/*"], ["*"], ["data/a/b.txt"], ["data/*"], ["data/?/*"]):
        changes = {"Payload-Files-Required": ["data/a/"], "Payload-Files-Allowed": allowed}
        assert loaded(tmp_path, {**archive_profile(), **changes}).payload_files.required == (b"data/a/",)


def test_required_tag_files_of_bagit_itself_need_not_be_allowed(tmp_path: Path) -> None:
    profile = loaded(tmp_path, archive_profile(Tag_Files_Required=["bag-info.txt", "manifest-sha256.txt"]))
    checker = Checker(profile)
    assert checker.tag_file(b"bag-info.txt") is None
    assert [finding.path for finding in checker.finish(payload_bytes=0)] == [b"manifest-sha256.txt"]


@pytest.mark.parametrize("key", ["Manifest-Required", "allow-fetch.txt", "Tag-Files-Alowed"])
def test_a_key_that_is_misspelt_is_refused_with_what_was_meant(tmp_path: Path, key: str) -> None:
    fault = refusal(tmp_path, {**archive_profile(), key: []})
    assert key in fault.message and "Did you mean" in fault.remedy


def test_a_misspelt_key_of_a_label_is_refused_too(tmp_path: Path) -> None:
    fault = refusal(tmp_path, archive_profile(Bag_Info={"Title": {"Required": True}}))
    assert "Bag-Info › Title › Required" in fault.message and "required" in fault.remedy


def test_keys_that_nobody_knows_are_told_as_not_checked(tmp_path: Path) -> None:
    extended = archive_profile(Bag_Info={"Title": {"help": "the title"}})
    found = structure(loaded(tmp_path, {**extended, "Other-Info": [{"deep": {}}]}), facts())
    assert codes(found) == [Code.PROFILE_KEY_UNKNOWN] * 2
    assert all(finding.outcome is Outcome.PASS for finding in found)
    assert "Other-Info" in found[0].message and "Bag-Info › Title › help" in found[1].message


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["*", "data/a", "[", "1.0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_a_profile_it_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    changed = archive_profile()
    place = data.draw(st.sampled_from([changed, changed["BagIt-Profile-Info"], changed["Bag-Info"]]))
    key = data.draw(st.sampled_from([*place, "Tag-Files-Required", "Payload-Files-Required"]) | st.text(max_size=8))
    place[key] = data.draw(ANYTHING)
    try:
        profile = loaded(tmp_path, changed)
    except UsageError as error:
        assert error.remedy and "profile.json" in error.message
        return
    checker = Checker(profile)
    found = [
        *checker.structure(facts()),
        checker.tag_file(b"a"),
        checker.payload_name(b"data/\xff"),
        *checker.finish(payload_bytes=1),
    ]
    for finding in filter(None, found):
        finding.message.encode()  # shown as it is


# What is said of a bag


def test_a_bag_that_keeps_to_the_profile_gets_no_word(profile: Profile) -> None:
    checker = Checker(profile)
    assert list(checker.structure(facts())) == []
    assert checker.tag_file(b"metadata/preservation/premis.xml") is None
    assert checker.payload_name(b"data/interviews/1.wav") is None
    assert list(checker.finish(payload_bytes=10)) == []


@pytest.mark.parametrize("label", ["Contact-Name", "Payload-Oxum"])
def test_a_required_label_that_is_not_there_is_told(profile: Profile, label: str) -> None:
    (found,) = structure(profile, facts(without(label)))
    assert found.code is Code.PROFILE_INFO_MISSING and found.outcome is Outcome.FAIL
    assert label in found.message and found.file == b"bag-info.txt"


def test_the_description_of_a_missing_label_is_said(profile: Profile) -> None:
    (found,) = structure(profile, facts(without("Contact-Name")))
    assert found.message.endswith("who can be asked")


def test_a_recommended_label_that_is_not_there_only_warns(profile: Profile) -> None:
    (found,) = structure(profile, facts(without("External-Description")))
    assert found.code is Code.PROFILE_INFO_RECOMMENDED and found.outcome is Outcome.PASS


def test_labels_are_known_without_regard_to_case(profile: Profile) -> None:
    assert structure(profile, facts((label.upper(), value) for label, value in GOOD_INFO)) == []
    twice = [*GOOD_INFO, ("CONTACT-NAME", "Somebody else")]
    (found,) = structure(profile, facts(twice))
    assert (found.code, found.line) == (Code.PROFILE_NOT_REPEATABLE, len(twice))


def test_a_value_that_is_not_allowed_is_told_with_those_that_are(profile: Profile) -> None:
    info = [*GOOD_INFO, ("Source-Organization", "field office")]
    (found,) = structure(profile, facts(info))
    assert (found.code, found.line) == (Code.PROFILE_VALUE_NOT_ALLOWED, len(info))
    assert "'field office'" in found.message and "'Archive of Oral History' or 'Field Office'" in found.message


def test_a_label_may_stand_twice_unless_the_profile_forbids_it(profile: Profile) -> None:
    assert structure(profile, facts([*GOOD_INFO, ("Payload-Oxum", "9.2"), ("Title", "a"), ("Title", "b")])) == []


def test_the_bag_names_the_profile_it_keeps_to(profile: Profile) -> None:
    (missing,) = structure(profile, facts(without("BagIt-Profile-Identifier")))
    assert missing.code is Code.PROFILE_IDENTIFIER and IDENTIFIER in missing.message
    other = ("BagIt-Profile-Identifier", "https://example.org/other")
    (differs,) = structure(profile, facts([*without("BagIt-Profile-Identifier"), other]))
    assert differs.code is Code.PROFILE_IDENTIFIER and other[1] in differs.message and differs.line == len(GOOD_INFO)


def test_a_bag_may_name_several_profiles(profile: Profile) -> None:
    other = ("BagIt-Profile-Identifier", "https://example.org/other")
    assert structure(profile, facts([other, *GOOD_INFO])) == []


def test_of_a_bag_info_that_could_not_be_read_nothing_is_said(profile: Profile) -> None:
    bag = BagFacts(version="1.0", info=None, algorithms=["sha256"], tag_algorithms=["sha256"])
    assert structure(profile, bag) == []


@pytest.mark.parametrize("which", ["algorithms", "tag_algorithms"])
def test_manifests_must_and_must_not_be_there(profile: Profile, which: str) -> None:
    found = structure(profile, facts(**{which: ["md5", "sha512"]}))  # type: ignore[arg-type]
    assert codes(found) == [Code.PROFILE_MANIFEST_MISSING, Code.PROFILE_MANIFEST_NOT_ALLOWED]
    prefix = b"tagmanifest-" if which == "tag_algorithms" else b"manifest-"
    assert [finding.path for finding in found] == [prefix + b"sha256.txt", prefix + b"md5.txt"]


def test_fetch_txt_is_there_only_where_it_may_be(tmp_path: Path, profile: Profile) -> None:
    assert codes(structure(profile, facts(has_fetch=True))) == [Code.PROFILE_FETCH]
    needed = loaded(tmp_path, {**archive_profile(), "Allow-Fetch.txt": True, "Fetch.txt-Required": True})
    assert codes(structure(needed, facts())) == [Code.PROFILE_FETCH]
    assert structure(needed, facts(has_fetch=True)) == []


def test_only_accepted_versions_pass(profile: Profile) -> None:
    assert structure(profile, facts(version="0.97")) == []
    (found,) = structure(profile, facts(version="0.96"))
    assert found.code is Code.PROFILE_VERSION and "0.97, 1.0" in found.message
    assert structure(profile, facts(version=None)) == []


@pytest.mark.parametrize(
    ("rule", "media_type", "passes"),
    [
        ("required", None, False),
        ("required", "application/zip", True),
        ("required", "application/x-tar", True),  # another name of application/tar
        ("required", "application/gzip", False),
        ("optional", None, True),
        ("optional", "application/zip", True),
        ("optional", "application/x-7z-compressed", False),
        ("forbidden", None, True),
        ("forbidden", "application/zip", False),
    ],
)
def test_a_bag_is_packed_as_the_profile_wants_it(
    tmp_path: Path, rule: str, media_type: str | None, passes: bool
) -> None:
    profile = loaded(tmp_path, archive_profile(Serialization=rule))
    found = structure(profile, facts(media_type=media_type))
    assert codes(found) == ([] if passes else [Code.PROFILE_SERIALIZATION])


def test_tag_files_must_be_there_and_be_allowed(tmp_path: Path) -> None:
    checker = Checker(loaded(tmp_path, archive_profile(Tag_Files_Required=["metadata/a.xml", "README.txt"])))
    said = [checker.tag_file(name) for name in (b"README.txt", b"bagit.txt", b"manifest-sha256.txt", b"notes.txt")]
    assert [finding.path for finding in said if finding] == [b"notes.txt"]
    assert codes(said) == [Code.PROFILE_TAG_FILE_NOT_ALLOWED]
    (missing,) = checker.finish(payload_bytes=0)
    assert (missing.code, missing.path) == (Code.PROFILE_TAG_FILE_MISSING, b"metadata/a.xml")


def test_a_file_named_like_a_manifest_in_a_folder_is_a_tag_file_like_others(profile: Profile) -> None:
    found = Checker(profile).tag_file(b"notes/manifest-sha256.txt")
    assert found is not None and found.code is Code.PROFILE_TAG_FILE_NOT_ALLOWED


def test_payload_files_and_folders_must_be_there(tmp_path: Path) -> None:
    required = ["data/consent.pdf", "data/audio/", "data/audio/raw/", "data/video/"]
    checker = Checker(loaded(tmp_path, archive_profile(Payload_Files_Required=required)))
    for name in (b"data/audio/raw/1.wav", b"data/consent.pdf/x", b"data/videos/1.mp4"):
        assert checker.payload_name(name) is None
    missing = list(checker.finish(payload_bytes=5))
    assert codes(missing) == [Code.PROFILE_PAYLOAD_MISSING] * 2
    assert [finding.path for finding in missing] == [b"data/consent.pdf", b"data/video/"]


def test_nothing_is_called_missing_where_not_everything_could_be_listed(tmp_path: Path) -> None:
    changes = {"Payload-Files-Required": ["data/a"], "Tag-Files-Required": ["README.txt"]}
    checker = Checker(loaded(tmp_path, {**archive_profile(), **changes}))
    assert list(checker.finish(payload_bytes=None, payload_known=False, tag_files_known=False)) == []


def test_payload_files_that_are_not_allowed_are_told_one_by_one(tmp_path: Path) -> None:
    checker = Checker(loaded(tmp_path, archive_profile(Payload_Files_Allowed=["data/*.wav", "data/a[1].txt"])))
    names = [b"data/x/y.wav", b"data/a.mp3", b"data/a[1].txt", b"data/a1.txt", b"data/\xff.wav", b"data/\xff"]
    said = [checker.payload_name(name) for name in names]
    assert [finding.path for finding in said if finding] == [b"data/a.mp3", b"data/\xff"]


@pytest.mark.parametrize(
    ("names", "size", "passes"),
    [
        ([], 0, True),
        ([b"data/.keep"], 0, True),
        ([b"data/.keep"], None, True),
        ([b"data/.keep"], 1, False),
        ([b"data/a", b"data/b"], 0, False),
    ],
)
def test_an_empty_payload_holds_one_empty_file_at_most(
    tmp_path: Path, names: list[bytes], size: int | None, passes: bool
) -> None:
    checker = Checker(loaded(tmp_path, archive_profile(Data_Empty=True)))
    assert [checker.payload_name(name) for name in names] == [None] * len(names)
    assert codes(checker.finish(payload_bytes=size)) == ([] if passes else [Code.PROFILE_PAYLOAD_NOT_EMPTY])


def test_what_a_bag_says_cannot_move_a_terminals_cursor(profile: Profile) -> None:
    info = [*without("Source-Organization"), ("Source-Organization", "\x1b[2J\u202e")]
    (found,) = structure(profile, facts(info))
    assert "\x1b" not in found.message and "\u202e" not in found.message


def test_every_code_of_profiles_has_a_remedy_and_names_its_source() -> None:
    of_profiles = [MEANINGS[code] for code in Code if code.startswith("profile-")]
    assert len(of_profiles) == 16
    assert all(meaning.remedy and not meaning.section for meaning in of_profiles)
    assert all("BagIt Profiles" in meaning.sentence for meaning in of_profiles)


# Patterns


@pytest.mark.parametrize(
    ("entry", "path", "fits"),
    [
        ("*", b"a/b/c", True),
        ("a/*", b"a/b/c", True),
        ("a/*", b"a", False),
        ("*.txt", b"b.txt\n", False),
        ("a?c", b"abc", True),
        ("a?c", "aខc".encode(), True),
        ("[!a]*", b"b", True),
        ("[a", b"[a", True),
        ("(a|b)+", b"a", False),
        ("(a|b)+", b"(a|b)+", True),
        ("A*", b"a", False),
        ("ខ្មែរ/*", "ខ្មែរ/១".encode(), True),
    ],
)
def test_an_asterisk_stands_for_anything_and_the_rest_for_itself(entry: str, path: bytes, fits: bool) -> None:
    assert patterns([entry]).fit(path) is fits


@pytest.mark.parametrize("entry", ["*a" * 2000 + "b", "a*" * 2000 + "b", "*" * 4096 + "b", "*?" * 2000 + "b"])
@pytest.mark.timeout(60)
def test_no_pattern_takes_long_to_say_no(entry: str) -> None:
    assert not patterns([entry]).fit(b"a" * 4096)  # hundreds of years, if each asterisk were tried anew


# Making a bag for a profile


def test_the_profiles_algorithms_are_taken_where_none_are_named(tmp_path: Path, profile: Profile) -> None:
    usual = ("sha256", "sha512")
    assert algorithms_for(profile, usual) == ("sha256",)
    free = archive_profile(Manifests_Required=None, Tag_Manifests_Required=None)
    assert algorithms_for(loaded(tmp_path, free), usual) == ("sha256", "sha512")
    lists = {"Manifests-Allowed": ["md5", "sha512"], "Tag-Manifests-Allowed": ["md5", "sha512"]}
    assert algorithms_for(loaded(tmp_path, {**free, **lists}), usual) == ("sha512",)
    lists = {"Manifests-Allowed": ["md5"], "Tag-Manifests-Allowed": ["md5"]}
    assert algorithms_for(loaded(tmp_path, {**free, **lists}), usual) == ("md5",)


@pytest.mark.parametrize("key", ["Manifests-Required", "Manifests-Allowed"])
def test_algorithms_that_nothing_here_computes_are_refused(tmp_path: Path, key: str) -> None:
    free = archive_profile(Manifests_Required=None, Manifests_Allowed=None, Tag_Manifests_Required=None)
    with pytest.raises(UsageError, match="cannot be made here"):
        algorithms_for(loaded(tmp_path, {**free, key: ["whirlpool"]}), ("sha256",))


def test_the_identifier_is_written_once(profile: Profile) -> None:
    line = ("BagIt-Profile-Identifier", IDENTIFIER)
    assert with_identifier(profile, [("A", "b")]) == (("A", "b"), line)
    assert with_identifier(profile, [line]) == (line,)
    other = ("BagIt-Profile-Identifier", "https://example.org/other")
    assert with_identifier(profile, [other]) == (other, line)


def test_all_that_is_missing_is_listed_before_a_bag_is_made(tmp_path: Path) -> None:
    profile = loaded(tmp_path, archive_profile(Tag_Files_Required=["README.txt"]))
    with pytest.raises(UsageError) as caught:
        refuse_unfit(
            profile,
            lines=with_identifier(profile, [("Source-Organization", "Other")]),
            algorithms=["sha256", "md5"],
            tag_files=[b"notes.txt"],
        )
    message = caught.value.message
    for part in ("Contact-Name", "'Other'", "md5", "notes.txt", "README.txt", "nothing was touched"):
        assert part in message
    assert "line 0" not in message and caught.value.remedy


def test_what_is_computed_later_is_taken_to_be_right(profile: Profile) -> None:
    lines = [(label, None if label in ("Bagging-Date", "Payload-Oxum") else value) for label, value in GOOD_INFO]
    assert refuse_unfit(profile, lines=lines, algorithms=["sha256"]) == ()


def test_a_recommendation_stands_in_no_bags_way(profile: Profile) -> None:
    (found,) = refuse_unfit(profile, lines=without("External-Description"), algorithms=["sha256"])
    assert found.code is Code.PROFILE_INFO_RECOMMENDED


def test_a_bag_that_cannot_be_made_here_is_refused(tmp_path: Path) -> None:
    for changes in (
        {"Accept-BagIt-Version": ["0.97"]},
        {"Serialization": "required"},
        {"Allow-Fetch.txt": True, "Fetch.txt-Required": True},
    ):
        with pytest.raises(UsageError, match="nothing was touched"):
            refuse_unfit(loaded(tmp_path, {**archive_profile(), **changes}), lines=GOOD_INFO, algorithms=["sha256"])


def test_a_payload_that_the_profile_does_not_want_is_refused(tmp_path: Path) -> None:
    changes = {"Payload-Files-Required": ["data/consent.pdf"], "Payload-Files-Allowed": ["data/*.pdf"]}
    profile = loaded(tmp_path, {**archive_profile(), **changes})
    tree = LocalStore(os.fsencode(tmp_path))
    refuse_unfit_payload(profile, tree, [b"consent.pdf", b"more/a.pdf"])
    with pytest.raises(UsageError, match="nothing was touched") as caught:
        refuse_unfit_payload(profile, tree, [b"a.txt"])
    assert "data/a.txt" in caught.value.message and "data/consent.pdf" in caught.value.message


@pytest.mark.parametrize(
    ("names", "passes"), [([], True), ([b"empty"], True), ([b"full"], False), ([b"empty", b"full"], False)]
)
def test_a_source_for_an_empty_payload_is_looked_at(tmp_path: Path, names: list[bytes], passes: bool) -> None:
    profile = loaded(tmp_path, archive_profile(Data_Empty=True))
    (tmp_path / "full").write_bytes(b"x")
    (tmp_path / "empty").write_bytes(b"")
    with nullcontext() if passes else pytest.raises(UsageError, match="Data-Empty"):
        refuse_unfit_payload(profile, LocalStore(os.fsencode(tmp_path)), names)


# Beside a validation


def small_bag(folder: Path, profile: dict[str, Any]) -> tuple[Bag, Profile]:
    """A valid bag of two payload files, data/a.txt and data/sub/b.txt, that names the profile."""
    bag = Bag(folder / "bag")
    bag.write(b"bag-info.txt", "".join(f"{label}: {value}\n" for label, value in GOOD_INFO).encode())
    bag.tag_manifest()
    return bag, loaded(folder, profile)


def told(bag: Bag | Path, profile: Profile, depth: Depth = Depth.FULL) -> set[tuple[Code, bytes | None]]:
    path = os.fsencode(bag.path if isinstance(bag, Bag) else bag)
    return {(each.code, each.path) for each in Validator(path, profile=profile, depth=depth)}


@pytest.mark.parametrize("depth", list(Depth))
def test_a_profile_is_judged_at_every_depth(tmp_path: Path, depth: Depth) -> None:
    changes = {
        "Payload-Files-Required": ["data/c.txt", "data/sub/"],
        "Payload-Files-Allowed": ["data/sub/*", "data/c.txt"],
        "Tag-Files-Required": ["README.txt"],
    }
    bag, profile = small_bag(tmp_path, {**archive_profile(), **changes})
    bag.write(b"notes.txt", b"")
    expected: set[tuple[Code, bytes | None]] = {
        (Code.PROFILE_PAYLOAD_MISSING, b"data/c.txt"),
        (Code.PROFILE_PAYLOAD_NOT_ALLOWED, b"data/a.txt"),
        (Code.PROFILE_TAG_FILE_MISSING, b"README.txt"),
        (Code.PROFILE_TAG_FILE_NOT_ALLOWED, b"notes.txt"),
    }
    assert {each for each in told(bag, profile, depth) if each[0].of_profile} == expected


@pytest.mark.parametrize("depth", list(Depth))
def test_an_empty_payload_is_looked_for_at_every_depth(tmp_path: Path, depth: Depth) -> None:
    bag, profile = small_bag(tmp_path, archive_profile(Data_Empty=True))
    assert (Code.PROFILE_PAYLOAD_NOT_EMPTY, None) in told(bag, profile, depth)
    (bag.path / "data/sub/b.txt").unlink()
    assert (Code.PROFILE_PAYLOAD_NOT_EMPTY, None) in told(bag, profile, depth)
    bag.write(b"data/a.txt", b"")
    assert (Code.PROFILE_PAYLOAD_NOT_EMPTY, None) not in told(bag, profile, depth)


def test_a_bag_that_is_valid_only_is_called_so(tmp_path: Path) -> None:
    bag, profile = small_bag(tmp_path, archive_profile(Accept_BagIt_Version=["0.97"]))
    result = validate(os.fsencode(bag.path), profile=profile)
    assert result.outcome is Outcome.FAIL and result.verdict == "valid, but not what its profile wants"
    assert result.profile == IDENTIFIER and validate(os.fsencode(bag.path)).verdict == "valid"


def test_a_bag_that_is_damaged_besides_is_not_called_valid(tmp_path: Path) -> None:
    bag, profile = small_bag(tmp_path, archive_profile(Accept_BagIt_Version=["0.97"]))
    bag.write(b"data/a.txt", b"other")
    assert validate(os.fsencode(bag.path), profile=profile).verdict == "invalid"


def test_a_version_that_is_not_known_here_is_told_as_it_is_declared(tmp_path: Path) -> None:
    bag, profile = small_bag(tmp_path, archive_profile(Accept_BagIt_Version=["1.0"]))
    bag.write(b"bagit.txt", DECLARED.replace(b"1.0", b"1.7"))
    found = [each for each in Validator(os.fsencode(bag.path), profile=profile) if each.code is Code.PROFILE_VERSION]
    assert [each.parameters["version"] for each in found] == ["1.7"]


def test_a_manifest_of_an_unknown_algorithm_is_there(tmp_path: Path) -> None:
    changes = {"Manifests-Required": ["gost"], "Manifests-Allowed": ["gost"]}
    bag, profile = small_bag(tmp_path, {**archive_profile(), **changes})
    bag.write(b"manifest-gost.txt", b"00  data/a.txt\n00  data/sub/b.txt\n")
    assert {path for code, path in told(bag, profile) if code.of_profile} == {b"manifest-sha256.txt"}


@pytest.mark.parametrize(
    ("form", "accepted", "passes"),
    [
        ("tar", "application/x-tar", True),
        ("tar", "application/zip", False),
        ("gztar", "application/gzip", True),
        ("gztar", "application/tar", False),
        ("zip", "application/zip", True),
    ],
)
def test_a_packed_bag_is_judged_by_what_it_is(tmp_path: Path, form: str, accepted: str, passes: bool) -> None:
    bag, profile = small_bag(tmp_path, archive_profile(Serialization="required", Accept_Serialization=[accepted]))
    packed = shutil.make_archive(str(tmp_path / "bag"), form, root_dir=tmp_path, base_dir=bag.path.name)
    assert ((Code.PROFILE_SERIALIZATION, None) in told(Path(packed), profile)) is not passes
    assert (Code.PROFILE_SERIALIZATION, None) in told(bag, profile)


def test_a_link_is_not_the_file_that_is_required(tmp_path: Path) -> None:
    changes = {"Payload-Files-Required": ["data/c.txt"], "Tag-Files-Required": ["README.txt"]}
    bag, profile = small_bag(tmp_path, {**archive_profile(), **changes})
    for name in ("data/c.txt", "README.txt"):
        (bag.path / name).symlink_to("/etc/hostname")
    assert {(Code.PROFILE_PAYLOAD_MISSING, b"data/c.txt"), (Code.PROFILE_TAG_FILE_MISSING, b"README.txt")} <= told(
        bag, profile
    )


def test_what_is_no_bag_is_not_compared_with_a_profile(tmp_path: Path) -> None:
    profile = loaded(tmp_path, archive_profile())
    (tmp_path / "empty").mkdir()
    assert told(tmp_path / "empty", profile) == {(Code.NOT_A_BAG, None)}


class HalfListed(LocalStore):
    """A folder of which two folders cannot be listed."""

    def names_in(self, folder: bytes, *, stats: bool = False) -> Collection[Name]:
        if folder in (b"data/sub", b"metadata"):
            raise StoreError("Input/output error", cause="EIO")
        return super().names_in(folder, stats=stats)


def test_folders_that_cannot_be_listed_leave_the_question_open(tmp_path: Path) -> None:
    changes = {"Payload-Files-Required": ["data/sub/c.txt"], "Tag-Files-Required": ["metadata/a.xml"]}
    bag, profile = small_bag(tmp_path, {**archive_profile(), **changes})
    bag.write(b"metadata/a.xml", b"")
    tree = HalfListed(os.fsencode(bag.path))
    watch = ProfileWatch(profile, tree, Structure(tree))
    for _ in watch.passing(walk(tree, b"data")):
        pass
    assert [(each.code, each.path) for each in watch.closing()] == [(Code.LISTING_INCOMPLETE, b"metadata")]
