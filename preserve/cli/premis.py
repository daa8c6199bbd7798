"""`preserve premis export` and `preserve premis validate`."""

from pathlib import Path

import rich_click as click

from preserve.cli import output
from preserve.cli.options import Invocation, config_option, json_option, pass_invocation
from preserve.cli.values import as_number, as_text


@click.group("premis")
def premis_command() -> None:
    """Export a package's history as PREMIS 3, validate a PREMIS document."""


@premis_command.command("export")
@click.argument("package", type=as_text)
@click.option(
    "--events",
    type=click.Choice(("summary", "all")),
    default="summary",
    show_default=True,
    help="One event for each audit of a copy and for each failure, or for each check.",
)
@click.option("--version", type=as_number, metavar="N", help="Whose files become objects; else the current version.")
@click.option("--output", "target", type=click.Path(path_type=Path), help="Write it to this new file.")
@config_option
@pass_invocation
def export_command(invocation: Invocation, package: str, events: str, version: int | None, target: Path | None) -> None:
    """What the catalog expects of PACKAGE and everything that happened to it, as one PREMIS 3 document.

    It is written to standard output as it is made. Packages that were removed can be exported too.
    """
    from preserve.app.premis_export import prepare_export
    from preserve.app.workspace import Workspace
    from preserve.provenance.exporting import EventDetail
    from preserve.stores.newfile import new_file

    with Workspace(invocation.settings()) as workspace:
        export = prepare_export(workspace, package, version=version, events=EventDetail(events))
        if target is None:
            output.stream(export.write)
            return
        with new_file(target) as stream:
            export.write(stream)
    output.note(f"written: {target}")


@premis_command.command("validate")
@click.argument("file", type=click.Path(path_type=bytes))
@click.option(
    "--schema",
    type=click.Path(path_type=Path),
    metavar="XSD",
    help="The official schema premis-v3-0.xsd, whose own rules are then checked too.",
)
@json_option
@pass_invocation
def validate_command(invocation: Invocation, file: bytes, schema: Path | None, as_json: bool) -> int:
    """Validate the PREMIS 3 document FILE: its structure, identifiers, links, dates, digests and terms."""
    from preserve.app.premis_validation import validate_premis
    from preserve.cli.exits import OUTCOMES
    from reports import validation

    view = validate_premis(file, schema)
    if as_json:
        output.print_json(validation.as_json(view, "file"))
    else:
        output.show(validation.as_text(view))
    return OUTCOMES[view.outcome]
