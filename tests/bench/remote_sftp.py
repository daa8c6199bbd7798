"""Reading and digesting over SFTP against `rclone hashsum sha256 --download`, from one real sshd, in one run.

`python -m tests.bench.remote_sftp [--repeat 5] [--files 20000] [--large 8] [--bytes 262144000]`. Both list,
read every byte and digest it; rclone runs with its own defaults, ours reads as an audit does (Digester over SftpStore,
with as many threads as the store asks for). They take turns, so that a busy machine is busy for both; figures are
medians. Trust ratios, not absolutes.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from checks.digesting import Digester, Wanted
from tests.support.sftp_server import SftpServer, sftp_server

SMALL_BYTES = 4096


class Pool(ThreadPoolExecutor):
    """Threads for a digester, which asks how many there are."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads)
        self.threads = threads


def plant(folder: Path, files: int, size: int) -> None:
    """So many files of other bytes, a thousand to a folder."""
    block = os.urandom(1 << 20)
    for n in range(files):
        file = folder / f"{n // 1000:03}" / f"{n:06}.bin"
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("wb") as stream:
            stream.write(os.urandom(min(16, size)))
            left = size - 16
            while left > 0:
                left -= stream.write(block[: min(left, len(block))])


def ours(server: SftpServer, kind: str) -> tuple[int, int]:
    """Lists and digests; how many files and bytes there were."""
    store = server.store()
    count = size = 0
    root = kind.encode()
    with Pool(store.in_flight) as pool:
        digester = Digester(("sha256",), pool, parallel_from_bytes=0)
        wanted = (
            Wanted(path, partial(store.open, root + b"/" + path, past_cache=True, expected_bytes=length), length)
            for path, length in store.sizes(root)
        )
        for reading in digester.observe(wanted):
            if not reading.sound:
                raise SystemExit(f"{reading.path!r} was not read: {reading.problem}")
            count, size = count + 1, size + reading.bytes_read
    store.close()
    return count, size


def rclone(server: SftpServer, kind: str) -> tuple[int, int]:
    """The same by rclone, with its defaults."""
    beside = Path(sys.executable).with_name("rclone")
    program = shutil.which("rclone") or (str(beside) if beside.exists() else None)
    if program is None:
        raise SystemExit("rclone is not installed; it is what preserve is measured against")
    remote = (
        f":sftp,host=127.0.0.1,port={server.port},user={server.user},key_file={server.key},"
        f"known_hosts_file={server.known_hosts}:{server.root}/{kind}"
    )
    command = [program, "hashsum", "sha256", "--download", "--config", os.devnull, remote]
    found = subprocess.run(command, capture_output=True, check=True)
    return len(found.stdout.splitlines()), 0


def measure(server: SftpServer, kind: str, repeat: int) -> None:
    """Prints the seconds of both and their ratio."""
    ways: dict[str, Callable[[SftpServer, str], tuple[int, int]]] = {"rclone": rclone, "preserve": ours}
    taken: dict[str, list[float]] = {name: [] for name in ways}
    counts = set[int]()
    size = 0
    for turn in range(repeat):
        for name in list(ways)[:: -1 if turn % 2 else 1]:
            begun = time.perf_counter()
            count, read = ways[name](server, kind)
            taken[name].append(time.perf_counter() - begun)
            counts.add(count)
            size = max(size, read)
    if len(counts) != 1:
        raise SystemExit(f"they did not read the same files: {counts}")
    theirs, mine = (statistics.median(taken[name]) for name in ways)
    files = counts.pop()
    runs = " ".join(f"{a / b:4.2f}" for a, b in zip(*taken.values(), strict=True))
    print(
        f"{kind:6} rclone {theirs:6.2f} s, {files / theirs:6.0f} files/s, {size / theirs / 1e6:4.0f} MB/s; "
        f"preserve {mine:6.2f} s, {files / mine:6.0f} files/s, {size / mine / 1e6:4.0f} MB/s; "
        f"{theirs / mine:4.2f} times as fast (runs {runs})",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--files", type=int, default=20_000, help="small ones, of 4 KiB")
    parser.add_argument("--large", type=int, default=8, help="files of --bytes each")
    parser.add_argument("--bytes", type=int, default=250 << 20)
    asked = parser.parse_args()
    with sftp_server() as server:
        plant(server.root / "small", asked.files, SMALL_BYTES)
        plant(server.root / "large", asked.large, asked.bytes)
        for kind in ("large", "small"):
            measure(server, kind, asked.repeat)
    return 0


if __name__ == "__main__":
    sys.exit(main())
