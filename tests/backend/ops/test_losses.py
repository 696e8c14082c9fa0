"""Losses of numbers, with margins and of distances: naive oracles, PyTorch's values, errors."""

import math

import numpy as np
import pytest

import graftgrad
from graftgrad import engine, ops
from graftgrad.errors import ConfigError, DataError, ShapeError
from support.case import CaseChecks, between, case, distinct, integers, positive
from support.golden import cases

SIGNS = np.array([1.0, -1.0, -1.0, 1.0])
MARKS = np.array([[1, 3, -1, 0], [0, -1, 2, 2], [-1, 0, 0, 0]])


def reduced(losses, reduction="mean"):
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


def expected_huber(predictions, targets, delta=1.0, reduction="mean"):
    e = abs(predictions - targets)
    return reduced(np.where(e <= delta, e * e / 2, delta * (e - delta / 2)), reduction)


def expected_kl(log_probabilities, targets, log_target=False, reduction="mean"):
    t = np.exp(targets) if log_target else targets
    losses = t * (np.log(t) - log_probabilities)
    if reduction == "batchmean":
        return losses.sum() / len(losses)
    return reduced(losses, reduction)


def expected_gauss(predictions, targets, variances, reduction="mean"):
    return reduced((np.log(variances) + (predictions - targets) ** 2 / variances) / 2, reduction)


def expected_multi_margin(scores, labels, p=1, weight=None):
    found = []
    for row, label in zip(scores, labels, strict=True):
        gaps = [max(0, 1 - row[label] + x) ** p for k, x in enumerate(row) if k != label]
        found.append(sum(gaps) / len(row) * (1 if weight is None else weight[label]))
    return np.mean(found)


def expected_multilabel(scores, labels):
    found = []
    for row, told in zip(scores, labels, strict=True):
        own = [int(k) for k in told[: list(told).index(-1) if -1 in told else len(told)]]
        gaps = [max(0, 1 - row[j] + x) for j in own for i, x in enumerate(row) if i not in own]
        found.append(sum(gaps) / len(row))
    return np.mean(found)


def expected_triplet(anchors, positives, negatives, margin=1.0, swap=False, reduction="mean"):
    def d(a, b):
        return np.linalg.norm(a - b + 1e-6, axis=-1)

    far = d(anchors, negatives)
    far = np.minimum(far, d(positives, negatives)) if swap else far
    return reduced(np.maximum(d(anchors, positives) - far + margin, 0), reduction)


def expected_cdist(x1, x2, p=2.0):
    return np.linalg.norm(x1[..., :, None, :] - x2[..., None, :, :], ord=p, axis=-1)


class TestNumbers(CaseChecks):
    CASES = (
        case(ops.l1_loss, predictions=distinct(3, 4), targets=(4,), reduction="none",
             oracle=lambda x, t, reduction: abs(x - t)),
        case(ops.mse_loss, predictions=(3, 4), targets=(3, 4),
             oracle=lambda x, t: ((x - t) ** 2).mean()),
        case(ops.huber_loss, predictions=(3, 4), targets=(3, 4), delta=0.7,
             oracle=expected_huber),
        case(ops.smooth_l1_loss, predictions=(3, 4), targets=(3, 4), beta=0.5, reduction="sum",
             oracle=lambda predictions, targets, beta, reduction:
             expected_huber(predictions, targets, beta, reduction) / beta),
        case(ops.kl_div, log_probabilities=(3, 4), targets=positive(3, 4), oracle=expected_kl),
        case(ops.kl_div, log_probabilities=(3, 4), targets=(3, 4), log_target=True,
             reduction="batchmean", oracle=expected_kl),
        case(ops.poisson_nll_loss, predictions=(3, 4), targets=positive(3, 4),
             oracle=lambda x, t: (np.exp(x) - t * x).mean()),
        case(ops.gaussian_nll_loss, predictions=(3, 4), targets=(3, 4), variances=positive(3, 4),
             oracle=expected_gauss),
        case(ops.soft_margin_loss, predictions=(4,), targets=SIGNS, gradient=("predictions",),
             oracle=lambda predictions, targets: np.log1p(np.exp(-targets * predictions)).mean()),
    )  # fmt: skip


class TestMargins(CaseChecks):
    CASES = (
        case(ops.margin_ranking_loss, x1=(4,), x2=(4,), targets=SIGNS, margin=0.5,
             oracle=lambda x1, x2, targets, margin:
             np.maximum(0, margin - targets * (x1 - x2)).mean(), gradient=("x1", "x2")),
        case(ops.hinge_embedding_loss, x=(4,), targets=SIGNS, gradient=("x",),
             oracle=lambda x, targets: np.where(targets == 1, x, np.maximum(0, 1 - x)).mean()),
        case(ops.cosine_embedding_loss, x1=(4, 3), x2=(4, 3), targets=SIGNS,
             gradient=("x1", "x2")),
        case(ops.multi_margin_loss, scores=(3, 4), labels=integers(3, 4), p=2,
             oracle=expected_multi_margin),
        case(ops.multi_margin_loss, scores=(3, 4), labels=integers(3, 4), weight=positive(4),
             oracle=expected_multi_margin),
        case(ops.multilabel_margin_loss, scores=(3, 4), labels=MARKS, oracle=expected_multilabel),
        case(ops.multilabel_soft_margin_loss, logits=(3, 4), targets=between((3, 4), 0, 1)),
        case(ops.triplet_margin_loss, anchors=(4, 3), positives=(4, 3), negatives=(4, 3),
             margin=2.0, oracle=expected_triplet),
        case(ops.triplet_margin_loss, anchors=(4, 3), positives=(4, 3), negatives=(4, 3),
             swap=True, reduction="none", oracle=expected_triplet),
    )  # fmt: skip


