"""`preserve init`, `add` and `replicate`."""

from pathlib import Path

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_identifier, as_text


@click.command("init")
@click.argument("folder", type=click.Path(path_type=Path), default=Path())
def init_command(folder: Path) -> None:
    """Make preserve.toml and an empty catalog in FOLDER (default: here)."""
    from preserve.app.workspace import init

    path = init(folder)
    output.note(f"made {path} and an empty catalog")
    output.note("next: preserve replica add NAME PATH, then preserve add BAG")


@click.command("add")
@click.argument("bags", nargs=-1, required=True, metavar="BAG...", type=click.Path(path_type=Path))
@click.option(
    "--collection",
    type=as_identifier,
    metavar="TEXT",
    help="The collection these packages belong to, for people and policies.",
)
@click.option(
    "--id",
    "identifier",
    type=as_identifier,
    metavar="TEXT",
    help="Its identifier; else External-Identifier, else the bag's name.",
)
@click.option("--new-version", is_flag=True, help="It is the next version of a package that is known already.")
@json_option
@config_option
@pass_invocation
def add_command(
    invocation: Invocation,
    bags: tuple[Path, ...],
    collection: str | None,
    identifier: str | None,
    new_version: bool,
    as_json: bool,
) -> int:
    """Take bags into the catalog: each is read once, validated, and its content recorded.

    The bag stays where it is. It is no copy: `preserve replicate` makes copies.
    """
    from preserve.app.holdings import take_in
    from preserve.app.lines import taken_line
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from preserve.errors import UsageError
    from reports import holdings

    if identifier is not None and len(bags) > 1:
        raise UsageError("--id names one package", remedy="Give one bag with it.")
    with Workspace(invocation.settings()) as workspace, Progress("taking in", quiet=as_json) as progress:
        results = take_in(
            workspace, bags, progress, collection=collection or "", identifier=identifier, new_version=new_version
        )
        taken = [taken_line(each) for each in results]
    if as_json:
        output.print_json(holdings.taken_json(taken))
    else:
        output.show(holdings.taken_text(taken))
    return OUTCOMES[holdings.taken_outcome(taken)]


@click.command("replicate")
@click.argument("packages", nargs=-1, type=as_text, metavar="[PACKAGE]...")
@click.option(
    "--to", "replicas", multiple=True, type=as_text, metavar="NAME", help="To which replica; repeatable. Else to all."
)
@json_option
@config_option
@pass_invocation
def replicate_command(
    invocation: Invocation, packages: tuple[str, ...], replicas: tuple[str, ...], as_json: bool
) -> int:
    """Copy packages to replicas, read every copy back past the cache, and only then record it."""
    from preserve.app.holdings import bytes_to_place, replicate
    from preserve.app.lines import placed_line
    from preserve.app.workspace import Workspace
    from preserve.cli.exits import OUTCOMES
    from preserve.cli.progress import Progress
    from preserve.errors import UsageError
    from reports import holdings

    with Workspace(invocation.settings()) as workspace:
        if not workspace.replicas():
            raise UsageError("there is no replica", remedy="Add one with `preserve replica add NAME PATH`.")
        total = bytes_to_place(workspace, packages, replicas)
        with Progress("copying and reading back", total_bytes=total, quiet=as_json) as progress:
            placed = [placed_line(each) for each in replicate(workspace, packages, replicas, progress)]
    if as_json:
        output.print_json(holdings.placed_json(placed))
    else:
        output.show(holdings.placed_text(placed))
    return OUTCOMES[holdings.placed_outcome(placed)]
