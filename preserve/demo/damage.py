"""Real damage to real files, as it happens to disks: bytes change and times do not."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One thing that was done, in words, and the replica it was done to."""

    replica: str
    words: str


class Vandal:
    """Damages copies. `copies` maps a replica's name to the copy's folder."""

    def __init__(self, copies: dict[str, Path]) -> None:
        self._copies = copies

    def flip_bit(self, replica: str, path: str) -> Deed:
        def flipped(content: bytes) -> bytes:
            middle = len(content) // 2
            return content[:middle] + bytes([content[middle] ^ 0x10]) + content[middle + 1 :]

        self._rewrite(replica, path, flipped)
        return Deed(replica=replica, words=f"one bit flipped in {path}")

    def zero(self, replica: str, path: str) -> Deed:
        self._rewrite(replica, path, lambda content: bytes(len(content)))
        return Deed(replica=replica, words=f"all of {path} overwritten with zeros, its size kept")

    def truncate(self, replica: str, path: str) -> Deed:
        self._rewrite(replica, path, lambda content: content[: len(content) // 2])
        return Deed(replica=replica, words=f"{path} cut to half its length")

    def delete(self, replica: str, path: str) -> Deed:
        (self._copies[replica] / path).unlink()
        return Deed(replica=replica, words=f"{path} deleted")

    def rename(self, replica: str, path: str, name: str) -> Deed:
        file = self._copies[replica] / path
        file.rename(file.with_name(name))
        return Deed(replica=replica, words=f"{path} renamed to {name}")

    def add(self, replica: str, path: str, content: bytes) -> Deed:
        (self._copies[replica] / path).write_bytes(content)
        return Deed(replica=replica, words=f"{path} added, which was never taken in")

    def _rewrite(self, replica: str, path: str, change: Callable[[bytes], bytes]) -> None:
        file = self._copies[replica] / path
        before = file.stat()
        content = file.read_bytes()
        file.write_bytes(change(content))
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def vandalise(copies: dict[str, Path]) -> list[Deed]:
    """Everything that the demonstration does to three copies, `nas`, `usb` and `abroad`."""
    vandal = Vandal(copies)
    twice, thrice = "data/ទំព័រ/2023/ទំព័រ-2023-07.png", "data/Notes/À lire – méthode.txt"
    return [
        vandal.flip_bit("nas", "data/recordings/កណ្តឹង.wav"),
        vandal.delete("nas", "data/tables/2022/mặt-trăng-2022.csv"),
        vandal.truncate("usb", "data/ទំព័រ/2021/ទំព័រ-2021-03.png"),
        vandal.rename("usb", "data/records/2024.json", "2024 (copy).json"),
        vandal.add("abroad", "data/tables/2020/.Trashes", b"left behind by another computer\n"),
        vandal.zero("nas", twice),
        vandal.flip_bit("usb", twice),
        vandal.truncate("nas", thrice),
        vandal.zero("usb", thrice),
        vandal.flip_bit("abroad", thrice),
    ]
