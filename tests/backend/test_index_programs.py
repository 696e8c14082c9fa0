"""Random index expressions, read and written: values as NumPy's, gradients as differences."""

from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, basic_indices, broadcastable_shapes

import graftgrad
from graftgrad import ops


@st.composite
def arrays_of_places(draw: Any, size: int, shape: tuple[int, ...]) -> Any:
    count = int(np.prod(shape))
    places = draw(st.lists(st.integers(-size, size - 1), min_size=count, max_size=count))
    return np.array(places, "int64").reshape(shape)


@st.composite
def indices(draw: Any, shape: tuple[int, ...]) -> Any:
    """An index of every kind: slices, integers, None, `...`; arrays among them; a mask."""
    kind = draw(st.sampled_from(["basic", "arrays", "mask"]))
    if kind == "basic":
        return draw(basic_indices(shape, allow_newaxis=True, max_dims=6))
    if kind == "mask":
        axes = draw(st.integers(1, len(shape)))
        count = int(np.prod(shape[:axes]))
        truth = draw(st.lists(st.booleans(), min_size=count, max_size=count))
        return np.array(truth).reshape(shape[:axes])
    common = draw(array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=3))
    entries: list[Any] = []
    for size in shape[: draw(st.integers(1, len(shape)))]:
        if draw(st.booleans()):
            entries.append(draw(arrays_of_places(size, common)))
        elif draw(st.booleans()):
            entries.append(draw(st.integers(-size, size - 1)))
        else:
            entries.append(draw(st.slices(size)))
    if draw(st.booleans()):
        entries.insert(draw(st.integers(0, len(entries))), None)
    if draw(st.booleans()):
        entries.append(...)
    return tuple(entries)


@st.composite
def readings(draw: Any) -> Any:
    shape = draw(array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4))
    return shape, draw(indices(shape))


@st.composite
def writings(draw: Any) -> Any:
    shape, index = draw(readings())
    part = np.zeros(shape)[index].shape
    value = draw(broadcastable_shapes(part, min_dims=0, max_dims=len(part), min_side=0))
    fits = len(value) <= len(part) and all(
        a in (1, b) for a, b in zip(value[::-1], part[::-1], strict=False)
    )
    return shape, index, value if fits else part


def tensors(*shapes: tuple[int, ...]) -> list[Any]:
    draw = np.random.default_rng(0)
    return [graftgrad.tensor(draw.normal(size=s), "float64", requires_grad=True) for s in shapes]


def check(function: Any, numpys: Any, xs: list[Any]) -> None:
    """Value, and the change along a line; what is linear changes by exactly its gradient."""
    hosts = [x.detach().numpy() for x in xs]
    y = function(*xs)
    wanted = np.asarray(numpys(*hosts))
    assert y.shape == wanted.shape
    np.testing.assert_array_equal(y.detach().numpy(), wanted)
    draw = np.random.default_rng(1)
    weights = draw.normal(size=wanted.shape)
    steps = [draw.normal(size=x.shape) for x in xs]
    found = graftgrad.grad((y * weights).sum(), xs, allow_unused=True)
    moved = np.asarray(numpys(*(x + step for x, step in zip(hosts, steps, strict=True))))
    difference = ((moved - wanted) * weights).sum()
    along = sum(
        float((g.numpy() * step).sum())
        for g, step in zip(found, steps, strict=True)
        if g is not None
    )
    np.testing.assert_allclose(along, difference, rtol=1e-9, atol=1e-9)


def written(x: Any, index: Any, v: Any) -> Any:
    y = x * 1
    y[index] = v
    return y


def added_to(x: Any, index: Any, v: Any) -> Any:
    y = x * 1
    y[index] += v
    return y


LEAN = settings(max_examples=120, deadline=None, suppress_health_check=[*HealthCheck])


@LEAN
@given(readings())
def test_reading(case: Any) -> None:
    shape, index = case
    check(lambda x: x[index] * 1, lambda x: x[index], tensors(shape))


@LEAN
@given(writings())
def test_writing(case: Any) -> None:
    shape, index, value = case
    check(lambda x, v: written(x, index, v), lambda x, v: written(x, index, v),
          tensors(shape, value))  # fmt: skip


@LEAN
@given(writings())
def test_adding_to_a_part(case: Any) -> None:
    shape, index, value = case
    check(lambda x, v: added_to(x, index, v), lambda x, v: added_to(x, index, v),
          tensors(shape, value))  # fmt: skip


@LEAN
@given(writings(), st.data())
def test_writing_into_a_view_of_a_view(case: Any, data: Any) -> None:
    """The view is made first and changed then; base and view are both looked at."""
    shape, index, value = case
    axis = data.draw(st.integers(0, len(shape) - 1))

    def ours(x: Any, v: Any) -> Any:
        base = x * 1
        turned = ops.flip(base, axis).T
        turned.T[index] = v
        return ops.concatenate([base.reshape(-1), turned.reshape(-1)])

    def numpys(x: Any, v: Any) -> Any:
        base = x * 1
        turned = np.flip(base, axis).T
        turned.T[index] = v
        return np.concatenate([base.reshape(-1), turned.reshape(-1)])

    check(ours, numpys, tensors(shape, value))
