"""`preserve bag` and `preserve validate`."""

import os
import sys
from typing import TYPE_CHECKING

import rich_click as click

from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import PLACE, as_identifier

if TYPE_CHECKING:
    from preserve.bag.profiles.model import Profile
    from reports.rows import ValidationView

_SHOWN = 1000  # findings on a terminal; a file or a pipe gets all of them
_MOST_OF_A_CODE = 10  # findings in text; the JSON has all
_THREADS_MAXIMUM = 8  # more than any disk we know gains from


profile_option = click.option(
    "--profile",
    type=PLACE,
    metavar="FILE",
    help="A BagIt profile (JSON): what the bag must be besides. Download it first; nothing is fetched.",
)


@click.command("bag")
@click.argument("sources", metavar="SOURCE...", nargs=-1, required=True, type=PLACE)
@click.option("--to", "target", type=PLACE, metavar="DIR", help="DIR becomes the bag: a copy.")
@click.option("--in-place", is_flag=True, help="SOURCE itself becomes the bag; its files move into data/.")
@click.option("--algorithm", "algorithms", multiple=True, metavar="A", help="Repeatable. Default: sha256, sha512.")
@click.option("--info", "info", multiple=True, metavar="'LABEL: VALUE'", help="A line of bag-info.txt. Repeatable.")
@click.option(
    "--id", "identifier", type=as_identifier, metavar="TEXT", help="External-Identifier. Default: the folder's name."
)
@click.option(
    "--ignore",
    multiple=True,
    metavar="PATTERN",
    help="Leave out what has such a name, as '*.tmp', or such a path below SOURCE, as 'scans/*/cache'. Repeatable.",
)
@click.option(
    "--ignore-system-files", is_flag=True, help="Leave out .DS_Store, ._*, Thumbs.db, desktop.ini and others."
)
@click.option(
    "--empty-folders",
    type=click.Choice(("leave-out", "keep", "refuse")),
    default="leave-out",
    show_default=True,
    help="A bag cannot list them: leave out and warn, put an empty file .keep into each, or make no bag.",
)
@click.option("--follow-links", is_flag=True, help="Take symbolic links that stay in SOURCE for what they mean.")
@click.option(
    "--premis",
    type=click.Choice(("full", "summary", "none")),
    default="full",
    show_default=True,
    help="What the PREMIS file names: every file with its format, or the package only. none: no such file.",
)
@profile_option
@json_option
@config_option
@pass_invocation
def bag_command(
    invocation: Invocation,
    sources: tuple[bytes, ...],
    target: bytes | None,
    in_place: bool,
    algorithms: tuple[str, ...],
    info: tuple[str, ...],
    identifier: str | None,
    ignore: tuple[str, ...],
    ignore_system_files: bool,
    empty_folders: str,
    follow_links: bool,
    premis: str,
    profile: bytes | None,
    as_json: bool,
) -> int:
    """Make a bag (RFC 8493) of the folder SOURCE, or of several files and folders.

    Every file is read once. If it is stopped, the same command goes on where it was.
    """
    from preserve.app.bag_views import made_view
    from preserve.bag.making.request import EmptyFolders
    from preserve.cli.progress import Progress
    from preserve.ingest.packaging import Packaging, package
    from preserve.provenance.facts import PremisDetail

    if target is not None and in_place:
        raise click.UsageError(
            "--to and --in-place: choose one; --to makes a copy, --in-place moves the files themselves"
        )
    if target is None and not in_place:
        raise click.UsageError("say where: either --to DIR (a copy) or --in-place")
    wanted = _profile(profile)
    asked = Packaging(
        sources=sources,
        target=target,
        algorithms=algorithms or _algorithms(wanted),
        info=[_label_and_value(line) for line in info],
        identifier=identifier,
        organization=_organization(invocation),
        premis=None if premis == "none" else PremisDetail(premis),
        profile=wanted,
        threads=_threads(),
        ignore=[os.fsencode(pattern) for pattern in ignore],
        ignore_system_files=ignore_system_files,
        empty_folders=EmptyFolders(empty_folders),
        follow_links=follow_links,
    )
    with Progress("looking", quiet=as_json) as progress:
        made = package(asked, progress)
    return _answer(made_view(made, most_of_a_code=None if as_json else _MOST_OF_A_CODE), as_json=as_json)


@click.command("validate")
@click.argument("bag", type=PLACE)
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
@profile_option
@click.option("--second-opinion", is_flag=True, help="Ask bagit-python too, and show where it differs; folders only.")
@json_option
@pass_invocation
def validate_command(
    invocation: Invocation,
    bag: bytes,
    completeness_only: bool,
    fast: bool,
    threads: int | None,
    profile: bytes | None,
    second_opinion: bool,
    as_json: bool,
) -> int:
    """Validate BAG, a folder or an archive (tar, tar.gz, zip, …), by RFC 8493; every affected file is named."""
    from time import monotonic

    from preserve.app.bag_views import validation_view
    from preserve.bag.making.given import place
    from preserve.bag.validating.depth import Depth
    from preserve.bag.validating.validation import validate
    from preserve.cli.progress import Progress

    if completeness_only and fast:
        raise click.UsageError("--fast and --completeness-only: choose one; --completeness-only shows more")
    wanted = _profile(profile)
    depth = Depth.FAST if fast else Depth.COMPLETENESS if completeness_only else Depth.FULL
    with Progress("looking", quiet=as_json) as progress:
        began = monotonic()
        result = validate(place(bag), depth=depth, threads=threads or _threads(), progress=progress, profile=wanted)
        opinion = None
        if second_opinion:
            from preserve.app import second_opinions

            seconds = monotonic() - began
            opinion = second_opinions.second_opinion(bag, result, seconds=seconds, progress=progress)
    return _answer(validation_view(bag, result, opinion), as_json=as_json)


def _profile(path: bytes | None) -> "Profile | None":
    """The profile that was named, if one was."""
    if path is None:
        return None
    from preserve.bag.profiles import loading as profiles

    return profiles.load(path)


def _algorithms(profile: "Profile | None") -> tuple[str, ...]:
    """Those of a bag for which none were named."""
    from preserve.bag.making.request import DEFAULT_ALGORITHMS

    if profile is None:
        return DEFAULT_ALGORITHMS
    from preserve.bag.profiles.making import algorithms_for

    return algorithms_for(profile, DEFAULT_ALGORITHMS)


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
