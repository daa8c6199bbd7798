"""Whatever bytes an archive is made of, there is a verdict or an error of ours, and nothing else."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from preserve.bag.validating.validation import validate
from preserve.errors import PreserveError
from tests.unit.preserve.bag.serialised import tar, zipped

ARCHIVES = {
    "bag.tar": tar(),
    "bag.tar.gz": tar(mode="w:gz"),
    "bag.tar.bz2": tar(mode="w:bz2"),
    "bag.tar.xz": tar(mode="w:xz"),
    "bag.zip": zipped(),
    "deep.zip": zipped(method=14),
}
INTERESTING = [b"\0", b"\xff", b"7", b"/", b"..", b"x", b"L", b"S", b"\x80" + b"\xff" * 11, b"\xff" * 4, b"\0" * 512]


@st.composite
def damage(draw: st.DrawFn) -> tuple[list[tuple[float, bytes]], float]:
    """Where to write over what, and where to cut, both as a part of the length."""
    changes = st.tuples(st.floats(0, 1), st.one_of(st.sampled_from(INTERESTING), st.binary(min_size=1, max_size=8)))
    return draw(st.lists(changes, min_size=1, max_size=6)), draw(st.sampled_from([1.0, 1.0, 0.99, 0.7, 0.3]))


@pytest.mark.parametrize("name", ARCHIVES)
@given(harm=damage())
@example(harm=([(0.0, b"\0")], 1.0))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_damaged_archives_end_in_findings(name: str, harm: tuple[list[tuple[float, bytes]], float]) -> None:
    content = bytearray(ARCHIVES[name])
    changes, end = harm
    for place, new in changes:
        at = int(place * (len(content) - 1))
        content[at : at + len(new)] = new
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content[: int(len(content) * end)])
        try:
            result = validate(os.fsencode(path))
        except PreserveError:
            return
        assert all(finding.message for finding in result.findings)
        assert [each.name for each in Path(folder).iterdir()] == [name]


@given(content=st.binary(max_size=2000), name=st.sampled_from(list(ARCHIVES)))
@settings(max_examples=100, deadline=None)
def test_bytes_that_mean_nothing_end_in_findings(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        result = validate(os.fsencode(path))
        assert result.verdict in {"not a bag", "invalid", "not judged"}
