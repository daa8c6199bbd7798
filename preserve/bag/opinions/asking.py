"""Asks bagit-python about one bag, in a process of its own: it may fall, hang or eat memory here without harm.

Run by its path, never imported by us: it needs the standard library and `bagit`, nothing else. What it is asked comes
as one JSON argument; the answer is one JSON document on standard output. Standard input is a pipe that nobody writes
to: its end says that whoever asked is gone.
"""

import json
import logging
import os
import resource
import stat
import sys
import threading
from collections.abc import Iterator
from typing import Any

_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_FORBIDDEN = (  # audit events: whatever writes, starts something, or speaks to a network
    "ctypes.",
    "os.chmod",
    "os.chown",
    "os.exec",
    "os.fork",
    "os.link",
    "os.mkdir",
    "os.posix_spawn",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.symlink",
    "os.system",
    "os.truncate",
    "os.utime",
    "shutil.",
    "socket.",
    "subprocess.",
    "urllib.",
)
_MESSAGE_CHARACTERS = 2_000
_SAID_CHARACTERS = 1 << 24  # of all paths that are told


class RefusedError(Exception):
    """bagit-python was about to do what it must not do here."""


def main() -> None:
    """Answers with `verdict` (valid, invalid, could not say), `error`, `message`, `ran`, `said`, `more`, `algorithms`.

    `ran` names the stages that were begun: oxum, completeness, contents. `said` has a triple for each file that was
    named, in order of path: path, class, and whether the file could not be read; `more` were named after these.
    """
    asked = json.loads(sys.argv[1])
    threading.Thread(target=_end_with_whoever_asked, daemon=True).start()
    sys.path.extend(asked["paths"])
    _limit(resource.RLIMIT_AS, asked["memory_bytes"])
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, 0)
    logging.disable()
    answer: dict[str, object] = {"verdict": "could not say", "ran": [], "said": [], "more": 0, "algorithms": []}
    try:
        _ask(asked, answer)
    except BaseException as error:  # noqa: BLE001 - anything may come out, and it is the answer
        answer |= {"error": type(error).__name__, "message": _text(error)}
    json.dump(answer, sys.stdout)
    sys.stdout.flush()


def _ask(asked: "dict[str, Any]", answer: "dict[str, object]") -> None:
    import bagit

    ran: list[str] = []

    class Watched(bagit.Bag):  # type: ignore[misc]
        """Remembers which stages were begun: bagit-python stops at the first one with a fault."""

        def _validate_oxum(self) -> None:
            ran.append("oxum")
            super()._validate_oxum()

        def _validate_completeness(self) -> None:
            ran.append("completeness")
            super()._validate_completeness()

        def _validate_entries(self, processes: int) -> None:
            ran.append("contents")
            super()._validate_entries(processes)

    answer["ran"] = ran
    sys.addaudithook(_guard)
    try:
        bag = Watched(asked["bag"])
        answer["algorithms"] = [str(algorithm) for algorithm in bag.algorithms]
        if asked["fast"] and not bag.has_oxum():
            answer |= {"error": "", "message": "its fast check needs a Payload-Oxum, and bag-info.txt has none"}
            return
        bag.validate(fast=asked["fast"], completeness_only=asked["completeness_only"])
    except bagit.BagError as error:
        answer |= {"verdict": "invalid", "error": type(error).__name__, "message": _text(error)}
        if isinstance(error, bagit.BagValidationError):
            answer["message"] = str(error.message)[:_MESSAGE_CHARACTERS]
            said = sorted(_said(error.details), key=_order)
            kept = list(_first(said, asked["statements"]))
            answer |= {"said": kept, "more": len(said) - len(kept)}
    else:
        answer |= {"verdict": "valid", "error": "", "message": ""}


def _limit(what: int, value: int) -> None:
    """No higher than what is allowed already."""
    _, allowed = resource.getrlimit(what)
    least = value if allowed == resource.RLIM_INFINITY else min(value, allowed)
    resource.setrlimit(what, (least, least))


def _said(details: "list[object]") -> Iterator[tuple[str, str, bool]]:
    for detail in details:
        digest = getattr(detail, "found", None)
        unread = digest is not None and not all(letter in "0123456789abcdef" for letter in str(digest))
        yield str(getattr(detail, "path", "")), type(detail).__name__, unread


def _order(statement: "tuple[str, str, bool]") -> "tuple[bytes, str]":
    """Bytewise order of path, as whoever asked compares them."""
    path, kind, _ = statement
    try:
        return path.encode("utf-8", "surrogateescape"), kind
    except UnicodeEncodeError:
        return path.encode("utf-8", "backslashreplace"), kind


def _first(said: "list[tuple[str, str, bool]]", limit: int) -> "Iterator[tuple[str, str, bool]]":
    characters = 0
    for statement in said[:limit]:
        characters += len(statement[0])
        if characters > _SAID_CHARACTERS:
            return
        yield statement


def _text(error: BaseException) -> str:
    try:
        return str(error)[:_MESSAGE_CHARACTERS]
    except Exception:  # noqa: BLE001 - an error that cannot even be told
        return ""


def _guard(event: str, arguments: "tuple[object, ...]") -> None:
    """Nothing is written, and nothing is opened that could block."""
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & _WRITING:
            raise RefusedError("it wanted to write to a file")
        if isinstance(path, str | bytes) and _blocks(path):
            raise RefusedError("it wanted to open something that is neither a file nor a folder")
    elif event.startswith(_FORBIDDEN):
        raise RefusedError(f"it wanted to do what it must not do here: {event}")


def _blocks(path: str | bytes) -> bool:
    try:
        mode = os.stat(path).st_mode
    except (OSError, ValueError):
        return False  # opening it tells
    return not stat.S_ISREG(mode) and not stat.S_ISDIR(mode)


def _end_with_whoever_asked() -> None:
    while True:
        try:
            if not os.read(0, 1):
                break
        except OSError:
            break
    os._exit(3)


if __name__ == "__main__":
    main()
