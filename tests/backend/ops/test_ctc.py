"""Connectionist temporal classification: every path written out, PyTorch's values, decoding."""

import itertools
import math

import numpy as np
import pytest

import graftgrad
from graftgrad import engine, ops
from graftgrad.errors import ConfigError, DataError, DTypeError, ShapeError
from support.case import CaseChecks, between, case, normal
from support.golden import cases

LABELS = np.array([[1, 1], [2, 1], [2, 0]])
STEPS, LENGTHS = np.array([4, 4, 3]), np.array([2, 2, 1])


def collapsed(path, blank):
    return tuple(k for k, _ in itertools.groupby(path) if k != blank)


def of_labels(rows, blank=0):
    """The probability of every sequence of labels, all paths added up."""
    found = {}
    for path in itertools.product(range(rows.shape[1]), repeat=len(rows)):
        share = math.exp(sum(row[k] for row, k in zip(rows, path, strict=True)))
        labels = collapsed(path, blank)
        found[labels] = found.get(labels, 0.0) + share
    return found


def expected(log_probabilities, labels, input_lengths, label_lengths, blank=0, reduction="mean"):
    losses = np.array([
        -math.log(of_labels(rows[:t], blank)[tuple(int(k) for k in told[:n])])
        for rows, told, t, n in zip(
            log_probabilities, labels, input_lengths, label_lengths, strict=True)
    ])  # fmt: skip
    per_label = losses / np.maximum(label_lengths, 1)
    return {"none": losses, "sum": losses.sum(), "mean": per_label.mean()}[reduction]


class TestCTC(CaseChecks):
    CASES = (
        case(ops.ctc_loss, log_probabilities=normal(3, 4, 3), labels=LABELS, input_lengths=STEPS,
             label_lengths=LENGTHS, oracle=expected),
        case(ops.ctc_loss, log_probabilities=between((2, 3, 4), -3, 0), labels=np.array([[0], [2]]),
             input_lengths=np.array([3, 2]), label_lengths=np.array([1, 0]), blank=3,
             reduction="none", oracle=expected),
        case(ops.ctc_loss, log_probabilities=normal(2, 3, 2), labels=np.zeros((2, 0), "int64"),
             input_lengths=np.array([3, 1]), label_lengths=np.array([0, 0]), oracle=expected),
    )  # fmt: skip


@pytest.mark.parametrize("golden", cases("torch_losses", "ctc_loss"), ids=str)
def test_loss_and_gradient_agree_with_pytorch(golden) -> None:
    given = golden.group("operand")
    x = graftgrad.tensor(given["log_probs"], requires_grad=True)
    loss = ops.ctc_loss(
        ops.log_softmax(x), given["targets"], given["input_lengths"], given["target_lengths"],
        **golden.settings,
    )  # fmt: skip
    np.testing.assert_allclose(loss.detach().numpy(), golden["output"], rtol=1e-12)
    for create_graph in (False, True):
        (g,) = engine.grad(loss, x, graftgrad.tensor(golden["cotangent"]), retain_graph=True,
                           create_graph=create_graph)  # fmt: skip
        np.testing.assert_allclose(
            g.detach().numpy(), golden["gradient/log_probs"], rtol=1e-11, atol=1e-13
        )


def test_labels_that_do_not_fit_cost_infinity_and_pull_nowhere() -> None:
    x = graftgrad.tensor(np.zeros((2, 2, 3), "float32"), requires_grad=True)
    labels = [[1, 1], [1, 2]]
    loss = ops.ctc_loss(x, labels, reduction="none")
    assert loss.tolist() == [math.inf, 0]
    for create_graph in (False, True):
        (g,) = engine.grad(loss, x, graftgrad.ones(2), retain_graph=True, create_graph=create_graph)
        assert not g.detach().numpy()[0].any()
        assert g.detach().numpy()[1].sum() == -2
    assert ops.ctc_loss(x, labels, zero_infinity=True, reduction="sum").item() == 0
    none = ops.ctc_loss(x, labels, [0, 0], [0, 1], reduction="none")
    assert none.tolist() == [0, math.inf]


