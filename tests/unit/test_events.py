import numpy as np
import pytest

from scalesmear.events import COLUMNS, Events


def two_events() -> Events:
    return Events(
        mass=np.array([90.0, 91.0]), et=np.array([[40.0, 30.0], [50.0, 20.0]]), run=np.array([1, 2])
    )


def test_columns_take_their_declared_type() -> None:
    events = two_events()
    assert {name: getattr(events, name).dtype for name in events.columns} == {
        name: COLUMNS[name].dtype for name in ("run", "mass", "et")
    }


def test_a_column_that_was_not_read_is_an_error_that_names_what_is_there() -> None:
    with pytest.raises(AttributeError, match=r"'phi' is not in this batch.*'run', 'mass', 'et'"):
        _ = two_events().phi


def test_unknown_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown column 'energy'"):
        Events(energy=np.ones(3))


@pytest.mark.parametrize(
    ("name", "shape"), [("et", (2,)), ("mass", (3,)), ("mass", (2, 2)), ("gain", (2, 3))]
)
def test_shapes_that_disagree_are_refused(name: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"column '{name}' has shape"):
        Events(run=np.ones(2), **{name: np.ones(shape)})


def test_abs_eta_folds_the_supercluster_eta() -> None:
    events = Events(eta_sc=np.array([[-1.5, 0.5]]))
    assert events.abs_eta.tolist() == [[1.5, 0.5]]


def test_where_and_concatenate_undo_each_other() -> None:
    events = two_events()
    first = np.array([True, False])
    again = Events.concatenate([events.where(first), events.where(~first)])
    assert again.columns == events.columns
    for name in events.columns:
        np.testing.assert_array_equal(getattr(again, name), getattr(events, name))
    assert len(again) == 2
