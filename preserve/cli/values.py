"""What options accept (`type=`): numbers and texts that the catalog can hold, sizes with their unit.

Arguments that are not UTF-8 come as lone surrogates; paths may be such, what is stored as text may not.
"""

import os
import re
import unicodedata
from decimal import Decimal

import rich_click as click


class PlaceType(click.Path):
    """A path, as bytes; not an empty one, which an unset variable of a shell makes and which would mean this folder.

    Whether it can be read is found out by reading it: not being able to is no mistake in the command.
    """

    def __init__(self) -> None:
        super().__init__(path_type=bytes, readable=False)

    def convert(
        self, value: str | os.PathLike[str], param: click.Parameter | None, ctx: click.Context | None
    ) -> str | bytes | os.PathLike[str]:
        """BadParameter for an empty one."""
        if not os.fsencode(value):
            self.fail("it is empty; '.' means the current folder", param, ctx)
        return super().convert(value, param, ctx)


PLACE = PlaceType()
_LARGEST = 2**63 - 1  # SQLite's integers
_LONGEST_BYTES = 255
_BREAKING = {"Cc", "Zl", "Zp"}
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def as_number(value: str | int) -> int:
    """A whole number from 1."""
    match = re.fullmatch("0*([1-9][0-9]{,18})", str(value))
    if match is None or int(match[1]) > _LARGEST:
        raise click.BadParameter(f"{value!s} is no whole number from 1 to {_LARGEST}")
    return int(match[1])


def as_size(value: str) -> int:
    """`200GB`, in bytes."""
    match = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([kKMGT]?)B?\s*", value)
    if match is None:
        raise click.BadParameter(f"{value!r} is no size; write it like 200GB or 500MB")
    number = Decimal(match[1]) * _UNITS[match[2].upper()]
    if number < 1:
        raise click.BadParameter("a size must be more than nothing")
    if number > _LARGEST:
        raise click.BadParameter(f"a size can be at most {_LARGEST:,} bytes")
    return int(number)


def as_text(value: str) -> str:
    """Any text that is UTF-8, such as a name that is looked for."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise click.BadParameter(f"{value!r} is not UTF-8") from None
    return value


def as_identifier(value: str) -> str:
    """A text that is to be a name: not empty, in one line, of a length that every file system takes."""
    length = len(as_text(value).encode())
    if not value.strip():
        raise click.BadParameter("it must not be empty")
    if any(unicodedata.category(character) in _BREAKING for character in value):
        raise click.BadParameter(f"{value!r} has a line break or a control character")
    if length > _LONGEST_BYTES:
        raise click.BadParameter(f"it has {length} bytes; at most {_LONGEST_BYTES} can be kept")
    return value