def test_the_best_path_is_read_off() -> None:
    x = graftgrad.tensor(np.eye(3, dtype="float32")[[[1, 1, 0, 1, 2], [2, 2, 2, 0, 1]]])
    paths, scores = ops.ctc_decode(x, [5, 3])
    assert paths.tolist() == [[[1, 1, 2, -1, -1], [2, -1, -1, -1, -1]]]
    assert scores.tolist() == [[-5], [-3]]
    paths, _ = ops.ctc_decode(x, [5, 3], merge_repeated=False)
    assert paths.tolist() == [[[1, 1, 1, 2, -1], [2, 2, 2, -1, -1]]]
    paths, _ = ops.ctc_decode(x, mask_index=2)
    assert paths.tolist() == [[[1, 0, 1, -1, -1], [0, 1, -1, -1, -1]]]


def test_wide_beams_find_the_most_likely_labels() -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 3))
    rows = x - np.log(np.exp(x).sum(-1, keepdims=True))
    paths, scores = ops.ctc_decode(
        graftgrad.tensor(x), [4, 3], "beam_search", beam_width=50, top_paths=3, mask_index=1
    )
    for i, steps in enumerate((4, 3)):
        ranked = sorted(of_labels(rows[i, :steps], 1).items(), key=lambda one: -one[1])[:3]
        for rank, (labels, share) in enumerate(ranked):
            assert [k for k in paths[rank, i].tolist() if k >= 0] == list(labels)
            assert math.isclose(scores[i, rank].item(), math.log(share), rel_tol=1e-9)


ROWS = graftgrad.zeros(2, 4, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.ctc_loss(ROWS[0], [[1], [1]]), ShapeError,
         r"log_probabilities must be \(N, T, K\)"),
        (lambda: ops.ctc_loss(ROWS, [[1]]), ShapeError, r"labels must be \(N, L\)"),
        (lambda: ops.ctc_loss(ROWS, [[1], [3]]), DataError,
         r"ctc_loss: labels must lie in \[0, 3\); got label=3, position=\(1, 0\)"),
        (lambda: ops.ctc_loss(ROWS, [[1], [1]], [4, 5]), DataError,
         r"input_lengths must lie in \[0, 4\]; got length=5, sample=1"),
        (lambda: ops.ctc_loss(ROWS, [[1], [1]], None, [-1, 1]), DataError,
         r"label_lengths must lie in \[0, 1\]; got length=-1, sample=0"),
        (lambda: ops.ctc_loss(ROWS, [[1], [1]], [4]), ShapeError, r"input_lengths must be \(N,\)"),
        (lambda: ops.ctc_loss(ROWS, [[1.0], [1.0]]), DTypeError, "labels must be integers"),
        (lambda: ops.ctc_loss(ROWS, [[1], [1]], blank=3), ShapeError, "blank must be a class"),
        (lambda: ops.ctc_decode(ROWS, strategy="best"), ConfigError,
         'strategy must be "greedy" or "beam_search"; got strategy=.best'),
        (lambda: ops.ctc_decode(ROWS, [1, 5]), DataError, r"lengths must lie in \[0, 4\]"),
        (lambda: ops.ctc_decode(ROWS, [1]), ShapeError, "one length for each sample"),
        (lambda: ops.ctc_decode(ROWS[0]), ShapeError, r"logits must be \(N, T, K\)"),
        (lambda: ops.ctc_decode(ROWS, mask_index=3), ConfigError, "mask_index must be a class"),
        (lambda: ops.ctc_decode(ROWS, top_paths=2, beam_width=1), ConfigError,
         "top_paths must lie between 1 and beam_width"),
    ],
)  # fmt: skip
def test_errors(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()
