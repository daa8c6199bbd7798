"""What people and programs see: data on standard output, everything else on standard error.

Names come from disks and may hold anything: nothing here interprets markup, and control and bidi characters become
visible codes before they reach a terminal.
"""

import io
import json
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, BinaryIO

import click

from preserve.cli import signals
from preserve.cli.options import Invocation

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_FILE_WIDTH = 120  # columns where the output is no terminal and COLUMNS is not set
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
# Allowed raw in JSON, but moves a terminal's cursor or the reader's eye; only found inside strings.
_UNSAFE_IN_JSON = re.compile("[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def plain(text: str) -> str:
    """A message as it may be shown: line breaks stay, other control and bidi characters become codes."""
    return "".join(character if character == "\n" else _visible(character) for character in text)


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _UNSAFE:
        return character
    point = ord(character)
    if 0xDC80 <= point <= 0xDCFF:  # a byte of a name that is not UTF-8
        return f"\\x{point - 0xDC00:02x}"
    return f"\\x{point:02x}" if point < 0x80 else f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"


def console(stream: IO[str] | None = None) -> "Console":
    """A console on that stream (standard output if none) that takes text as it is."""
    from rich.console import Console

    class Piped(Console):
        def on_broken_pipe(self) -> None:
            """Rich would end the process here, with a status that means damage."""
            raise BrokenPipeError

    stream = sys.stdout if stream is None else stream
    reconfigure = getattr(stream, "reconfigure", None)
    if reconfigure is not None:
        reconfigure(errors="backslashreplace")  # a terminal that is not UTF-8 still shows something
    width = None if stream.isatty() or "COLUMNS" in os.environ else _FILE_WIDTH
    return Piped(file=stream, markup=False, highlight=False, emoji=False, width=width)


def show(renderable: "RenderableType") -> None:
    """Prints a report on standard output. If the reader has gone (`| head`), the rest goes nowhere."""
    try:
        console().print(renderable)
        sys.stdout.flush()
    except BrokenPipeError:
        _quiet()


def show_each(renderables: "Iterable[RenderableType]") -> None:
    """Prints a report piece by piece: of a long one, never all is in memory. See `show`."""
    try:
        shown = console()
        for renderable in renderables:
            text = None if shown.is_terminal else _unwrapped(renderable)
            if text is None:
                shown.print(renderable)
            else:
                sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        _quiet()


def _unwrapped(renderable: "RenderableType") -> str | None:
    """Text for a file or a pipe: whoever searches it wants whole paths in one line. None if it is no plain text."""
    from rich.padding import Padding
    from rich.text import Text

    if isinstance(renderable, Text):
        return renderable.plain
    if isinstance(renderable, Padding) and isinstance(renderable.renderable, Text):
        margin = " " * renderable.left
        return margin + renderable.renderable.plain.replace("\n", "\n" + margin)
    return None


def write_report(path: Path, content: "Mapping[str, object] | RenderableType") -> None:
    """A report as a new file, durably: JSON for a mapping, else plain text. Makes the folder.

    Raises:
        UsageError: something is there already. Nothing is written over, least of all what an archive keeps.
    """
    from preserve.errors import UsageError
    from preserve.stores.durable import write_durably, writing

    if os.path.lexists(path):
        raise UsageError(f"{path} is there already", remedy="Choose another name, or move it away first.")

    if isinstance(content, Mapping):
        text = _json(content) + "\n"
    else:
        stream = io.StringIO()
        console(stream).print(content)
        text = stream.getvalue()
    with writing(os.fsencode(path)):
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        write_durably(os.fsencode(path.absolute()), "\n".join(map(str.rstrip, text.split("\n"))).encode("utf-8"))


def _json(document: Mapping[str, object]) -> str:
    text = json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False)
    return _UNSAFE_IN_JSON.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    return f"\\u{ord(match[0]):04x}"


def _pieces(document: Mapping[str, object], key: str, items: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The document's text with a list as its last value, of which one item at a time is in memory."""
    yield _json(document).removesuffix("\n}") + f',\n  "{key}": ['
    first = between = "\n    "
    for item in items:
        text = json.dumps(item, ensure_ascii=False, allow_nan=False)
        yield between + _UNSAFE_IN_JSON.sub(_escaped, text)
        between = ",\n    "
    yield "]\n}" if between is first else "\n  ]\n}"


def print_json(
    document: Mapping[str, object], key: str | None = None, items: Iterable[Mapping[str, object]] = ()
) -> None:
    """The one JSON document of a run, as UTF-8 with a newline at its end.

    With `key`, a last value is added to it: the list of `items`, which is never held as a whole.
    """
    pieces = iter((_json(document),)) if key is None else _pieces(document, key, items)
    first = next(pieces)
    context = click.get_current_context(silent=True)
    invocation = None if context is None else context.find_object(Invocation)
    if invocation is not None:
        invocation.answered = True
    signals.STATE.held = signals.STATE.answered = True
    try:
        sys.stdout.flush()
        for piece in chain((first,), pieces, ("\n",)):
            sys.stdout.buffer.write(piece.encode("utf-8", "backslashreplace"))
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _quiet()


def stream(write: Callable[[BinaryIO], object]) -> None:
    """Lets something write bytes to standard output as they come. If the reader has gone, that is no error."""
    try:
        sys.stdout.flush()
        write(sys.stdout.buffer)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        _quiet()


def error(message: str, remedy: str = "") -> None:
    """What went wrong, and below it what can be done."""
    _tell("error: ", "bold red", message, remedy)


def warning(message: str, remedy: str = "") -> None:
    """Something to know that changes no exit status."""
    _tell("warning: ", "bold yellow", message, remedy)


def note(message: str) -> None:
    """One line about how the work goes."""
    _tell("", "", message, "")


def _tell(word: str, style: str, message: str, remedy: str) -> None:
    from rich.text import Text

    text = Text.assemble((word, style), plain(message))
    if remedy:
        text.append(f"\n{' ' * len(word)}{plain(remedy)}", "dim")
    # Soft wrap: a path that is broken over two lines cannot be copied.
    with suppress(OSError):  # full, or its reader has gone: nobody can be told; the work goes on, and its status tells
        console(sys.stderr).print(text, soft_wrap=True)


def _quiet() -> None:
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())
