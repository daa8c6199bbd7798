"""`preserve bag` and `preserve validate`."""

import os
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli.options import Invocation, config_option, json_option, pass_invocation

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from preserve.bag.codes import Finding
    from preserve.bag.request import Written
    from preserve.bag.validation import Validation
    from reports.rows import FindingLine, ValidationView

_THREADS_MAXIMUM = 8  # more than any disk we know gains from


@click.command("bag")
@click.argument("source", type=click.Path(path_type=bytes))
@click.option("--to", "target", type=click.Path(path_type=bytes), metavar="DIR", help="DIR becomes the bag: a copy.")
@click.option("--in-place", is_flag=True, help="SOURCE itself becomes the bag; its files move into data/.")
@click.option("--algorithm", "algorithms", multiple=True, metavar="A", help="Repeatable. Default: sha256, sha512.")
@click.option("--info", "info", multiple=True, metavar="'LABEL: VALUE'", help="A line of bag-info.txt. Repeatable.")
@click.option("--id", "identifier", help="External-Identifier; default: the name of SOURCE.")
@click.option(
    "--premis",
    type=click.Choice(("full", "summary")),
    default="full",
    show_default=True,
    help="What the PREMIS file names: every file with its format, or the package only.",
)
@json_option
@config_option
@pass_invocation
def bag_command(
    invocation: Invocation,
    source: bytes,
    target: bytes | None,
    in_place: bool,
    algorithms: tuple[str, ...],
    info: tuple[str, ...],
    identifier: str | None,
    premis: str,
    as_json: bool,
) -> int:
    """Make a bag (RFC 8493) of the folder SOURCE.

    Every file is read once. If it is stopped, the same command goes on where it was.
    """
    from preserve.bag.request import DEFAULT_ALGORITHMS
    from preserve.ingest.packaging import Packaging, package
    from preserve.provenance.facts import PremisDetail

    if (target is None) is not in_place:
        raise click.UsageError("say where: either --to DIR (a copy) or --in-place")
    asked = Packaging(
        source=source,
        target=target,
        algorithms=algorithms or DEFAULT_ALGORITHMS,
        info=[_label_and_value(line) for line in info],
        identifier=identifier,
        organization=_organization(invocation),
        premis=PremisDetail(premis),
        threads=_threads(),
    )
    with _Shown(quiet=as_json) as progress:
        made = package(asked, progress)
    return _answer(_made_view(made), as_json=as_json)


@click.command("validate")
@click.argument("bag", type=click.Path(path_type=bytes))
@json_option
@pass_invocation
def validate_command(invocation: Invocation, bag: bytes, as_json: bool) -> int:
    """Validate the bag in the folder BAG: complete and valid by RFC 8493; every affected file is named."""
    from preserve.bag.validation import validate

    with _Shown(quiet=as_json) as progress:
        result = validate(bag, threads=_threads(), progress=progress)
    return _answer(_validation_view(bag, result), as_json=as_json)


def _label_and_value(line: str) -> tuple[str, str]:
    label, colon, value = line.partition(":")
    if not colon:
        raise click.UsageError(f"--info {line!r}: write it as 'Label: value'")
    return label, value.strip(" \t")


def _organization(invocation: Invocation) -> str | None:
    """Of the settings, if there are any; only settings that were named must be there."""
    from config.errors import SettingsError

    try:
        invocation.settings_path()
    except SettingsError:
        if invocation.explicit_config is not None or os.environ.get("PRESERVE_CONFIG"):
            raise
        return None
    return invocation.settings().organization


def _threads() -> int:
    return max(1, min(_THREADS_MAXIMUM, os.cpu_count() or 1))


def _answer(view: "ValidationView", *, as_json: bool) -> int:
    from preserve.cli import output
    from preserve.cli.exits import OUTCOMES
    from reports import validation

    if as_json:
        output.print_json(validation.as_json(view))
    else:
        output.show(validation.as_text(view))
    return OUTCOMES[view.outcome]


def _made_view(made: "Written") -> "ValidationView":
    from checks.evidence import Outcome
    from reports.rows import ValidationView

    return ValidationView(
        path=made.bag,
        verdict="a bag",
        outcome=Outcome.PASS,
        counts={"files": made.file_count, "bytes": made.size_bytes},
        facts={"uuid": str(made.uuid), "algorithms": ", ".join(made.algorithms)},
        findings=tuple(_line(finding) for finding in made.warnings),
    )


def _validation_view(bag: bytes, result: "Validation") -> "ValidationView":
    from reports.rows import ValidationView

    payload, tags = result.payload, result.tags
    return ValidationView(
        path=bag,
        verdict=result.verdict,
        outcome=result.outcome,
        counts={
            "files": payload.listed,
            "good": payload.good,
            "bad": payload.bad,
            "unread": payload.unread,
            "bytes_read": payload.bytes_read,
            "tag_files": tags.listed,
            "tag_files_good": tags.good,
        },
        facts={"version": result.version, "algorithms": ", ".join(result.algorithms)},
        findings=tuple(_line(finding) for finding in result.findings),
    )


def _line(finding: "Finding") -> "FindingLine":
    from reports.rows import FindingLine

    return FindingLine(
        code=finding.code.value,
        severity=finding.severity,
        message=finding.message,
        path=finding.path,
        expected=finding.expected,
        observed=finding.observed,
    )


class _Shown:
    """The progress of a long work on standard error, stage by stage."""

    def __init__(self, *, quiet: bool) -> None:
        from preserve.cli.progress import Progress

        self._progress = Progress("", quiet=quiet)
        self._advance = self._progress.advance

    def __enter__(self) -> "Self":
        self._progress.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self._progress.__exit__(kind, error, trace)

    def stage(self, name: str, files: int | None = None) -> None:
        """See `preserve.bag.progress.Progress`."""
        self._progress.title = name
        self._progress.total_files = files

    def advance(self, files: int, done_bytes: int) -> None:
        """See `preserve.bag.progress.Progress`."""
        self._advance(files=files, bytes=done_bytes)
