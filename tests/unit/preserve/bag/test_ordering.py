"""Sorting in little memory."""

from hypothesis import given
from hypothesis import strategies as st

from preserve.ordering import Sorter


@given(st.lists(st.binary(max_size=20)), st.integers(1, 500))
def test_spilled_or_not_the_order_is_the_same(records: list[bytes], run_bytes: int) -> None:
    sorter = Sorter(run_bytes)
    for record in records:
        sorter.add(record)
    assert list(sorter) == sorted(records)
    sorter.close()
