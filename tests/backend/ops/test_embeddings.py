"""Rows of a table, one by one and in bags: naive oracles, PyTorch's values, errors."""

import numpy as np
import pytest

import graftgrad
from graftgrad import engine, ops
from graftgrad.errors import ConfigError, DataError, DTypeError, ShapeError
from graftgrad.ops import embeddings
from support.case import CaseChecks, case, distinct, integers
from support.golden import cases

OFFSETS = np.array([0, 2, 2, 5])
MODES = {"sum": np.sum, "mean": np.mean, "max": np.max}


def expected_bag(indices, weights, offsets=None, mode="mean", per_sample_weights=None):
    rows = weights[indices]
    if per_sample_weights is not None:
        rows = rows * per_sample_weights[..., None]
    if offsets is None:
        bags = list(rows)
    else:
        bags = [rows[a:b] for a, b in zip(offsets, [*offsets[1:], len(rows)], strict=True)]
    none = np.zeros(weights.shape[1])
    return np.array([MODES[mode](bag, axis=0) if len(bag) else none for bag in bags])


def shortened(weights, indices):
    found = weights.copy()
    for i in set(indices.reshape(-1)):
        found[i] *= min(1, 0.5 / (np.linalg.norm(found[i]) + 1e-7))
    return found


class TestEmbeddings(CaseChecks):
    CASES = (
        case(ops.embedding, indices=np.array([[3, 0], [1, 3]]), weights=(5, 2),
             oracle=lambda indices, weights: weights[indices]),
        case(embeddings.Renormalize(0.5), weights=(4, 3), indices=integers(5, 4),
             updates=("weights",), gradient=False, oracle=shortened),
        *(
            case(ops.embedding_bag, indices=integers((3, 4), 5), weights=distinct(5, 2), mode=mode,
                 oracle=expected_bag)
            for mode in MODES
        ),
        *(
            case(ops.embedding_bag, indices=integers((7,), 5), weights=distinct(5, 2),
                 offsets=OFFSETS, mode=mode, oracle=expected_bag)
            for mode in MODES
        ),
        case(ops.embedding_bag, indices=integers((3, 2), 5), weights=(5, 2), mode="sum",
             per_sample_weights=np.random.default_rng(0).standard_normal((3, 2)),
             oracle=expected_bag),
    )  # fmt: skip


@pytest.mark.parametrize("golden", cases("torch_losses", "embedding", "embedding_bag"), ids=str)
def test_values_and_gradients_agree_with_pytorch(golden) -> None:
    wanted = golden.facts["wanted"]
    given = {
        name: graftgrad.tensor(array, requires_grad=name in wanted)
        for name, array in golden.group("operand").items()
    }
    indices, table = given.pop("input"), given.pop("weight")
    y = getattr(ops, golden.class_name)(indices, table, **given, **golden.settings)
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-12)
    leaves = {"weight": table, **given}
    found = engine.grad(y, [leaves[n] for n in wanted], graftgrad.tensor(golden["cotangent"]))
    for name, g in zip(wanted, found, strict=True):
        np.testing.assert_allclose(g.numpy(), golden[f"gradient/{name}"], rtol=1e-12)


def test_rows_that_are_too_long_are_shortened_in_place() -> None:
    table = graftgrad.tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]], requires_grad=True)
    y = ops.embedding([0, 1], table, max_norm=1.0)
    np.testing.assert_allclose(y.detach().numpy(), [[0.6, 0.8], [0.3, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(table.detach().numpy()[2], [6, 8])
    np.testing.assert_array_equal(table.detach().numpy()[:2], y.detach().numpy())
    ops.embedding_bag([[2, 2]], table, max_norm=1.0, norm_type=1.0).sum().backward()
    np.testing.assert_allclose(table.detach().numpy()[2], [6 / 14, 8 / 14], rtol=1e-6)
    assert table.grad is not None
    assert table.grad.tolist() == [[0, 0], [0, 0], [1, 1]]


TABLE = graftgrad.ones(3, 2)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.embedding([0], TABLE, padding_idx=3), ShapeError,
         r"padding_idx must lie in \[-3, 3\); got padding_idx=3"),
        (lambda: ops.embedding([0], TABLE, max_norm=0.0), ConfigError, "max_norm must be positive"),
        (lambda: ops.embedding([0.5], TABLE), DTypeError, "indices must be integers"),
        (lambda: ops.embedding_bag([0], TABLE), ShapeError,
         r"indices must be \(N, B\), or \(M,\) beside offsets"),
        (lambda: ops.embedding_bag([[0]], TABLE, [0]), ShapeError,
         "indices beside offsets must have one axis"),
        (lambda: ops.embedding_bag([0, 1], TABLE, [1, 2]), DataError,
         "offsets must ascend from 0 to the number of indices"),
        (lambda: ops.embedding_bag([0, 1], TABLE, [0, 3]), DataError, "indices=2"),
        (lambda: ops.embedding_bag([0, 1], TABLE, [[0]]), ShapeError, "offsets must have one axis"),
        (lambda: ops.embedding_bag([[0]], TABLE, mode="min"), ConfigError, "got mode='min'"),
        (lambda: ops.embedding_bag([[0]], TABLE, per_sample_weights=[[1.0]]), ConfigError,
         'per_sample_weights need the mode "sum"'),
        (lambda: ops.embedding_bag([[0]], TABLE, mode="sum", per_sample_weights=[1.0]), ShapeError,
         "per_sample_weights must have the shape of indices"),
        (lambda: ops.embedding_bag([[3]], TABLE), DataError, "embedding_bag: .*got index=3"),
    ],
)  # fmt: skip
def test_errors(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()
