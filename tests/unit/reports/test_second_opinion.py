"""Another tool's opinion, as text and as JSON."""

from io import StringIO
from typing import Any

from rich.console import Console

from reports import second_opinion
from reports.rows import DifferenceLine, OpinionView

DIFFERS = OpinionView(
    tool="bagit-python 1.9.0",
    verdict="valid",
    had=True,
    agrees=False,
    differences=(DifferenceLine(b"data/\xff", "wrong-kind", "nothing"), DifferenceLine(None, "invalid", "valid")),
    more_differences=7,
    explanations=("It is known.",),
)


def text(view: OpinionView) -> str:
    console = Console(file=StringIO(), width=200)
    for part in second_opinion.parts(view):
        console.print(part)
    file = console.file
    assert isinstance(file, StringIO)
    return file.getvalue()


def test_differences_are_told_with_both_words_and_the_rest_is_counted() -> None:
    told = text(DIFFERS)
    assert "bagit-python 1.9.0 says valid; the two differ" in told
    assert "data/\\xff: ours wrong-kind; theirs nothing" in told
    assert "the bag: ours invalid; theirs valid" in told
    assert "and 7 more" in told and "It is known." in told


def test_a_long_list_is_cut_on_a_screen_only() -> None:
    many = tuple(DifferenceLine(b"data/%d" % number, "nothing", "missing") for number in range(50))
    view = OpinionView(tool="t", verdict="invalid", had=True, agrees=False, differences=many, more_differences=1)
    assert "and 31 more" in text(view)
    told = second_opinion.as_json(view)["differences"]
    assert isinstance(told, list) and len(told) == 50


def test_where_there_is_none_it_says_why_and_speaks_of_no_agreement() -> None:
    view = OpinionView(tool="t", verdict="not asked", had=False, agrees=False, why="it is asked about folders only")
    told = text(view)
    assert "t was not asked: it is asked about folders only" in told and second_opinion.as_json(view)["agrees"] is None
    assert "agree" not in told and "differ" not in told


def test_names_that_are_not_utf8_are_in_json_twice() -> None:
    differences: Any = second_opinion.as_json(DIFFERS)["differences"]
    first, second = differences
    assert first["path_base64"] == "ZGF0YS//" and first["path"] == "data/\\xff"
    assert second["path"] is None and "path_base64" not in second
