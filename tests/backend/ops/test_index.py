import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import graftgrad
from graftgrad.errors import DataError, DTypeError, GradientError, ShapeError
from graftgrad.ops.index import setitem
from support.case import CaseChecks, attribute, case

I = np.array([2, 0, -1])  # noqa: E741
J = np.array([[1], [0]])
MASK = np.array([True, False, True])
TABLE = np.array(
    [[True, False, True, True], [False, False, True, False], [True, True, False, False]]
)

EXPRESSIONS = {
    "integer": np.s_[1],
    "last": np.s_[-1, 2],
    "slice": np.s_[:, 1:3],
    "step": np.s_[::2, ::-1],
    "back": np.s_[5:0:-2],
    "new": np.s_[None, :, None],
    "dots": np.s_[..., 0],
    "dots_between": np.s_[0, ..., None, 1],
    "nothing": np.s_[()],
    "empty_slice": np.s_[2:1],
    "array": np.s_[I],
    "array_second": np.s_[:, I],
    "array_last": np.s_[..., I - 1],
    "two_arrays": np.s_[I, I],
    "two_arrays_stretched": np.s_[J, I],
    "array_and_integer": np.s_[I, 1],
    "apart": np.s_[I, :, I - 1],
    "apart_integer": np.s_[1, :, I - 1],
    "apart_new": np.s_[I, None, I],
    "side_by_side_behind": np.s_[:, I, I - 1],
    "slice_before_and_after": np.s_[1:, I, ::2],
    "new_before": np.s_[None, I],
    "list": np.s_[[0, 2]],
    "empty_list": np.s_[[]],
    "mask": np.s_[MASK],
    "mask_second": np.s_[:, np.array([True, False, True, True])],
    "mask_of_two_axes": np.s_[TABLE],
    "mask_and_integer": np.s_[MASK, 1],
    "mask_and_array": np.s_[MASK, np.array([1, 3])],
    "mask_apart": np.s_[MASK, :, np.array([1, 0])],
    "truth": np.s_[True],
    "untruth": np.s_[False, 1:],
    "truth_and_array": np.s_[True, I],
}


def indexed(x, index):
    return x[index]


class TestGetItem(CaseChecks):
    CASES = tuple(
        case(indexed, label=name, x=(3, 4, 2), index=attribute(index), oracle=indexed)
        for name, index in EXPRESSIONS.items()
    )


def written(x, value, index):
    setitem(x, index, value)
    return x


def host_written(x, value, index):
    y = x.copy()
    y[index] = value
    return y


class TestSetItem(CaseChecks):
    CASES = tuple(
        case(
            written,
            label=name,
            x=(3, 4, 2),
            value=(1,),
            index=attribute(EXPRESSIONS[name]),
            oracle=host_written,
            gradient=False,
            updates=["x"],
        )
        for name in ("step", "array", "side_by_side_behind", "apart", "mask_second")
    )


@pytest.mark.parametrize("name", EXPRESSIONS)
@pytest.mark.parametrize("value", ["number", "whole", "row"])
def test_writing_where_reading_reads(name, value):
    index, host = EXPRESSIONS[name], np.arange(24.0).reshape(3, 4, 2)
    x = graftgrad.tensor(host)
    part = host[index]
    values = {
        "number": 7.0,
        "whole": 100 + np.arange(part.size, dtype="float64").reshape(part.shape),
        "row": 50 + np.arange(part.shape[-1] if part.ndim else 1, dtype="float64")[-1:],
    }[value]
    if part.ndim == 0 and value == "row":
        values = 50.0
    before = x.version
    x[index] = values
    wanted = host.copy()
    wanted[index] = values
    np.testing.assert_array_equal(x.numpy(), wanted)
    assert x.version > before


@st.composite
def expressions(draw, shape=(3, 4, 2, 3)):
    """Index expressions of every kind, in every mixture."""
    entries, axis, together = [], 0, draw(st.sampled_from([(), (1,), (2,), (2, 1), (2, 2)]))
    kinds = ["integer", "slice", "array", "new", "mask", "tensor"]
    while axis < len(shape) and draw(st.integers(0, 5)):
        kind, size = draw(st.sampled_from(kinds)), shape[axis]
        bound = st.integers(-size - 1, size + 1)
        place = st.integers(-size, size - 1)
        if kind == "new":
            entries.append(None)
            continue
        if kind == "integer":
            entries.append(draw(place))
        elif kind == "slice":
            ends = draw(st.tuples(bound, bound, st.sampled_from([1, 2, -1, -3])))
            entries.append(slice(*ends))
        elif kind == "mask":
            entries.append(np.array(draw(st.lists(st.booleans(), min_size=size, max_size=size))))
        else:
            count = int(np.prod(together))
            drawn = draw(st.lists(place, min_size=count, max_size=count))
            array = np.array(drawn, "int64").reshape(together)
            entries.append(array if kind == "array" else graftgrad.tensor(array))
        axis += 1
    if draw(st.booleans()):
        entries.insert(draw(st.integers(0, len(entries))), Ellipsis)
    return tuple(entries)


