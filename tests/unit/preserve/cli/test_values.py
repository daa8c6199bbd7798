"""What options accept: only what the catalog can hold, with a clear refusal of everything else."""

from collections.abc import Callable

import pytest
import rich_click as click
from hypothesis import given
from hypothesis import strategies as st

from preserve.cli.values import as_identifier, as_number, as_size, as_text

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("1", 1),
        ("200GB", 200 * 10**9),
        ("1.5 kB", 1500),
        ("2M", 2_000_000),
        (str(LARGEST), LARGEST),
        ("9TB", 9 * 10**12),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert as_size(text) == size


@pytest.mark.parametrize(
    ("convert", "refused"),
    [
        (
            as_size,
            ["", "0", "0.5", "-1", "lots", "1PB", "9" * 400 + "TB", "9" * 9999, str(LARGEST + 1), "٣GB", "\udcff"],
        ),
        (as_number, ["", "0", "-1", "1.0", "1e3", "1_0", "٣", " 1", str(LARGEST + 1), "9" * 9999, "\udcff"]),
        (as_text, ["\udcff", "a\udc80b"]),
        (as_identifier, ["", " ", "\udcff", "a\nb", "a\0", "\x1b[31m", "\x7f", "a\u2028b", "x" * 256, "é" * 128]),
    ],
)
def test_what_is_refused(convert: Callable[[str], object], refused: list[str]) -> None:
    for text in refused:
        with pytest.raises(click.BadParameter):
            convert(text)


@given(st.integers(1, LARGEST))
def test_numbers(number: int) -> None:
    assert as_number(str(number)) == as_number(number) == as_number(f"0{number}") == as_size(f"{number}B") == number


@pytest.mark.parametrize("text", ["box-1", "ទំព័រ 1", "x" * 255, "é" * 127])
def test_identifiers(text: str) -> None:
    assert as_identifier(text) == as_text(text) == text


def test_a_name_that_is_looked_for_may_be_odd() -> None:
    assert as_text("a\nb" + "x" * 999).startswith("a\n")  # catalogs hold such identifiers; they must be found
