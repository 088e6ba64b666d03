"""Finding rows by their keys: wherever they stand, one by one or many at once, and what is kept of it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.hub.finder import KEY_COLUMNS, Finder
from tui.model import RowKey

few = st.integers(0, 2)
a_key = st.builds(RowKey, st.sampled_from(["a", "b"]), few, few, few, st.sampled_from(["", "Gmail"]))


def finder_of(keys: list[RowKey]) -> Finder:
    return Finder({name: [getattr(key, name) for key in keys] for name in KEY_COLUMNS})


@given(st.lists(a_key, unique=True), st.lists(a_key))
def test_every_row_is_found_one_by_one_and_all_at_once(keys: list[RowKey], sought: list[RowKey]) -> None:
    expected = [keys.index(key) if key in keys else None for key in sought]
    assert [finder_of(keys).find(key) for key in sought] == expected
    finder = finder_of(keys)
    finder.find_all(sought)
    assert finder.has_found(sought)
    assert [finder.find(key) for key in sought] == expected


def test_a_row_is_found_by_its_key_wherever_it_stands() -> None:
    keys = [RowKey(source, 0, number % 97, number, "") for source in "ab" for number in range(500)]
    finder = finder_of(keys)
    for number in (0, 7, 499):
        assert finder.find(RowKey("b", 0, number % 97, number, "")) == 500 + number
    assert finder.find(RowKey("c", 0, 7, 7, "")) is None
    assert finder.find(RowKey("b", 0, 8, 7, "")) is None


def test_what_was_found_or_noted_is_found_again_until_it_is_released() -> None:
    finder, keys = finder_of([RowKey("a")]), [RowKey("a"), RowKey("b")]
    assert not finder.has_found(keys)
    finder.note(keys[1], 7)
    assert [finder.find(key) for key in keys] == [0, 7] and finder.has_found(keys)
    finder.release()
    assert not finder.has_found(keys)
    finder.find_all([*keys, RowKey("c"), RowKey("d")])
    assert [finder.find(key) for key in keys] == [None, None]
