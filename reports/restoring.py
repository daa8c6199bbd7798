"""What came of restoring a package."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.text import Text

from checks.evidence import Outcome
from checks.names import path_fields, show
from reports import findings
from reports.rows import FindingLine
from reports.words import count, headline, name, size, visible

LINES_SHOWN = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class LostLine:
    """A file that could not be had, and why each source could not give it."""

    path: bytes
    size_bytes: int
    faults: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoredView:
    package: str
    version: int
    target: bytes
    files: int  # delivered, and read back good
    size_bytes: int
    outcome: Outcome
    evidence: str  # by which what was written was read back
    lost: Sequence[LostLine] = ()
    bad: int = 0  # paths that were written and do not read back good
    findings: Sequence[FindingLine] = ()  # of what was read back
    from_elsewhere: Sequence[tuple[bytes, str]] = ()  # (path, where an equal file was taken from)


def as_json(view: RestoredView) -> dict[str, object]:
    return {
        "outcome": view.outcome.value,
        "package": view.package,
        "version": view.version,
        "target": show(view.target),
        "evidence": view.evidence,
        "findings": [
            {
                "code": "missing",
                "severity": "error",
                "package": view.package,
                "replica": None,
                **path_fields(line.path),
                "expected": {"size_bytes": line.size_bytes},
                "observed": None,
                "message": _why(line),
            }
            for line in view.lost
        ]
        + [findings.as_json(line) for line in view.findings],
        "from_elsewhere": [{**path_fields(path), "source": source} for path, source in view.from_elsewhere],
        "counts": {
            "files": view.files,
            "size_bytes": view.size_bytes,
            "lost": len(view.lost),
            "bad": view.bad,
            "from_elsewhere": len(view.from_elsewhere),
        },
    }


def as_text(view: RestoredView) -> RenderableType:
    what = f"{visible(view.package)} (version {view.version})"
    if view.outcome is Outcome.PASS:
        told = f"{what} is whole: {count(view.files, 'file')}, {size(view.size_bytes)}, read back ({view.evidence})."
    elif view.outcome is Outcome.FAIL and (view.lost or view.bad):
        why = [f"{count(len(view.lost), 'file')} could not be had"] if view.lost else []
        why += [f"{count(view.bad, 'file')} did not read back good (suspect this disk)"] if view.bad else []
        told = f"{what} is not whole: {' and '.join(why)}; {view.files:,} were delivered."
    else:
        told = f"{what} was written, and not all of it could be read back."
    parts: list[RenderableType] = [headline(view.outcome, told), Text(f"  {show(view.target)}/", "dim")]
    for path, source in view.from_elsewhere[:LINES_SHOWN]:
        parts.append(Text(f"  {name(path)}: from an equal file, {visible(source)}", "dim"))
    for line in view.lost[:LINES_SHOWN]:
        parts.append(Text.assemble(("✖ ", "red"), (name(line.path), "bold"), f"  {size(line.size_bytes)}"))
        parts.append(Text(f"    {visible(_why(line))}", "dim"))
    if len(view.lost) > LINES_SHOWN:
        parts.append(Text(f"… and {count(len(view.lost) - LINES_SHOWN, 'more file')}; --json lists all", "dim"))
    parts += findings.as_text(view.findings, most=LINES_SHOWN, more="; --json lists all")
    return Group(*parts)


def _why(line: LostLine) -> str:
    return "; ".join(line.faults) or "no copy that is there holds it"
