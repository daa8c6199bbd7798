"""How a result is known, and how a check ended."""

from enum import IntEnum, StrEnum


class Evidence(IntEnum):
    """How strongly something was observed; a larger value is stronger. Labelled by what the calls returned."""

    LISTED = 1  # a directory named it
    SIZED = 2  # its size was asked for
    CLAIMED = 3  # a provider stated a checksum; no byte was read here
    READ = 4  # its bytes were read, maybe out of a cache
    READ_MEDIUM = 5  # its bytes were read with the cache bypassed, as the call returned it

    @property
    def label(self) -> str:
        """The word that people and JSON see: `listed` … `read-medium`."""
        return self.name.lower().replace("_", "-")

    @classmethod
    def from_label(cls, label: str) -> "Evidence":
        """The level of that label; ValueError for any other word."""
        for level in cls:
            if level.label == label:
                return level
        raise ValueError(f"no evidence is called {label!r}; use one of {', '.join(e.label for e in cls)}")


class Outcome(StrEnum):
    """How a check ended. What could not be read is never PASS and never FAIL."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"


def worst(outcomes: "list[Outcome] | tuple[Outcome, ...]") -> Outcome:
    """One outcome for many: FAIL before INCONCLUSIVE before PASS; nothing checked is INCONCLUSIVE."""
    if not outcomes:
        return Outcome.INCONCLUSIVE
    for outcome in (Outcome.FAIL, Outcome.INCONCLUSIVE):
        if outcome in outcomes:
            return outcome
    return Outcome.PASS