@settings(
    max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
@given(expressions())
def test_any_expression_reads_as_in_numpy(index):
    host = np.arange(72.0).reshape(3, 4, 2, 3)
    plain = tuple(e.numpy() if isinstance(e, graftgrad.Tensor) else e for e in index)
    try:
        wanted = host[plain]
    except IndexError:  # lengths of masks and arrays that do not meet, or an index outside
        assume(False)
    x = graftgrad.tensor(host, requires_grad=True)
    found = x[index]
    assert found.shape == wanted.shape
    np.testing.assert_array_equal(found.detach().numpy(), wanted)
    found.sum().backward()
    counts = np.zeros_like(host)
    np.add.at(counts, plain, 1)
    np.testing.assert_array_equal(x.grad.numpy(), counts)


def test_views_are_views_and_picks_are_copies():
    x = graftgrad.zeros(3, 4)
    x[1].fill_(1)
    assert x.numpy().sum() == 4
    x[[1]].fill_(9)
    assert x.numpy().sum() == 4


def test_an_index_that_is_a_tensor():
    x = graftgrad.arange(5)
    assert x[graftgrad.tensor(2)].item() == 2
    assert x[graftgrad.tensor([0, -1])].tolist() == [0, 4]
    assert x[x > 2].tolist() == [3, 4]
    x[x > 2] = 0
    assert x.tolist() == [0, 1, 2, 0, 0]


def test_of_repeated_indices_the_last_wins():
    x = graftgrad.zeros(3)
    x[[1, 1]] = [5.0, 6.0]
    assert x.tolist() == [0, 6, 0]


def test_values_are_converted():
    x = graftgrad.zeros(3, dtype="float32")
    x[[0, 1]] = graftgrad.tensor([1, 2])
    x[2] = np.float64(0.5)
    assert x.dtype == graftgrad.float32
    assert x.tolist() == [1, 2, 0.5]


def test_no_writing_into_a_graph():
    x = graftgrad.zeros(3, requires_grad=True)
    for index in (0, [0, 1], np.array([True, False, True])):
        with pytest.raises(GradientError, match=r"leaf that requires a gradient .*no_grad"):
            x[index] = 1
    with graftgrad.no_grad():
        x[[0, 1]] = 1
    assert x.tolist() == [1, 1, 0]


@pytest.mark.parametrize(
    ("index", "error", "words"),
    [
        (3, ShapeError, r"index: must lie in \[-3, 3\); got x=\(3, 4\).*axis=0, index=3"),
        ((0, -5), ShapeError, "axis=1, index=-5"),
        ((0, 0, 0), ShapeError, "more indices than axes"),
        ((..., ...), ShapeError, "one `...` at most"),
        ([0, 3], DataError, r"indices must lie in \[-3, 3\); got index=3, position=\(1,\)"),
        (([0, 1], [0, -5]), DataError, r"index=-5, position=\(1,\), size=4"),
        (([0, 1], [0, 1, 2]), ShapeError, "sizes must be equal or 1"),
        (np.array([True, False]), ShapeError, r"a mask must have the shape .*mask=\(2,\)"),
        (np.zeros((3, 3), "bool"), ShapeError, r"mask=\(3, 3\)"),
        (np.zeros((3, 4, 1), "bool"), ShapeError, "more indices than axes"),
        (1.5, DTypeError, r"must be an integer, a slice.*index=1.5"),
        ("a", DTypeError, "must be an integer"),
        ([0.5], DTypeError, "must be an integer"),
    ],
)
def test_bad_expressions(index, error, words):
    x = graftgrad.arange(12).reshape(3, 4)
    with pytest.raises(error, match=words):
        x[index]
    with pytest.raises(error, match=words):
        x[index] = 0
    assert x.tolist() == np.arange(12).reshape(3, 4).tolist()


def test_values_that_do_not_stretch():
    x = graftgrad.zeros(3, 4)
    for index in (0, [0, 1], np.array([True, False, True])):
        with pytest.raises(ShapeError, match=r"stretch|equal or 1"):
            x[index] = [1.0, 2.0, 3.0]
    assert x.numpy().sum() == 0
