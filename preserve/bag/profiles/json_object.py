"""The JSON of a BagIt profile, read with every surprise answered: its fields by name, type and place."""

import json
import os
import re
import stat as modes
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches

from checks.names import show
from preserve.errors import UndeterminedError, UsageError

LIMIT_BYTES = 4 << 20
_LIST_LIMIT = 10_000  # entries of one list
_TEXT_LIMIT = 4096  # characters of one entry
_URL = re.compile(rb"[A-Za-z][A-Za-z0-9+.-]*:/")
_CONTROL = re.compile("[\x00-\x1f\x7f]")
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


def shown(text: str, limit: int = 200) -> str:
    """A text of a profile or a bag for people; long ones are cut."""
    cut = text if len(text) <= limit else text[:limit] + "…"
    return show(cut.encode("utf-8", "backslashreplace"))


@dataclass(frozen=True, slots=True)
class Fields:
    """One object of the profile. `place` is where it stands, such as `Bag-Info › Contact-Name`."""

    file: bytes
    place: str
    content: Mapping[str, object]
    unknown: list[str] = field(default_factory=list)  # one list for the whole profile

    def fault(self, key: str, what: str, remedy: str) -> UsageError:
        """Says what is wrong with one key of the profile."""
        where = " › ".join(part for part in (self.place, shown(key)) if part)
        return UsageError(f"{show(self.file)}: {where}: {what}", remedy=remedy)

    def boolean(self, key: str, *, default: bool) -> bool:
        """True or false."""
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(key, value, "true or false", "Write true or false, without quotation marks.")
        return value

    def text(self, key: str, *, needed: bool = False) -> str:
        """One text; empty if it is not there and not needed."""
        value = self.content.get(key, "")
        if not isinstance(value, str):
            raise self._wrong(key, value, "text", f'Write "{key}": "…".')
        if needed and not value.strip():
            raise self.fault(key, "is not there, and every profile must have it", f'Add "{key}": "…" to the profile.')
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, each once; None if it is not there."""
        if key not in self.content:
            return None
        value = self.content[key]
        if not isinstance(value, list):
            raise self._wrong(key, value, "a list", f'Write "{key}": ["…", "…"].')
        if len(value) > _LIST_LIMIT:
            raise self.fault(key, f"has {len(value)} entries", f"At most {_LIST_LIMIT:,} can be checked.")
        for entry in value:
            if not isinstance(entry, str):
                raise self._wrong(key, entry, "a list of texts", 'Put each entry into quotation marks: "1.0", not 1.0.')
            if len(entry) > _TEXT_LIMIT:
                raise self.fault(key, "has an entry that is too long", f"At most {_TEXT_LIMIT:,} characters can be.")
        return tuple(dict.fromkeys(value))

    def within(self, key: str, place: str | None = None) -> "Fields | None":
        """The object under a key; None if it is not there."""
        if key not in self.content:
            return None
        value = self.content[key]
        if not isinstance(value, dict):
            raise self._wrong(key, value, "an object", f'Write "{shown(key)}": {{ … }}.')
        return Fields(self.file, f"{self.place} › {shown(key)}" if self.place else shown(key), value, self.unknown)

    def expect(self, known: Sequence[str]) -> None:
        """Refuses a key that looks like a known one misspelt; notes other unknown ones, which nothing checks."""
        for key in self.content:
            if key in known:
                continue
            meant = next((name for name in known if name.lower() == key.lower()), None)
            close = [meant] if meant else get_close_matches(key[:_TEXT_LIMIT], known, n=1, cutoff=0.85)
            if close:
                raise self.fault(key, "is not a key of BagIt Profiles", f"Did you mean {close[0]}?")
            self.unknown.append(f"{self.place} › {shown(key)}" if self.place else shown(key))

    def _wrong(self, key: str, value: object, wanted: str, remedy: str) -> UsageError:
        return self.fault(key, f"must be {wanted}, not {_KINDS.get(type(value), 'a number')}", remedy)


def is_one_line(text: str) -> bool:
    """Whether it can stand in one line of a tag file."""
    return _CONTROL.search(text) is None


def document(path: bytes) -> Fields:
    """The profile's outermost object.

    Raises:
        UsageError: `path` is a URL, no file, too large, not JSON or not an object.
        UndeterminedError: the file is there and cannot be read.
    """
    if _URL.match(path):
        raise UsageError(
            f"{show(path)}: a profile is read from a file; this program never reaches for a URL",
            remedy="Download it first, look at it, and name the file: --profile FILE.",
        )
    content = _content(path)
    try:
        # A byte-order mark may be passed over (RFC 8259 §8.1).
        value = json.loads(content.decode("utf-8-sig"), object_pairs_hook=_once, parse_constant=_refuse)
    except UnicodeError as error:
        raise _not_json(path, "it is not UTF-8") from error
    except RecursionError as error:
        raise _not_json(path, "it is nested too deeply") from error
    except json.JSONDecodeError as error:
        raise _not_json(path, f"line {error.lineno}, column {error.colno}: {error.msg}") from error
    except ValueError as error:  # a key twice, NaN, a number of thousands of digits
        raise _not_json(path, str(error)) from error
    if not isinstance(value, dict):
        raise _not_json(path, "it is not an object, { … }")
    return Fields(path, "", value)


def _content(path: bytes) -> bytes:
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            if not modes.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UsageError(f"{show(path)}: not a regular file", remedy="Name the profile's JSON file.")
            content = file.read(LIMIT_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise UsageError(f"{show(path)}: there is no such profile", remedy="Name the profile's JSON file.") from error
    except IsADirectoryError as error:
        raise UsageError(f"{show(path)}: not a regular file", remedy="Name the profile's JSON file.") from error
    except OSError as error:
        raise UndeterminedError(f"{show(path)}: the profile cannot be read ({error.strerror})") from error
    if len(content) > LIMIT_BYTES:
        raise UsageError(f"{show(path)}: larger than {LIMIT_BYTES:,} bytes", remedy="No profile is that large.")
    return content


def _not_json(path: bytes, why: str) -> UsageError:
    return UsageError(
        f"{show(path)}: not a BagIt profile: {why}",
        remedy="Compare it with the published profile; a web page saved by a browser is not the JSON itself.",
    )


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """An object of which every key stands once; texts are such as can be written in UTF-8."""
    for text in _texts(pairs):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError(f"half of a surrogate pair in '{shown(text)}'") from None
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key '{shown(twice)}' stands twice in one object")
    return found


def _texts(pairs: list[tuple[str, object]]) -> Iterator[str]:
    for key, value in pairs:
        yield key
        for each in value if isinstance(value, list) else [value]:
            if isinstance(each, str):
                yield each


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")
