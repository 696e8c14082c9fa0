"""Recurrent networks of several layers: PyTorch's values, masks, dropout between layers, errors."""

import numpy as np
import pytest

import graftgrad
from graftgrad import engine, ops
from graftgrad.errors import ConfigError, ShapeError
from support.golden import cases

STACKED = {"lstm": ops.stacked_lstm, "gru": ops.stacked_gru, "rnn": ops.stacked_rnn}


def weights_of(golden):
    """PyTorch's weights in our order: rows become columns, its gates r, z of a GRU become z, r."""
    given, gates = golden.group("weight"), golden.facts["gates"]
    found = []
    for name in (name for name in given if name.startswith("weight_ih")):
        tail = name.removeprefix("weight_ih")
        kinds = (f"{kind}{tail}" for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        k, r, b, s = (given[kind] for kind in kinds)
        if gates == 3:
            k, r, b, s = (np.concatenate([one[2:4], one[:2], one[4:]]) for one in (k, r, b, s))
        bias = np.stack([b, s]) if gates == 3 else b + s
        found.append([graftgrad.tensor(one.T.copy()) for one in (k, r)] + [graftgrad.tensor(bias)])
    return found


@pytest.mark.parametrize("golden", cases("torch_losses", *STACKED), ids=str)
def test_layers_in_one_and_both_directions_agree_with_pytorch(golden) -> None:
    x = graftgrad.tensor(golden["operand/x"], requires_grad=True)
    y, *ended = STACKED[golden.class_name](x, weights_of(golden), **golden.settings)
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-11)
    for found, name in zip(ended, golden.group("state"), strict=True):
        np.testing.assert_allclose(found.detach().numpy(), golden[f"state/{name}"], rtol=1e-11)
    (g,) = engine.grad(y, x, graftgrad.tensor(golden["cotangent"]))
    np.testing.assert_allclose(g.numpy(), golden["gradient/x"], rtol=1e-10, atol=1e-13)


def drawn(*shape):
    return graftgrad.tensor(np.random.default_rng(shape).standard_normal(shape))


def network(layers, reads=3, units=2, directions=1):
    found = []
    for i in range(layers * directions):
        width = reads if i < directions else units * directions
        found.append((drawn(width, 4 * units), drawn(units, 4 * units), None))
    return found


def test_masks_and_first_states_reach_every_layer() -> None:
    x, weights = drawn(2, 4, 3), network(2, directions=2)
    mask = graftgrad.tensor([[True, True, True, True], [True, True, False, False]])
    h, c = drawn(4, 2, 2), drawn(4, 2, 2)
    y, last, _ = ops.stacked_lstm(x, weights, h, c, bidirectional=True, mask=mask)
    short, ended, _ = ops.stacked_lstm(x[1:, :2], weights, h[:, 1:], c[:, 1:], bidirectional=True)
    np.testing.assert_allclose(y[1:, :2].numpy(), short.numpy(), rtol=1e-12)
    np.testing.assert_allclose(last[:, 1:].numpy(), ended.numpy(), rtol=1e-12)


def test_dropout_between_layers_draws_anew_each_time() -> None:
    x, weights = drawn(2, 4, 3), network(2)
    state = graftgrad.tensor([5, 0], "uint32")
    plain = ops.stacked_lstm(x, weights)[0].numpy()
    first = ops.stacked_lstm(x, weights, rate=0.5, state=state)[0].numpy()
    second = ops.stacked_lstm(x, weights, rate=0.5, state=state)[0].numpy()
    again = ops.stacked_lstm(x, weights, rate=0.5, state=graftgrad.tensor([5, 0], "uint32"))[0]
    assert state.tolist() == [5, 2]
    assert not np.allclose(first, second)
    assert not np.allclose(first, plain)
    np.testing.assert_array_equal(again.numpy(), first)
    one = ops.stacked_lstm(x, weights[:1], rate=0.5, state=state)[0]
    np.testing.assert_array_equal(one.numpy(), ops.lstm(x, *weights[0])[0].numpy())


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.stacked_lstm(drawn(1, 2, 3), []), ConfigError,
         "stacked_lstm: there must be weights for every layer and direction; got weights=0"),
        (lambda: ops.stacked_gru(drawn(1, 2, 3), network(1), bidirectional=True), ConfigError,
         "stacked_gru: .*weights=1, bidirectional=True"),
        (lambda: ops.stacked_lstm(drawn(1, 2, 3), network(2), rate=0.5), ConfigError,
         "dropout needs the state of a generator"),
        (lambda: ops.stacked_rnn(drawn(1, 2, 3), network(2), drawn(1, 1, 2)), ShapeError,
         "stacked_rnn: there must be a first state for every layer and direction"),
    ],
)  # fmt: skip
def test_errors(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()
