"""Names and short texts that the settings take."""

import re
import unicodedata

from config.errors import ValueProblem, cut

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", re.ASCII)


def quoted(value: str) -> str:
    """A value of the settings within a sentence: in quotes, of a long one the beginning."""
    return f'"{cut(value)}"'


def checked_name(name: str) -> str:
    """A replica's name, or ValueProblem."""
    if _NAME.fullmatch(name) is None:
        raise ValueProblem(
            f"{quoted(name)} cannot be the name of a replica",
            "use letters (a to z), digits, - and _, at most 64, the first a letter or digit",
        )
    return name


def checked_line(value: str) -> str:
    """Text that will stand on one line of a bag's tag file or a screen, or ValueProblem."""
    if not value.strip() or any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in value):
        raise ValueProblem("this text is empty or has control characters in it", "write it on one line")
    return value
