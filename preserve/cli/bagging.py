"""`preserve bag` and `preserve validate`."""

import os
import sys
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_identifier

if TYPE_CHECKING:
    from reports.rows import ValidationView

_SHOWN = 1000  # findings on a terminal; a file or a pipe gets all of them
_THREADS_MAXIMUM = 8  # more than any disk we know gains from


@click.command("bag")
@click.argument("source", type=click.Path(path_type=bytes))
@click.option("--to", "target", type=click.Path(path_type=bytes), metavar="DIR", help="DIR becomes the bag: a copy.")
@click.option("--in-place", is_flag=True, help="SOURCE itself becomes the bag; its files move into data/.")
@click.option("--algorithm", "algorithms", multiple=True, metavar="A", help="Repeatable. Default: sha256, sha512.")
@click.option("--info", "info", multiple=True, metavar="'LABEL: VALUE'", help="A line of bag-info.txt. Repeatable.")
@click.option(
    "--id", "identifier", type=as_identifier, metavar="TEXT", help="External-Identifier; default: the name of SOURCE."
)
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
    from preserve.app.bag_views import made_view
    from preserve.bag.request import DEFAULT_ALGORITHMS
    from preserve.cli.progress import Progress
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
    with Progress("looking", quiet=as_json) as progress:
        made = package(asked, progress)
    return _answer(made_view(made), as_json=as_json)


@click.command("validate")
@click.argument("bag", type=click.Path(path_type=bytes))
@click.option(
    "--completeness-only",
    is_flag=True,
    help="Compare names and read the tag files, no payload: damage in it cannot show.",
)
@click.option("--fast", is_flag=True, help="Compare the payload's size with Payload-Oxum and nothing else: very weak.")
@click.option(
    "--threads",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Large files read side by side. Default: one a processor, 8 at most; 1 for a disk that seeks badly.",
)
@json_option
@pass_invocation
def validate_command(
    invocation: Invocation, bag: bytes, completeness_only: bool, fast: bool, threads: int | None, as_json: bool
) -> int:
    """Validate the bag in the folder BAG: complete and valid by RFC 8493; every affected file is named."""
    from preserve.app.bag_views import validation_view
    from preserve.bag.depth import Depth
    from preserve.bag.validation import validate
    from preserve.cli.progress import Progress

    if completeness_only and fast:
        raise click.UsageError("--fast and --completeness-only: choose one; --completeness-only shows more")
    depth = Depth.FAST if fast else Depth.COMPLETENESS if completeness_only else Depth.FULL
    with Progress("looking", quiet=as_json) as progress:
        result = validate(bag, depth=depth, threads=threads or _threads(), progress=progress)
    return _answer(validation_view(bag, result), as_json=as_json)


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
        output.print_json(validation.head(view), "findings", validation.lines(view))
    else:
        output.show_each(validation.parts(view, most=_SHOWN if sys.stdout.isatty() else None))
    return OUTCOMES[view.outcome]
