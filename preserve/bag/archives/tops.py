"""What stands at the top of an archive where one folder should, told so that it can be mended."""

from collections.abc import Sequence

from checks.names import show

_SHOWN = 5
_OF_MACOS = b"__MACOSX/"


def entries(names: Sequence[bytes], bags: Sequence[bytes]) -> str:
    """The entries, the first of them by name, those that are bags, and what is known of such archives.

    Args:
        names: in order; a folder's ends in `/`.
        bags: those of the folders that hold bagit.txt, without the `/`.
    """
    told = f"{len(names):,} entries ({_first(names)}), "
    if len(bags) > 1:
        told += f"{len(bags):,} of them bags ({_first(bags)}), of which none was judged"
    else:
        told += f"one of them a bag ({_first(bags)})" if bags else "none of them a bag"
    if any(b"\\" in name for name in names):
        told += "; names have backslashes where slashes should part the folders, as some Windows programs write them"
    if _OF_MACOS in names:
        told += "; __MACOSX/ is what macOS adds of its own and belongs to no bag: leave it out"
    return told


def _first(names: Sequence[bytes]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(show(name) for name in names[:_SHOWN]) + more
