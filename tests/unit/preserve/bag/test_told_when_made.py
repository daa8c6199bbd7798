"""What is told when a bag is made, so that no validation has to tell it first; and words that are accepted."""

import os
from pathlib import Path

import pytest

from preserve.bag import Code, Depth, Finding, Written, read, validate, write
from preserve.bag.making.ignoring import SYSTEM_FILES
from preserve.bag.making.request import BagRequest
from preserve.bag.making.writing import write_bag
from preserve.errors import UsageError


@pytest.fixture
def source(tmp_path: Path) -> Path:
    (tmp_path / "letters/sub").mkdir(parents=True)
    (tmp_path / "letters/a.txt").write_bytes(b"alpha")
    (tmp_path / "letters/sub/b.txt").write_bytes(b"beta")
    return tmp_path / "letters"


def codes(made: Written) -> list[Code]:
    return [warning.code for warning in made.warnings]


def advice_on(findings: list[Finding]) -> set[tuple[Code, bytes | None]]:
    """Codes and paths from the payload's top."""
    return {(each.code, each.path and each.path.removeprefix(b"data/")) for each in findings}


# --- warnings ---


@pytest.mark.parametrize("in_place", [True, False])
def test_what_a_validation_warns_of_is_told_already_when_the_bag_is_made(source: Path, in_place: bool) -> None:
    for name in (".DS_Store", "sub/aux.txt", "sub/B.txt", "sub/what?"):
        (source / name).write_bytes(b"")
    for form in ("caf\u00e9", "cafe\u0301"):
        (source / form).write_bytes(b"")
    made = write(source, None if in_place else source.parent / "bag", algorithms="md5")
    assert set(codes(made)) == {
        *(Code.SYSTEM_FILES, Code.NAMES_NOT_PORTABLE, Code.NAMES_DIFFER_IN_CASE, Code.NAMES_DIFFER_IN_FORM),
        Code.ALGORITHM_WEAK,
    }
    assert advice_on(list(made.warnings)) == advice_on(list(validate(made.bag)))
    system = next(warning for warning in made.warnings if warning.code is Code.SYSTEM_FILES)
    assert "--ignore-system-files" in system.remedy


def test_an_algorithm_that_others_may_not_know_is_told(source: Path) -> None:
    assert codes(write(source, source.parent / "bag", algorithms=["blake3"])) == [Code.ALGORITHM_UNREGISTERED]


def test_what_is_left_out_is_not_warned_of_as_if_it_were_in_the_bag(source: Path) -> None:
    (source / ".DS_Store").write_bytes(b"")
    assert codes(write(source, source.parent / "bag", ignore=".DS_Store")) == [Code.IGNORED]


def test_a_bag_among_several_sources_is_told_once(source: Path) -> None:
    inner = Path(os.fsdecode(write(source, source.parent / "inner").bag))
    made = write([source, inner], source.parent / "bag")
    assert codes(made) == [Code.BAG_IN_BAG]


def test_a_pattern_that_met_nothing_is_told_unless_another_took_what_it_would_have_met(source: Path) -> None:
    made = write(source, source.parent / "bag", ignore=["a.*", "*.tmp", "a.txt", "/sub/x"])
    told = [w.parameters["pattern"] for w in made.warnings if w.code is Code.PATTERN_MET_NOTHING]
    assert told == ["*.tmp", "/sub/x"]


def test_patterns_that_nobody_typed_may_meet_nothing(source: Path) -> None:
    made = write_bag(
        BagRequest(
            sources=(os.fsencode(source),),
            target=os.fsencode(source.parent / "bag"),
            info=(("Bagging-Date", None), ("Payload-Oxum", None), ("Package-UUID", None)),
            ignore=(b"*.tmp", *SYSTEM_FILES),
            in_reserve=frozenset(SYSTEM_FILES),
        )
    )
    assert [w.parameters["pattern"] for w in made.warnings] == ["*.tmp"]


def test_a_bag_of_which_all_would_be_left_out_is_refused(source: Path) -> None:
    with pytest.raises(UsageError, match="everything in it would be left out") as error:
        write(source, source.parent / "bag", ignore="*")
    assert "'*'" in error.value.remedy and not (source.parent / "bag").exists()


