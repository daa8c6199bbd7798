"""Nothing that a name holds reaches the terminal as a command to it; JSON comes back as it went."""

import io
import json
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from preserve.cli import output
from preserve.cli.progress import Progress

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_no_control_character_is_left_in_a_message(text: str) -> None:
    shown = output.plain(text)
    assert not any(
        unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in shown.replace("\n", "")
    )
    shown.encode("utf-8")


def test_khmer_stays_readable() -> None:
    assert output.plain("ទួលស្លែង [red]") == "ទួលស្លែង [red]"


class Captured(io.TextIOWrapper):
    def __init__(self) -> None:
        self.bytes = io.BytesIO()
        super().__init__(self.bytes, encoding="utf-8")


@given(st.dictionaries(st.text(), ANY_TEXT | st.integers() | st.none() | st.booleans()))
def test_json_is_utf_8_harmless_and_comes_back_as_it_went(document: dict[str, object]) -> None:
    captured = Captured()
    with _standard_output(captured):
        output.print_json(document)
    written = captured.bytes.getvalue()
    assert written.endswith(b"}\n")
    text = written.decode("utf-8")
    assert json.loads(text) == document
    assert not any(character in text for character in "\x1b\x7f\x9b\u202e\u2066\u2028")


def _standard_output(stream: io.TextIOWrapper) -> "_Redirected":
    return _Redirected(stream)


class _Redirected:
    def __init__(self, stream: io.TextIOWrapper) -> None:
        self.stream = stream

    def __enter__(self) -> None:
        import sys

        self.before, sys.stdout = sys.stdout, self.stream

    def __exit__(self, *_: object) -> None:
        import sys

        sys.stdout = self.before


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class TestProgress:
    def test_the_line_tells_bytes_rate_time_left_files_and_findings(self) -> None:
        clock = Clock()
        progress = Progress("Reading", total_files=40, total_bytes=400_000_000, stream=io.StringIO(), clock=clock)
        progress.advance(files=10, bytes=100_000_000)
        clock.now = 10.0
        assert progress.line() == "Reading  100 MB of 400 MB  10 MB/s  30 s left  10 of 40 files"
        progress.found(2)
        assert progress.line().endswith("2 findings")

    def test_the_rate_is_of_the_last_half_minute(self) -> None:
        clock = Clock()
        progress = Progress("Reading", stream=io.StringIO(), clock=clock)
        for second in range(0, 200, 10):
            clock.now = second
            if second <= 100:
                progress.advance(bytes=10_000_000)
            line = progress.line()
        assert line.endswith("  0 B/s") and "left" not in line

    def test_a_log_gets_plain_lines_and_a_terminal_a_live_one(self) -> None:
        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        for stream in (io.StringIO(), Terminal()):
            with Progress("[red]Reading\x1b", stream=stream) as progress:
                progress.advance(files=1, bytes=1)
            assert ("[red]Reading\\x1b" in stream.getvalue()) == stream.isatty()

    def test_threads_lose_no_count(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        progress = Progress("Reading", quiet=True)

        def advance() -> None:
            for _ in range(2000):
                progress.advance(files=1, bytes=2)

        with progress, ThreadPoolExecutor(4) as pool:
            for _ in range(4):
                pool.submit(advance)
        assert "16 kB" in progress.line() and "8,000 files" in progress.line()

    def test_each_replica_has_its_line_on_a_terminal_and_all_have_one_in_a_log(self) -> None:
        clock = Clock()
        sizes = {"nas": 400_000_000, "abroad": 100_000_000}
        progress = Progress("auditing", total_bytes=500_000_000, replicas=sizes, stream=io.StringIO(), clock=clock)
        progress.advance(bytes=100_000_000, replica="nas")
        progress.advance(bytes=50_000_000, replica="abroad")
        progress.found(1, replica="abroad")
        clock.now = 10.0
        assert progress.lines() == [
            progress.line(),
            "  nas     100 MB of 400 MB  10 MB/s  30 s left",
            "  abroad  50 MB of 100 MB  5 MB/s  10 s left  1 finding",
        ]
        assert progress.line() == "auditing  150 MB of 500 MB  15 MB/s  23 s left  1 finding"
