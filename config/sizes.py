"""Sizes (`200GB`), rates (`50MB/s`), and what one run may use of both bytes and time."""

import re
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from config.errors import ValueProblem
from config.schedule import parse_duration
from config.texts import quoted

_DECIMAL: dict[str, int] = {"B": 1, "kB": 10**3, "KB": 10**3} | {
    f"{letter}B": 1000**power for power, letter in enumerate("MGTP", start=2)
}
_BINARY: dict[str, int] = {f"{letter}iB": 1024**power for power, letter in enumerate("KMGTP", start=1)}
_UNITS = _DECIMAL | _BINARY
_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,3})?)\s*([A-Za-z]+)", re.ASCII)
_MOST = 2**63 - 1  # what the catalog can count
_SIZE_REMEDY = 'write a number and a unit (kB, MB, GB, TB, or KiB, MiB, GiB, TiB), such as "200GB"; B is a byte'
_RATE_REMEDY = 'write a size for each second, such as "50MB/s"; B is a byte, which has 8 bits'
_BUDGET_REMEDY = 'write a size such as "200GB", a time such as "4h", or both: ["200GB", "4h"]'


def parse_size(text: str) -> int:
    """Bytes: `200GB` is decimal, `200GiB` binary; more than nothing. ValueProblem for all else."""
    match = _SIZE.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        raise ValueProblem(f"{quoted(text)} is not a size", _SIZE_REMEDY)
    size = int(Decimal(match[1]) * _UNITS[match[2]])
    if size == 0:
        raise ValueProblem(f"{quoted(text)} is nothing at all", "leave the line out where there is to be no limit")
    if size > _MOST:
        raise ValueProblem(
            f"{quoted(text)} is more than there can be", "leave the line out where there is to be no limit"
        )
    return size


def parse_rate(text: str, *, done: str = "read") -> int:
    """Bytes a second: `50MB/s`; more than nothing. ValueProblem for all else."""
    size, slash, unit = text.strip().rpartition("/")
    if not slash or unit.strip() != "s":
        raise ValueProblem(f"{quoted(text)} is not a rate", _RATE_REMEDY)
    try:
        return parse_size(size)
    except ValueProblem as problem:
        if "nothing" in problem.message:
            raise ValueProblem(f"at {quoted(text)} nothing would ever be {done}", _RATE_REMEDY) from None
        raise ValueProblem(f"{quoted(text)} is not a rate", _RATE_REMEDY) from None


def parse_budget(texts: Sequence[str]) -> tuple[int | None, timedelta | None]:
    """Bytes and time of one run, either of them None where it is not limited.

    Raises:
        ValueProblem: a part is neither a size nor a time, there are two of a kind, or none.
    """
    size: int | None = None
    time: timedelta | None = None
    if not texts:
        raise ValueProblem("a budget of nothing", "leave the line out where there is to be no limit")
    for text in texts:
        if text.strip()[-1:] == "B":
            if size is not None:
                raise ValueProblem(f"a second size in one budget: {quoted(text)}", _BUDGET_REMEDY)
            size = parse_size(text)
        else:
            if time is not None:
                raise ValueProblem(f"a second time in one budget: {quoted(text)}", _BUDGET_REMEDY)
            time = _time(text)
    return size, time


def _time(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueProblem as problem:
        if "length of time" in problem.message:
            raise ValueProblem(f"{quoted(text)} is neither a size nor a time", _BUDGET_REMEDY) from None
        raise