def test_a_source_that_is_empty_itself_can_be_bagged_with_any_pattern(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert Code.SOURCE_EMPTY in codes(write(tmp_path / "empty", tmp_path / "bag", ignore="*"))


# --- what stands in a bag's way: a remedy for each cause, and for no other ---


@pytest.mark.parametrize(
    ("target", "helps"),
    [("a.txt", True), ("sub", True), ("nowhere", False), ("/etc/hostname", False), (".", False)],
)
def test_following_links_is_named_where_it_helps(source: Path, target: str, helps: bool) -> None:
    (source / "link").symlink_to(target)
    with pytest.raises(UsageError, match="link: a symbolic link") as error:
        write(source, source.parent / "bag")
    assert ("--follow-links" in error.value.remedy) is helps
    assert "UTF-8" not in error.value.remedy and "Devices" not in error.value.remedy


def test_a_link_that_was_not_followed_though_that_was_asked_for_has_no_such_remedy(source: Path) -> None:
    (source / "link").symlink_to("nowhere")
    with pytest.raises(UsageError, match="broken symbolic link") as error:
        write(source, source.parent / "bag", follow_links=True)
    assert "--follow-links" not in error.value.remedy and "Links" in error.value.remedy


def test_a_name_that_is_not_utf8_has_its_own_remedy(source: Path) -> None:
    Path(os.fsdecode(os.fsencode(source) + b"/caf\xe9")).write_bytes(b"")
    with pytest.raises(UsageError, match="not UTF-8") as error:
        write(source, source.parent / "bag")
    assert "rename" in error.value.remedy and "Links" not in error.value.remedy


# --- words that are accepted, and what is said of others ---


def test_choices_are_taken_by_their_words(source: Path) -> None:
    (source / "empty").mkdir()
    write(source, source.parent / "kept", empty_folders="keep")
    assert (source.parent / "kept/data/empty/.keep").exists()
    with pytest.raises(UsageError, match="empty folders"):
        write(source, source.parent / "bag", empty_folders="refuse")
    assert validate(source.parent / "kept", depth="fast").result().depth is Depth.FAST


def test_a_word_that_is_no_choice_is_refused_at_once_with_the_choices(source: Path) -> None:
    with pytest.raises(UsageError, match="empty_folders cannot be 'discard'") as error:
        write(source, source.parent / "bag", empty_folders="discard")
    assert error.value.remedy == "Choose from 'leave-out', 'keep', 'refuse'."
    with pytest.raises(UsageError, match="depth cannot be 'deep'") as error:
        validate(source, depth="deep")
    assert error.value.remedy == "Choose from 'full', 'completeness-only', 'fast'."


def test_one_algorithm_one_pattern_and_a_mapping_are_taken_as_they_are_meant(source: Path) -> None:
    made = write(source, source.parent / "bag", algorithms="SHA-256", ignore=b"b.*", info={"Contact-Name": "me: I"})
    bag = read(made.bag)
    assert made.algorithms == ("sha256",) and made.file_count == 1 and bag.values("contact-name") == ["me: I"]


@pytest.mark.parametrize("wrong", [{"info": "Foo: bar"}, {"info": {"Foo": 7}}, {"ignore": [7]}, {"algorithms": [7]}])
def test_what_is_no_text_is_refused_with_what_to_write(source: Path, wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError) as error:
        write(source, source.parent / "bag", **wrong)  # type: ignore[arg-type]
    assert error.value.remedy and not (source.parent / "bag").exists()


def test_a_misspelt_algorithm_gets_the_one_that_was_meant_and_few_others(source: Path) -> None:
    with pytest.raises(UsageError, match="no algorithm is called 'sha265'") as error:
        write(source, source.parent / "bag", algorithms="sha265")
    assert error.value.remedy.startswith("Did you mean sha256? The usual ones are sha256, sha512, ")
    assert error.value.remedy.count(",") < 8


# --- reading what is no bag ---


def test_a_plain_folder_is_no_bag_to_read(source: Path) -> None:
    with pytest.raises(UsageError, match=r"bagit\.txt is not in it") as error:
        read(source)
    assert error.value.remedy


def test_a_version_that_cannot_be_read_is_empty(source: Path) -> None:
    bag = Path(os.fsdecode(write(source, source.parent / "bag").bag))
    (bag / "bagit.txt").write_bytes(b"BagIt 1.0\n")
    assert read(bag).version == ""
    (bag / "bagit.txt").write_bytes(b"BagIt-Version: 7.1\nTag-File-Character-Encoding: UTF-8\n")
    assert read(bag).version == "7.1"
