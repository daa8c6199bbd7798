"""Drawing that depends on the width at hand: 80 columns must be as readable as 120."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True, slots=True)
class ByWidth:
    """Renderables that are made when the width (in columns) is known."""

    build: Callable[[int], list[RenderableType]]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        yield from self.build(options.max_width)


def table(*headings: str, right: tuple[str, ...] = ()) -> Table:
    """A table whose cells fold and are never cut: a name that is cut is another name."""
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold", padding=(0, 1))
    for heading in headings:
        if heading in right:
            made.add_column(Text(heading), justify="right", overflow="fold", no_wrap=True)
        else:
            made.add_column(Text(heading), overflow="fold")
    return made
