"""The collection of the demonstration: 60 pages, tables, records and a recording, in folders with true-life names."""

import json
import math
import struct
from collections.abc import Iterator
from pathlib import Path

from preserve.demo.almanac import (
    LATITUDE_DEGREES,
    LONGITUDE_DEGREES,
    UTC_OFFSET_HOURS,
    YEARS,
    clock,
    days_of,
    moon_phases,
)
from preserve.demo.pictures import page

IDENTIFIER = "almanac-phnom-penh"
_RATE_HERTZ = 44_100
_BELL_SECONDS = 120

_README_KHMER = "ប្រតិទិនព្រះអាទិត្យ និងព្រះចន្ទ នៅភ្នំពេញ\nម៉ោងព្រះអាទិត្យរះ និងលិច ត្រូវបានគណនា មិនមែនវាស់ទេ។\n"
_NOTE_FRENCH = (
    "Lever et coucher du soleil à Phnom Penh, calculés, non mesurés.\n"
    "Les heures sont celles de l'été comme de l'hiver : UTC+7, sans changement d'heure.\n"
)
_NOTE_VIETNAMESE = "Giờ mặt trời mọc và lặn tại Phnôm Pênh, được tính toán, không phải đo đạc.\nMúi giờ: UTC+7.\n"


def make(folder: Path) -> None:
    """Writes the collection into a new folder."""
    for name, content in _files():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def _files() -> Iterator[tuple[str, bytes]]:
    """(path below the folder, content)"""
    for year in YEARS:
        for month in range(1, 13):
            bands = [(day.sunrise_minutes / 1440, day.sunset_minutes / 1440) for day in days_of(year, month)]
            yield f"ទំព័រ/{year}/ទំព័រ-{year}-{month:02d}.png", page(f"{year}-{month:02d}", bands)
        yield f"tables/{year}/soleil-été-{year}.csv", _sun_table(year)
        yield f"tables/{year}/mặt-trăng-{year}.csv", _moon_table(year)
        yield f"records/{year}.json", _record(year)
    yield "អានមុន.txt", _README_KHMER.encode()
    yield "Notes/À lire – méthode.txt", _NOTE_FRENCH.encode()
    yield "Notes/Ghi chú - phương pháp.txt", _NOTE_VIETNAMESE.encode()
    yield "Notes/to be continued.txt", b""
    yield "recordings/កណ្តឹង.wav", _bell()


def _sun_table(year: int) -> bytes:
    lines = ["date,sunrise,sunset,daylight_minutes"]
    for month in range(1, 13):
        lines += [
            f"{day.date},{clock(day.sunrise_minutes)},{clock(day.sunset_minutes)},{day.daylight_minutes:.1f}"
            for day in days_of(year, month)
        ]
    return ("\r\n".join(lines) + "\r\n").encode()


def _moon_table(year: int) -> bytes:
    lines = [f"{moment:%Y-%m-%d},{phase}" for moment, phase in moon_phases(year)]
    return ("date,mean_phase\r\n" + "\r\n".join(lines) + "\r\n").encode()


def _record(year: int) -> bytes:
    days = [day for month in range(1, 13) for day in days_of(year, month)]
    longest = max(days, key=lambda day: day.daylight_minutes)
    shortest = min(days, key=lambda day: day.daylight_minutes)
    record = {
        "title": {"km": "ប្រតិទិន", "fr": "Almanach", "vi": "Niên lịch"},
        "place": {"latitude": LATITUDE_DEGREES, "longitude": LONGITUDE_DEGREES, "utc_offset_hours": UTC_OFFSET_HOURS},
        "year": year,
        "days": len(days),
        "longest_day": {"date": str(longest.date), "minutes": round(longest.daylight_minutes, 1)},
        "shortest_day": {"date": str(shortest.date), "minutes": round(shortest.daylight_minutes, 1)},
    }
    return (json.dumps(record, ensure_ascii=False, indent=2) + "\n").encode()


def _bell() -> bytes:
    """Two minutes of a bell, struck every four seconds: 21 MB of stereo sound (RIFF WAVE, 16 bit)."""
    partials = ((220.0, 0.40, 0.4), (440.0, 0.30, 0.8), (528.0, 0.18, 1.1), (660.0, 0.12, 1.5))
    stroke = bytearray()
    for n in range(_RATE_HERTZ * 4):
        t = n / _RATE_HERTZ
        value = sum(part * math.exp(-decay * t) * math.sin(2 * math.pi * hertz * t) for hertz, part, decay in partials)
        stroke += struct.pack("<hh", int(value * 30_000), int(value * 27_000))
    sound = bytes(stroke) * (_BELL_SECONDS // 4)
    header = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", 36 + len(sound), b"WAVE", b"fmt ", 16, 1, 2, _RATE_HERTZ, _RATE_HERTZ * 4, 4, 16
    )
    return header + struct.pack("<4sI", b"data", len(sound)) + sound
