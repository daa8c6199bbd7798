"""What another tool says of the same bag, beside our own result."""

from collections.abc import Iterator

from rich.padding import Padding
from rich.text import Text

from checks.names import path_fields
from reports.rows import OpinionView
from reports.words import name, visible

_NOT_ASKED = "not asked"
_SHOWN = 20  # differences on a screen; JSON has a thousand


def as_json(view: OpinionView) -> dict[str, object]:
    """`why` is the tool's own message, or why there is no opinion; `more_differences` were counted, not listed."""
    return {
        "tool": view.tool,
        "verdict": view.verdict,
        "agrees": view.agrees if view.had else None,  # nobody who was not asked, or could not say, agrees or differs
        "why": view.why,
        "differences": [
            {**path_fields(each.path), "ours": each.ours, "theirs": each.theirs} for each in view.differences
        ],
        "more_differences": view.more_differences,
        "explanations": list(view.explanations),
    }


def parts(view: OpinionView) -> Iterator[Text | Padding]:
    """A headline, the places where the two differ, and what is known of such differences."""
    title = ("Second opinion", "bold")
    why = f" ({visible(view.why)})" if view.why else ""
    if view.verdict == _NOT_ASKED:
        yield Text.assemble("\n", title, f": {view.tool} was not asked: {visible(view.why)}")
        return
    if not view.had:
        yield Text.assemble("\n", title, f": there is none, {view.tool} {view.verdict}{why}")
        return
    agreed = "the two agree" if view.agrees else "the two differ"
    if view.agrees and view.looked_at:
        agreed += f" for {visible(', '.join(view.looked_at))}"
    yield Text.assemble("\n", title, f": {view.tool} says {view.verdict}{why}; {agreed}")
    for each in view.differences[:_SHOWN]:
        where = name(each.path) or "the bag"
        line = Text(f"{where}: ours {visible(each.ours)}; theirs {visible(each.theirs)}")
        yield Padding(line, (0, 0, 0, 2), expand=False)
    more = view.more_differences + len(view.differences[_SHOWN:])
    if more:
        yield Text(f"  and {more:,} more", "dim")
    for sentence in view.explanations:
        yield Padding(Text(visible(sentence), "dim"), (0, 0, 0, 2), expand=False)
