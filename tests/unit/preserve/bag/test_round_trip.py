"""Any tree of UTF-8 names becomes a bag that is valid for us and for the reference, and its bags are valid for us."""

import os
import tempfile
import unicodedata
from pathlib import Path

import bagit
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.evidence import Outcome
from preserve.bag.codes import Code
from preserve.bag.making.request import BagRequest
from preserve.bag.making.writing import write_bag
from preserve.bag.validating.validation import validate

INFO: tuple[tuple[str, str | None], ...] = (("Bagging-Date", None), ("Payload-Oxum", None), ("Package-UUID", None))
_PART = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12
) | st.sampled_from(
    ["a\nb", "a\rb", "%0A", "100%", "x ", " x", "ខ្មែរ", unicodedata.normalize("NFD", "é"), "é", "*", "data"]
)
_PATH = st.lists(_PART.filter(lambda part: part not in (".", "..")), min_size=1, max_size=3).map("/".join)
_TREE = st.dictionaries(_PATH, st.binary(max_size=50), max_size=8)
_OFTEN = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _plant(folder: Path, tree: dict[str, bytes]) -> dict[str, bytes]:
    """Writes what of the tree can stand side by side; returns that."""
    planted: dict[str, bytes] = {}
    for name, content in tree.items():
        path = folder / name
        if len(os.fsencode(path.name)) > 255 or name == "bagit.txt" or name.split("/")[0] == ".preserve-bagging":
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except (FileExistsError, NotADirectoryError, IsADirectoryError):
            continue
        planted[name] = content
    return planted


def _content(folder: Path) -> dict[str, bytes]:
    return {os.path.relpath(path, folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _reference_can_read(tree: dict[str, bytes]) -> bool:
    """Names that bagit-python can carry: it strips lines, ends them at every Unicode line end, folds twins to one."""
    forms = {unicodedata.normalize("NFC", name) for name in tree}
    plain = all(len(f"x {name}\n".replace("\n", "", 1).splitlines()) == 1 for name in tree if "\r" not in name)
    return (
        plain
        and len(forms) == len(tree)
        and all(
            name == name.strip()
            and "%" not in name
            and not set(name) & set("\n\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029")
            and not name.startswith(("*", "~"))
            for name in tree
        )
    )


_OF_NAMES = {Code.NAMES_DIFFER_IN_CASE, Code.NAMES_DIFFER_IN_FORM, Code.NAMES_NOT_PORTABLE, Code.SYSTEM_FILES}


@_OFTEN
@given(_TREE, st.booleans())
def test_any_tree_becomes_a_valid_bag(tree: dict[str, bytes], in_place: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "source"
        source.mkdir()
        planted = _plant(source, tree)
        target = None if in_place else os.fsencode(Path(folder) / "bag")
        made = write_bag(BagRequest(sources=(os.fsencode(source),), target=target, info=INFO))
        bag = Path(os.fsdecode(made.bag))
        found = validate(made.bag)
        assert found.outcome is Outcome.PASS and {finding.code for finding in found.findings} <= _OF_NAMES
        assert _content(bag / "data") == planted and found.payload.good == len(planted)
        if planted and _reference_can_read(planted):
            assert bagit.Bag(str(bag)).validate()


@_OFTEN
@given(_TREE)
def test_the_references_bags_of_version_0_97_are_valid_for_us(tree: dict[str, bytes]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        planted = _plant(Path(folder), tree)
        if not planted or not _reference_can_read(planted):
            return
        bagit.make_bag(folder, checksums=["sha256", "md5"])
        found = validate(os.fsencode(folder))
        assert found.outcome is Outcome.PASS and found.version == "0.97" and found.payload.good == len(planted)
