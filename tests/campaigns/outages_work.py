"""The archive on which outages are tried: made once in each state that a command needs, and restored for each trial."""

import io
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from preserve.cli.main import main
from tests.campaigns.outages_places import Files, places, settings_of
from tests.support.bags import make_bag
from tests.support.workspaces import make_collection

PACKAGES = ("box", "film")
PLACES = ("disk", "bucket", "server")
_LOOK_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Command:
    """What is run, on what."""

    arguments: tuple[str, ...]
    before: str


COMMANDS: Mapping[str, Command] = MappingProxyType(
    {
        "audit": Command(("audit",), "placed"),
        "replicate": Command(("replicate",), "taken in"),
        "repair": Command(("repair", "--apply"), "damaged"),
        "backup": Command(("catalog", "backup"), "placed"),
    }
)


class Work:
    """A small package that stands everywhere; one with a large file that is still to be placed, where it is not."""

    def __init__(self, folder: Path, held: ExitStack, rng: random.Random, film_bytes: int) -> None:
        self.folder = folder
        self.places = held.enter_context(places(folder))
        self._told = folder / "told"
        self._states: dict[str, dict[str, Files]] = {}
        self.planted: set[tuple[str, str]] = set()  # (place, path) that differ in the state "damaged"
        self._bags(rng, film_bytes)
        self._make()
        self._calm: dict[str, Mapping[str, float]] = {}

    def _bags(self, rng: random.Random, film_bytes: int) -> None:
        sources = self.folder / "sources"
        for name, files in zip(PACKAGES, (25, 5), strict=True):
            make_collection(sources / name, rng, files)
        (sources / "film" / "film.mkv").write_bytes(rng.randbytes(film_bytes))
        for name in PACKAGES:
            make_bag(sources / name, self.folder / "bags" / name)
        self.bags = {
            name: {
                str(path.relative_to(self.folder / "bags")): path.read_bytes()
                for path in (self.folder / "bags" / name).rglob("*")
                if path.is_file()
            }
            for name in PACKAGES
        }

    def _make(self) -> None:
        assert main(["init", str(self.folder / "work")]) == 0
        for name, arguments in settings_of(self.places, self.folder / "secret").items():
            self._must("replica", "add", name, *arguments)
        self._must("add", str(self.folder / "bags" / "box"))
        self._must("replicate")
        self._must("add", str(self.folder / "bags" / "film"))
        self._keep("taken in")
        self._must("replicate")
        self._must("audit")
        self._keep("placed")

    def _damage(self) -> None:
        """The large file changed here and cut off there, a file that is gone; an audit has found them."""
        self.restore("placed")
        film, box = self._of("film", 100_000), self._of("box", 4096)
        changes: tuple[tuple[str, str, Callable[[bytes], bytes] | None], ...] = (
            ("server", film, lambda content: content[:5000] + b"?" + content[5001:]),
            ("bucket", box, None),
            ("disk", film, lambda content: content[:-100]),
        )
        for place, path, change in changes:
            files = self.places[place].read()
            content = files.pop(path)
            self.places[place].write(files | ({path: change(content)} if change else {}))
            self.planted.add((place, path))
        status, told = self.run("audit")
        assert status == 1, told
        self._keep("damaged")

    def _of(self, package: str, least_bytes: int) -> str:
        return next(path for path, held in sorted(self.bags[package].items()) if len(held) >= least_bytes)

    def _must(self, *arguments: str) -> None:
        status, told = self.run(*arguments)
        assert status == 0, (arguments, told)

    def _keep(self, state: str) -> None:
        shutil.copytree(self.folder / "work", self.folder / "states" / state)
        self._states[state] = {name: place.read() for name, place in self.places.items()}

    def restore(self, state: str) -> None:
        """As it was then, everywhere. What is damaged is made when it is first asked for."""
        if state not in self._states:
            self._damage()
        shutil.rmtree(self.folder / "work")
        shutil.copytree(self.folder / "states" / state, self.folder / "work")
        for name, place in self.places.items():
            place.write(self._states[state][name])

    def calm(self, command: str) -> Mapping[str, float]:
        """What it takes when nothing is wrong: bytes on each line; for the disk, seconds. Measured once."""
        if command not in self._calm:
            self._calm[command] = self._measured(command)
        return self._calm[command]

    def _measured(self, command: str) -> Mapping[str, float]:
        self.restore(COMMANDS[command].before)
        self.begin_counting()
        begun = time.monotonic()
        process = self.start(command)
        assert process.wait(120) == 0, (command, self.told())
        lines = {name: float(sum(self.places[name].line.bytes.values())) for name in ("bucket", "server")}
        return {"disk": time.monotonic() - begun, **lines}

    def begin_counting(self) -> None:
        for name in ("bucket", "server"):
            self.places[name].line.begin()

    def run(self, *arguments: str) -> tuple[int, str]:
        """In peace, in this process."""
        out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True)
        with redirect_stdout(out), redirect_stderr(out):
            status = main([*arguments, "--config", str(self.folder / "work" / "preserve.toml")])
        return status, out.buffer.getvalue().decode()

    def must_succeed(self, *arguments: str) -> list[str]:
        """A fault, if it does not."""
        status, told = self.run(*arguments)
        return [] if status == 0 else [f"in peace, {' '.join(arguments)} ended with {status}: {told[-800:]}"]

    def start(self, command: str) -> subprocess.Popen[bytes]:
        """The command, as a process of its own."""
        self.begin_counting()
        settings = str(self.folder / "work" / "preserve.toml")
        arguments = [sys.executable, "-m", "preserve", *COMMANDS[command].arguments, "--config", settings]
        with self._told.open("wb") as told:
            return subprocess.Popen(
                arguments, stdout=told, stderr=told, stdin=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "200"}
            )

    def told(self) -> str:
        return self._told.read_text("utf-8", "replace")

    def wait_for_moment(self, process: subprocess.Popen[bytes], place: str, part: float, command: str) -> bool:
        """Until such a part of what passes a line has passed, or of the time; whether the command still runs then."""
        if place == "disk":
            return not self.ends_within(process, part * self.calm(command)["disk"])
        line = self.places[place].line
        line.begin(int(part * self.calm(command)[place]))
        while not line.called.wait(_LOOK_SECONDS):
            if process.poll() is not None:
                return False
        return process.poll() is None

    def go_on(self) -> None:
        for name in ("bucket", "server"):
            self.places[name].line.answered.set()

    def ends_within(self, process: subprocess.Popen[bytes], seconds: float) -> bool:
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        return True
