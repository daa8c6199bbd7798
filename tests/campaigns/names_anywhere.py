"""Random names that a local file system takes: each goes to S3 and SFTP and back as its bytes, or is refused first.

As a script: `python -m tests.campaigns.names_anywhere --count 5000`. A small cut with a fixed seed is a test.
"""

import argparse
import os
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from checks.digesting import Digester, Wanted
from preserve.stores.port import ReplicaStore
from preserve.stores.rooms.replica import RemoteReplica
from preserve.stores.s3 import S3Store
from tests.support.s3_servers import CREDENTIALS, Server, running, weed_server
from tests.support.sftp_server import sftp_server

_BATCH = 250  # names in one folder
_SCRIPTS = ("abcXYZ019", "កខគឃងចឆជឈញដឋឌឍណ្ាិីឹ", "áàảãạăâđêôơư\u0301\u0300", "日本語漢字", "😀𠀀", "‮⁦\u200b\ufeff")
_MARKS = " .-_~%?#&+=@:;,!'\"`$*()[]{}<>|\\^\t\n\r\x01\x1b\x7f"


def names(rng: random.Random, count: int) -> Iterator[bytes]:
    """Names of 1 to 255 bytes: each byte alone first, then mixtures of scripts, marks, and bytes of no encoding."""
    yield from (bytes([byte]) for byte in range(1, 256) if byte not in b"/." or byte > 0x7F)
    for _ in range(count):
        kind = rng.random()
        if kind < 0.2:
            name = rng.randbytes(rng.choice((1, 2, 5, 40, 255)))
        else:
            letters = rng.choice(_SCRIPTS) + (_MARKS if kind < 0.7 else " .-_")
            name = "".join(rng.choices(letters, k=rng.choice((1, 2, 3, 8, 30, 90)))).encode()
        name = name.replace(b"/", b"").replace(b"\0", b"")[:255]
        if name not in (b"", b".", b".."):
            yield name


def taken_here(folder: Path, wanted: Sequence[bytes]) -> list[bytes]:
    """Those of the names that this machine's file system takes, each once."""
    kept = []
    for name in dict.fromkeys(wanted):
        full = os.path.join(os.fsencode(folder), name)
        try:
            os.close(os.open(full, os.O_CREAT | os.O_WRONLY))
        except OSError:
            continue
        os.unlink(full)
        kept.append(name)
    return kept


def tried(store: ReplicaStore, wanted: Sequence[bytes], number: int) -> tuple[Counter[str], list[str]]:
    """What became of each name, and what should not have."""
    told, wrong = Counter[str](), list[str]()
    folder = b"names/%d" % number
    paths = [folder + b"/" + name for name in wanted]
    unfit = store.unfit(paths)
    for path in paths:
        if path in unfit:
            told["refused beforehand"] += 1
            continue
        with store.create(path, size_bytes=len(path)) as sink:
            sink(memoryview(path))
        told["there and back"] += 1
    listed = {one.path for one in store.listing(folder)}
    fit = [path for path in paths if path not in unfit]
    wrong += [f"listed and never written: {name!r}" for name in listed - {path[len(folder) + 1 :] for path in fit}]
    digester = Digester(("sha256",))
    for path in fit:
        back: list[bytes] = []
        opening = partial(store.open, path, past_cache=True, expected_bytes=len(path))
        reading = digester.read(Wanted(path, opening, len(path), sink=partial(_kept, back)))
        if not reading.sound or b"".join(back) != path or path[len(folder) + 1 :] not in listed:
            wrong.append(f"not there and back: {path!r} ({reading.problem or 'other bytes'})")
    return told, wrong


def _kept(back: list[bytes], buffer: memoryview) -> None:
    back.append(bytes(buffer))


@contextmanager
def places(stack: ExitStack, weed: Server, bucket: str) -> Iterator[dict[str, ReplicaStore]]:
    """A bucket and an SFTP server, both real."""
    sftp = stack.enter_context(sftp_server())
    s3 = S3Store(bucket, b"names", endpoint=weed.endpoint, region="us-east-1", credentials=CREDENTIALS)
    found: dict[str, ReplicaStore] = {"s3": RemoteReplica(s3), "sftp": RemoteReplica(sftp.store())}
    try:
        yield found
    finally:
        for each in found.values():
            each.close()


def run(stores: Mapping[str, ReplicaStore], seed: int, count: int) -> tuple[dict[str, Counter[str]], list[str]]:
    with tempfile.TemporaryDirectory() as folder:
        wanted = taken_here(Path(folder), list(names(random.Random(seed), count)))
    told: dict[str, Counter[str]] = {}
    wrong: list[str] = []
    for kind, store in stores.items():
        told[kind] = Counter()
        for number in range(0, len(wanted), _BATCH):
            counted, bad = tried(store, wanted[number : number + _BATCH], number)
            told[kind] += counted
            wrong += [f"{kind}: {each}" for each in bad]
    return told, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with ExitStack() as stack:
        server = stack.enter_context(running(weed_server(Path(stack.enter_context(tempfile.TemporaryDirectory())))))
        stores = stack.enter_context(places(stack, server, server.bucket("names")))
        told, wrong = run(stores, given.seed, given.count)
    for kind, counted in told.items():
        print(kind, dict(counted))
    print(f"{len(wrong)} wrong", *wrong[:50], sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
