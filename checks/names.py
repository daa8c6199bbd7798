"""Names of files are bytes: how they are shown, put into JSON, and when two of them are the same name."""

import base64
import unicodedata
from collections.abc import Iterable, Mapping

_MADE_VISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def show(path: bytes) -> str:
    """A path for people: Khmer stays readable; control, format and bidi characters become codes.

    Bytes that are not UTF-8 become `\\xNN`. Nothing in the result can move a terminal's cursor. ZERO WIDTH SPACE,
    which Khmer uses between words, is shown as a code too: it tells look-alike names apart.
    """
    text = path.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:  # none of the categories made visible; most names, and much faster
        return text
    return "".join(_show_character(character) for character in text)


def _show_character(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    if character == "\\":
        return "\\\\"
    if unicodedata.category(character) in _MADE_VISIBLE:
        point = ord(character)
        return f"\\x{point:02x}" if point < 0x80 else f"\\u{point:04x}" if point <= 0xFFFF else f"\\U{point:08x}"
    return character


def path_fields(path: bytes | None) -> dict[str, str | None]:
    """The JSON fields of a path: `path`, and `path_base64` beside it where the name is not UTF-8."""
    if path is None:
        return {"path": None}
    try:
        return {"path": path.decode("utf-8")}
    except UnicodeDecodeError:
        return {"path": show(path), "path_base64": base64.b64encode(path).decode("ascii")}


def path_from_fields(fields: Mapping[str, object]) -> bytes | None:
    """The inverse of `path_fields`."""
    encoded = fields.get("path_base64")
    if isinstance(encoded, str):
        return base64.b64decode(encoded)
    path = fields.get("path")
    return path.encode("utf-8") if isinstance(path, str) else None


def canonical(path: bytes) -> bytes:
    """The canonical (NFC) form of a UTF-8 name; bytes that are not UTF-8 are their own canonical form."""
    if path.isascii():
        return path
    try:
        return unicodedata.normalize("NFC", path.decode("utf-8")).encode("utf-8")
    except UnicodeDecodeError:
        return path


def pair_by_normalisation(wanted: Iterable[bytes], offered: Iterable[bytes]) -> dict[bytes, bytes]:
    """Pairs names that have no byte match with their canonical equivalents on disk.

    Args:
        wanted: expected names that were not found as bytes.
        offered: names found that are not expected as bytes.

    Returns:
        expected name -> name on disk, only where exactly one of each has that canonical form. Twins (both spellings
        wanted, or both offered) never match this way.
    """
    wanted_by_form = _group(wanted)
    offered_by_form = _group(offered)
    return {
        names[0]: offered_by_form[form][0]
        for form, names in wanted_by_form.items()
        if len(names) == 1 and len(offered_by_form.get(form, ())) == 1
    }


def _group(names: Iterable[bytes]) -> dict[bytes, list[bytes]]:
    groups: dict[bytes, list[bytes]] = {}
    for name in names:
        groups.setdefault(canonical(name), []).append(name)
    return groups
