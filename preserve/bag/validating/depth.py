"""How deep a validation looks, and how weak its word is therefore."""

from enum import StrEnum

from checks.evidence import Evidence


class Depth(StrEnum):
    """FULL reads every byte; COMPLETENESS reads the tag files only; FAST reads what the bag says of its size only."""

    FULL = "full"
    COMPLETENESS = "completeness-only"
    FAST = "fast"

    @property
    def evidence(self) -> Evidence:
        """What is known of the payload at best."""
        return _EVIDENCE[self]

    @property
    def good(self) -> str:
        """What a bag is called in which nothing bad was found."""
        return _GOOD[self]

    @property
    def caveat(self) -> str:
        """What it does not show; empty if every byte was read."""
        return _CAVEATS[self]


_EVIDENCE = {Depth.FULL: Evidence.READ, Depth.COMPLETENESS: Evidence.LISTED, Depth.FAST: Evidence.SIZED}
_GOOD = {
    Depth.FULL: "valid",
    Depth.COMPLETENESS: "complete, its payload unread",
    Depth.FAST: "as large as its bag-info.txt says (its files were not read)",
}
_CAVEATS = {
    Depth.FULL: "",
    Depth.COMPLETENESS: (
        "Weak: names were compared with the manifests and the tag files read; not one byte of the payload was. "
        "Damage inside a file cannot show. Without --completeness-only everything is read."
    ),
    Depth.FAST: (
        "Very weak: only the number of files and of their bytes was compared with Payload-Oxum; no manifest and not "
        "one byte of the payload was read. A file that was exchanged or damaged cannot show. Without --fast "
        "everything is read."
    ),
}
