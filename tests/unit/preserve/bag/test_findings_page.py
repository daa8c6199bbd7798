"""The page docs/findings.md and the tables of codes that it is made from."""

import re
import runpy
from pathlib import Path

import pytest
from click import Group

from checks import findings as audits
from checks.evidence import Evidence, Outcome
from preserve.bag import Depth
from preserve.bag import codes as bags
from preserve.cli.lazy import LazyGroup
from preserve.cli.main import preserve_command

ROOT = Path(__file__).resolve().parents[4]
PAGE = runpy.run_path(str(ROOT / "docs/findings.py"), run_name="findings")
STATUSES = {Outcome.PASS: 0, Outcome.FAIL: 1, Outcome.INCONCLUSIVE: 3}
TEXT: str = PAGE["page"]()

every_code = pytest.mark.parametrize(
    "meaning",
    [*bags.MEANINGS.values(), *audits.MEANINGS.values()],
    ids=[*bags.MEANINGS, *(f"audit-{code}" for code in audits.MEANINGS)],
)


def test_the_page_is_up_to_date() -> None:
    written = (ROOT / "docs/findings.md").read_text(encoding="utf-8")
    assert written == TEXT, "run `python docs/findings.py`"


def test_every_good_verdict_and_word_of_evidence_is_explained() -> None:
    for word in (*(depth.good for depth in Depth), *(evidence.label for evidence in Evidence)):
        assert f"`{word}`" in TEXT


def test_every_code_stands_in_its_table() -> None:
    assert set(bags.MEANINGS) == set(bags.Code)
    assert set(audits.MEANINGS) == set(audits.Code)


@every_code
def test_every_code_has_a_sentence_and_a_remedy(meaning: bags.Meaning | audits.Meaning) -> None:
    assert meaning.sentence and not meaning.sentence.endswith(".")
    assert meaning.remedy[:1].isupper() or meaning.remedy.startswith("`preserve ")
    assert meaning.remedy.endswith((".", "'."))


def test_every_code_has_a_section_with_its_own_anchor() -> None:
    anchors = re.findall(r'<a id="([^"]+)"></a>\n### `([^`]+)`', TEXT)
    of_bags = [(str(code), str(code)) for code in sorted(bags.Code)]
    of_audits = [(f"audit-{code}", str(code)) for code in sorted(audits.Code)]
    assert anchors == of_bags + of_audits
    assert set(re.findall(r"\(#([^)]+)\)", TEXT)) == {anchor for anchor, _ in anchors}


def test_every_section_exists_in_the_rfc() -> None:
    assert {meaning.section for meaning in bags.MEANINGS.values()} - {""} <= set(PAGE["SECTIONS"])
    links = set(re.findall(r"rfc8493#section-([0-9.]+)", TEXT))
    assert links == {meaning.section for meaning in bags.MEANINGS.values()} - {""}


def test_the_exit_status_told_is_that_of_the_outcome() -> None:
    for code, meaning in bags.MEANINGS.items():
        told = TEXT.split(f'<a id="{code}"></a>')[1].split("\n\n")[1]
        assert f"exit status {STATUSES[meaning.outcome]}" in told
        assert told.startswith(f"*{meaning.severity};")


def test_the_commands_and_options_that_are_named_exist() -> None:
    assert isinstance(preserve_command, LazyGroup)
    named = re.findall(r"`preserve ([a-z-]+)([^`]*)`", TEXT)
    for name, rest in named:
        command = preserve_command.lazy[name].load()
        below = command.commands.values() if isinstance(command, Group) else []
        options = {option for known in [command, *below] for parameter in known.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= options, name
