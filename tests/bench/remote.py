"""Reading replicas afar, against `rclone hashsum sha256 --download` on the same server in the same run.

`python -m tests.bench.remote --s3 [--large 8] [--large-bytes 268435456] [--small 20000] [--repeat 3]`. What is measured
of ours is the real way: the listing, then shards read by `ShardChecker` with as many threads as the store is good for.
Runs alternate; figures are medians. Ratios over 1 are in our favour. Trust ratios, not absolutes.
"""

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from checks.digesting import Digester
from checks.evidence import Outcome
from checks.inventory import Record
from checks.listing import Names
from checks.shards import ShardChecker
from preserve.executors.threads import Pool
from preserve.stores.retrying import Retrying

_SHARD = 1000  # files
_IDENTITY = b".preserve/identity.json"
_REPLICA = "7ad5b5f4-9d69-4a3c-bc1e-3b5d6f2d2b10"


@dataclass(frozen=True, slots=True)
class Side:
    """One kind of server: how files are put on it, our store of them, and rclone's words for its folders."""

    name: str
    put: Callable[[str, bytes], object]
    store: Callable[[], Any]
    rclone: Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Cost:
    wall_seconds: float
    cpu_seconds: float


def plant(side: Side, folder: str, count: int, size_bytes: int) -> Record:
    """Puts files there; what is known of them."""
    names = [f"{number // _SHARD:03}/{number:06}.bin" for number in range(count)]

    def put(name: str) -> bytes:
        content = os.urandom(size_bytes)
        side.put(f"{folder}/{name}", content)
        return sha256(content).digest()

    with ThreadPoolExecutor(8 if size_bytes < 1 << 20 else 1) as pool:
        digests = list(pool.map(put, names))
    paths = [name.encode() for name in names]
    return Record(start=b"", stop=b"", paths=paths, sizes=[size_bytes] * count, digests=digests)


def shards_of(record: Record) -> list[Record]:
    return [
        Record(
            start=b"",
            stop=b"",
            paths=record.paths[start : start + _SHARD],
            sizes=record.sizes[start : start + _SHARD],
            digests=record.digests[start : start + _SHARD],
        )
        for start in range(0, len(record.paths), _SHARD)
    ]


def ours(side: Side, folder: str, record: Record, threads: int | None) -> Cost:
    """Lists and reads everything, and demands that it be good."""
    store = side.store()
    begun, cpu = time.perf_counter(), time.process_time()
    pool = Pool(threads or store.in_flight, "files")
    checker = ShardChecker(Retrying(store), _REPLICA, Digester(("sha256",), pool, parallel_from_bytes=0))
    listed = sum(1 for _ in store.listing(folder.encode()))
    assert listed == len(record.paths)
    for shard in shards_of(record):
        judged = checker.check(folder.encode(), shard, shard.root(), Names())
        assert judged.outcome is Outcome.PASS, judged
    pool.shutdown()
    cost = Cost(time.perf_counter() - begun, time.process_time() - cpu)
    store.close()
    return cost


def theirs(side: Side, folder: str) -> Cost:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    begun = time.perf_counter()
    subprocess.run(side.rclone(folder), check=True, stdout=subprocess.DEVNULL)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def compare(side: Side, label: str, record: Record, repeat: int, threads: int | None) -> None:
    taken: dict[str, list[Cost]] = {"ours": [], "rclone": []}
    for _ in range(repeat):
        taken["rclone"].append(theirs(side, label))
        taken["ours"].append(ours(side, label, record, threads))
    wall = {who: statistics.median(cost.wall_seconds for cost in costs) for who, costs in taken.items()}
    cpu = {who: statistics.median(cost.cpu_seconds for cost in costs) for who, costs in taken.items()}
    count, size = len(record.paths), sum(record.sizes)
    print(
        f"{side.name:4} {label:6} {count:6} files {size / 1e6:8.0f} MB"
        f"  ours {wall['ours']:6.2f} s ({count / wall['ours']:7.0f}/s, {size / wall['ours'] / 1e6:6.0f} MB/s,"
        f" cpu {cpu['ours']:5.2f})  rclone {wall['rclone']:6.2f} s (cpu {cpu['rclone']:5.2f})"
        f"  throughput {wall['rclone'] / wall['ours']:4.2f} of rclone's",
        flush=True,
    )


def measure(side: Side, asked: argparse.Namespace) -> None:
    side.put(_IDENTITY.decode(), b'{"replica": "%s", "name": "bench"}' % _REPLICA.encode())
    for label, count, size_bytes in (
        ("large", asked.large, asked.large_bytes),
        ("small", asked.small, asked.small_bytes),
    ):
        if count:
            compare(side, label, plant(side, label, count, size_bytes), asked.repeat, asked.threads)


def s3(asked: argparse.Namespace, folder: Path) -> None:
    """SeaweedFS on this machine."""
    from preserve.stores.s3 import S3Store
    from tests.support.s3_servers import CREDENTIALS, KEY, SECRET, binary, running, weed_server

    with running(weed_server(folder)) as server:
        server.bucket("bench")
        client = server.client()
        settings = folder / "rclone.conf"
        settings.write_text(
            f"[weed]\ntype = s3\nprovider = SeaweedFS\naccess_key_id = {KEY}\nsecret_access_key = {SECRET}\n"
            f"endpoint = {server.endpoint}\nregion = us-east-1\n"
        )
        words = [binary("rclone"), "--config", str(settings), "hashsum", "sha256", "--download"]
        side = Side(
            "s3",
            lambda path, content: client.put_object(Bucket="bench", Key=path, Body=content),
            lambda: S3Store("bench", b"", endpoint=server.endpoint, region="us-east-1", credentials=CREDENTIALS),
            lambda path: [*words, f"weed:bench/{path}"],
        )
        measure(side, asked)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--s3", action="store_true")
    parser.add_argument("--large", type=int, default=8, help="files")
    parser.add_argument("--large-bytes", type=int, default=256 << 20)
    parser.add_argument("--small", type=int, default=20_000, help="files")
    parser.add_argument("--small-bytes", type=int, default=4096)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--threads", type=int, help="the store's own number if none")
    parser.add_argument("--folder", help="where to work; the system's temporary folder if none")
    asked = parser.parse_args()
    for wanted, run in ((asked.s3, s3),):
        if wanted:
            with tempfile.TemporaryDirectory(prefix="preserve-bench-", dir=asked.folder) as folder:
                run(asked, Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
