"""A row has changed when it was known before with other numbers, and only until other numbers come."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui.ui.widgets.changes import Changes

windows = st.dictionaries(st.integers(0, 5), st.integers(0, 2))


@given(st.lists(windows, min_size=1, max_size=8))
def test_what_changed_was_known_with_other_numbers(views: list[dict[int, int]]) -> None:
    changes: Changes[int, int] = Changes()
    said: dict[int, int] = {}
    for before, now in zip([{}, *views], views, strict=False):
        new = {key: before[key] for key in now if key in before and before[key] != now[key]}
        said = new or said
        assert changes.take(now) is bool(new)
        assert {key: old for key in range(6) if (old := changes.before(key)) is not None} == said


def test_what_has_settled_is_as_it_always_was() -> None:
    changes: Changes[str, int] = Changes()
    changes.take({"a": 1})
    changes.take({"a": 2})
    assert changes.before("a") == 1
    assert changes.settle() and changes.before("a") is None
    assert not changes.settle()
    changes.take({"a": 3})
    assert changes.before("a") == 2


def test_rows_of_another_question_have_not_changed() -> None:
    changes: Changes[str, int] = Changes()
    changes.take({"a": 1})
    changes.forget()
    assert not changes.take({"a": 2})
    assert changes.before("a") is None and changes.before(None) is None
