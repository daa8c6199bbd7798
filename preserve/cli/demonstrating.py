"""`preserve demo`."""

from pathlib import Path

import rich_click as click

from preserve.cli import output


@click.command("demo")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
def demo_command(folder: Path | None) -> int:
    """A small collection, three replicas, real damage: the whole road, told as it goes.

    Everything is made in FOLDER (default: preserve-demo here, or the first free preserve-demo-N) and left there.
    """
    from rich.text import Text

    from preserve.demo.tour import Tour

    def say(line: str) -> None:
        output.show(
            Text(output.plain(line)) if line.startswith(" ") else Text(f"\n▌ {output.plain(line)}", "bold cyan")
        )

    Tour((folder or _free_folder()).absolute(), say, output.show).walk()
    return 0


def _free_folder() -> Path:
    number = 1
    while (folder := Path("preserve-demo" if number == 1 else f"preserve-demo-{number}")).exists():
        number += 1
    return folder