class TestDistances(CaseChecks):
    CASES = (
        case(ops.pairwise_distance, x1=(3, 4), x2=(4,), keepdims=True, oracle=lambda x1, x2, **_:
             np.linalg.norm(x1 - x2 + 1e-6, axis=-1, keepdims=True)),
        case(ops.cdist, x1=(2, 3, 4), x2=(5, 4), oracle=expected_cdist),
        case(ops.cdist, x1=(3, 2), x2=(2, 2), p=1.5, oracle=expected_cdist),
        case(ops.cdist, x1=(3, 2), x2=(2, 2), p=math.inf, oracle=expected_cdist),
        case(ops.pdist, x=(4, 3), oracle=lambda x:
             np.array([np.linalg.norm(x[i] - x[j]) for i in range(4) for j in range(i + 1, 4)])),
        case(ops.cosine_similarity, x1=(3, 4), x2=(3, 4), axis=0, oracle=lambda x1, x2, axis:
             (x1 * x2).sum(0) / np.linalg.norm(x1, axis=0) / np.linalg.norm(x2, axis=0)),
    )  # fmt: skip


RENAMED = {"dim": "axis"}
TOLD_BY_NAME = ("weight",)


@pytest.mark.parametrize(
    "golden",
    [
        one
        for one in cases("torch_losses")
        if one.class_name.endswith(("_loss", "_div", "_distance", "dist", "_similarity"))
        and one.class_name != "ctc_loss"
    ],
    ids=str,
)
def test_values_and_gradients_agree_with_pytorch(golden) -> None:
    wanted = golden.facts["wanted"]
    tensors = {
        name: graftgrad.tensor(array, requires_grad=name in wanted)
        for name, array in golden.group("operand").items()
    }
    named = {name: tensors[name] for name in TOLD_BY_NAME if name in tensors}
    settings = {RENAMED.get(name, name): value for name, value in golden.settings.items()}
    if settings.get("p") == "inf":
        settings["p"] = math.inf
    y = getattr(ops, golden.class_name)(
        *[x for name, x in tensors.items() if name not in named], **named, **settings
    )
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-11, atol=1e-13)
    found = engine.grad(y, [tensors[name] for name in wanted],
                        graftgrad.tensor(golden["cotangent"]))  # fmt: skip
    for name, g in zip(wanted, found, strict=True):
        np.testing.assert_allclose(g.numpy(), golden[f"gradient/{name}"], rtol=1e-10, atol=1e-12)


def test_a_distance_of_nothing_has_a_gradient_of_nothing() -> None:
    x = graftgrad.ones(2, 3, requires_grad=True)
    for p in (1.5, 2.0, 3.0):
        (g,) = engine.grad(ops.cdist(x, x.detach(), p).sum(), x)
        assert not g.numpy().any()
    (g,) = engine.grad(ops.cosine_similarity(x * 0, x.detach()).sum(), x)
    assert np.isfinite(g.numpy()).all()
    assert ops.cdist(x, x, 0).tolist() == [[0, 0], [0, 0]]


ONE = graftgrad.ones(2, 3)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: ops.huber_loss(ONE, ONE, delta=0), ConfigError,
         r"huber_loss: delta must be positive; got delta=0\."),
        (lambda: ops.smooth_l1_loss(ONE, ONE, beta=-1.0), ConfigError, "beta must not be negative"),
        (lambda: ops.mse_loss(ONE, ONE, reduction="avg"), ConfigError, "reduction must be"),
        (lambda: ops.mse_loss(ONE, graftgrad.ones(4)), ShapeError, "sizes must be equal or 1"),
        (lambda: ops.gaussian_nll_loss(ONE, ONE, ONE, eps=0), ConfigError, "eps must be positive"),
        (lambda: ops.gaussian_nll_loss(ONE, ONE, [[1, 1, 1], [1, -2, 1]]), DataError,
         r"variances must not be negative; got variance=-2\.0, position=\(1, 1\)"),
        (lambda: ops.multi_margin_loss(ONE, [0, 1], p=3), ConfigError, "p must be 1 or 2; got p=3"),
        (lambda: ops.multi_margin_loss(ONE, [0, 3]), DataError,
         r"multi_margin_loss: labels must lie in \[0, 3\); got label=3, position=1"),
        (lambda: ops.multi_margin_loss(ONE, [0, 1], weight=graftgrad.ones(2)), ShapeError,
         "one weight for each class"),
        (lambda: ops.multilabel_margin_loss(ONE, [0, 1]), ShapeError,
         "labels must have the shape of scores"),
        (lambda: ops.multilabel_margin_loss(ONE, [[0, 1, -2], [0, 1, 2]]), DataError, "label=-2"),
        (lambda: ops.triplet_margin_loss(ONE, ONE, ONE, margin=0.0), ConfigError,
         "margin must be positive"),
        (lambda: ops.cdist(ONE, graftgrad.ones(2, 4)), ShapeError, r"both must be \(…, N, D\)"),
        (lambda: ops.pairwise_distance(ONE, ONE, p=-1), ConfigError, "p must not be negative"),
        (lambda: ops.pdist(ONE[0]), ShapeError, "pdist: x must have 2 axes"),
    ],
)  # fmt: skip
def test_errors(call, error, text) -> None:
    with pytest.raises(error, match=text):
        call()
