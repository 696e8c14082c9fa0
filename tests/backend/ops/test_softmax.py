import math

import numpy as np
import pytest

import graftgrad
from graftgrad import engine, modes, ops
from graftgrad.errors import ConfigError, DataError, DTypeError, ShapeError
from graftgrad.ops import binary_entropy, labels
from graftgrad.ops.tiles import TILE
from support.case import CaseChecks, attribute, between, case, integers, nodes, positive
from support.golden import cases

LABELS = np.array([2, 0, 1, 2])
INFINITY = float("inf")


def expected_softmax(x, axis=-1):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


def expected_log_softmax(x, axis=-1):
    return np.log(expected_softmax(x, axis))


def expected_logsumexp(x, axis=None, keepdims=False):
    return np.log(np.exp(x).sum(axis=axis, keepdims=keepdims))


def expected_cross_entropy(
    logits, labels, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0, axis=-1
):
    log_p = expected_log_softmax(np.moveaxis(logits, axis, -1))
    classes = log_p.shape[-1]
    weight = np.ones(classes) if weight is None else weight
    losses, weights = np.zeros(labels.shape), np.zeros(labels.shape)
    for place, label in np.ndenumerate(labels):
        if label != ignore_index:
            right = -weight[label] * log_p[place][label]
            even = -(weight * log_p[place]).sum() / classes
            losses[place] = (1 - label_smoothing) * right + label_smoothing * even
            weights[place] = weight[label]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / weights.sum()}[reduction]


def expected_dense(logits, targets, weight=1.0, reduction="mean", label_smoothing=0.0):
    t = targets * (1 - label_smoothing) + label_smoothing / logits.shape[-1]
    losses = -(t * weight * expected_log_softmax(logits)).sum(-1)
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


def expected_nll(x, labels, weight=None, reduction="mean"):
    weights = np.ones(labels.shape) if weight is None else weight[labels]
    losses = -weights * np.take_along_axis(x, labels[..., None], -1)[..., 0]
    return {"none": losses, "mean": losses.sum() / weights.sum()}[reduction]


def expected_binary(probabilities, targets, weight=1.0, reduction="mean"):
    p, t = probabilities, targets
    losses = -weight * (t * np.log(p) + (1 - t) * np.log(1 - p))
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


def expected_binary_logits(logits, targets, weight=1.0, pos_weight=1.0, reduction="mean"):
    p = 1 / (1 + np.exp(-logits))
    losses = -weight * (pos_weight * targets * np.log(p) + (1 - targets) * np.log(1 - p))
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


class TestSoftmax(CaseChecks):
    CASES = (
        case(ops.softmax, x=(3, 4), oracle=expected_softmax),
        case(ops.softmax, x=(2, 3, 4), axis=1, oracle=expected_softmax),
        case(ops.softmax, x=(2, 3, 4), axis=attribute((0, 2)), oracle=expected_softmax),
        case(ops.softmax, x=(0, 4), oracle=expected_softmax),
        case(ops.log_softmax, x=(3, 4), oracle=expected_log_softmax),
        case(ops.log_softmax, x=(2, 3, 4), axis=0, oracle=expected_log_softmax),
        case(ops.log_softmax, x=(2, 3, 4), axis=attribute((1, 2)), oracle=expected_log_softmax),
        case(ops.logsumexp, x=(3, 4), oracle=expected_logsumexp),
        case(ops.logsumexp, x=(2, 3, 4), axis=1, keepdims=True, oracle=expected_logsumexp),
        case(ops.logsumexp, x=(2, 3, 4), axis=attribute((0, 2)), oracle=expected_logsumexp),
    )


class TestCrossEntropy(CaseChecks):
    CASES = (
        case(ops.cross_entropy, logits=(4, 3), labels=integers(4, 3),
             oracle=expected_cross_entropy),
        case(ops.cross_entropy, logits=(4, 3), labels=integers(4, 3, dtype="uint8"),
             reduction="none", oracle=expected_cross_entropy),
        case(ops.cross_entropy, logits=(2, 5, 3), labels=integers((2, 5), 3, dtype="int32"),
             reduction="sum", label_smoothing=0.2, oracle=expected_cross_entropy),
        case(ops.cross_entropy, logits=(2, 3, 5), labels=integers((2, 5), 3), axis=1,
             reduction="none", oracle=expected_cross_entropy),
        case(ops.cross_entropy, logits=(4, 3), labels=LABELS, ignore_index=2,
             oracle=expected_cross_entropy),
        case(ops.cross_entropy, logits=(4, 3), labels=LABELS, ignore_index=None,
             oracle=expected_cross_entropy),
        case(ops.cross_entropy, logits=(4, 3), labels=LABELS, weight=positive(3),
             gradient=("logits",), oracle=expected_cross_entropy),
        case(ops.cross_entropy, logits=(4, 3), labels=LABELS, weight=positive(3),
             ignore_index=0, label_smoothing=0.3, oracle=expected_cross_entropy),
        case(ops.softmax_cross_entropy, logits=(4, 3), targets=positive(4, 3),
             oracle=expected_dense),
        case(ops.softmax_cross_entropy, logits=(2, 4, 3), targets=positive(2, 4, 3),
             reduction="none", label_smoothing=0.1, oracle=expected_dense),
        case(ops.softmax_cross_entropy, logits=(4, 3), targets=positive(4, 3),
             weight=positive(3), reduction="sum", oracle=expected_dense),
        case(ops.nll_loss, log_probabilities=(4, 3), labels=integers(4, 3),
             oracle=expected_nll),
        case(ops.nll_loss, log_probabilities=(2, 5, 3), labels=integers((2, 5), 3),
             weight=positive(3), reduction="none", oracle=expected_nll),
        case(labels.LabelDistribution(3, np.dtype("float64"), 0.3), labels=integers(5, 3),
             oracle=lambda labels: np.eye(3)[labels] * 0.7 + 0.1),
    )  # fmt: skip


class TestBinary(CaseChecks):
    CASES = (
        case(ops.binary_cross_entropy, probabilities=between((3, 2), 0.1, 0.9),
             targets=between((3, 2), 0, 1), oracle=expected_binary),
        case(ops.binary_cross_entropy, probabilities=between((3, 2), 0.1, 0.9),
             targets=between((2,), 0, 1), weight=positive(2), reduction="none",
             oracle=expected_binary),
        case(ops.binary_cross_entropy_with_logits, logits=(3, 2), targets=between((3, 2), 0, 1),
             oracle=expected_binary_logits),
        case(ops.binary_cross_entropy_with_logits, logits=(3, 2), targets=between((2,), 0, 1),
             reduction="sum", oracle=expected_binary_logits),
        case(ops.binary_cross_entropy_with_logits, logits=(3, 2), targets=between((3, 2), 0, 1),
             weight=positive(2), pos_weight=positive(2), reduction="none",
             oracle=expected_binary_logits),
    )  # fmt: skip


def _settings(golden) -> dict:
    renamed = {"dim": "axis", "keepdim": "keepdims"}
    return {
        renamed.get(name, name): tuple(value) if isinstance(value, list) else value
        for name, value in golden.settings.items()
    }


@pytest.mark.parametrize(
    "golden",
    cases(
        "torch_ops",
        *("softmax", "log_softmax", "logsumexp", "cross_entropy", "nll_loss"),
        *("binary_cross_entropy", "binary_cross_entropy_with_logits"),
    ),
    ids=str,
)
def test_values_and_both_orders_agree_with_pytorch(golden) -> None:
    function = getattr(ops, golden.class_name)
    given = golden.group("operand")
    wanted = golden.facts["wanted"]
    tensors = {n: graftgrad.tensor(a, requires_grad=n in wanted) for n, a in given.items()}
    first, *others = [name for name in tensors if name != "weight"]
    extra = {"weight": tensors["weight"]} if "weight" in tensors else {}
    y = function(tensors[first], *[tensors[name] for name in others], **extra, **_settings(golden))
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-12, atol=1e-14)
    inputs = [tensors[name] for name in wanted]
    gy = graftgrad.tensor(golden["cotangent"])
    for create_graph in (False, True):
        found = engine.grad(y, inputs, gy, retain_graph=True, create_graph=create_graph)
        for name, g in zip(wanted, found, strict=True):
            np.testing.assert_allclose(
                g.detach().numpy(), golden[f"gradient/{name}"], rtol=1e-12, atol=1e-14
            )
    for name, g, x in zip(wanted, found, inputs, strict=True):
        if not g.requires_grad:
            assert not golden[f"second/{name}"].any()
        elif f"second/{name}" in golden:
            direction = graftgrad.tensor(golden[f"direction/{name}"])
            (second,) = engine.grad(g, x, direction, retain_graph=True)
            np.testing.assert_allclose(
                second.numpy(), golden[f"second/{name}"], rtol=1e-10, atol=1e-11
            )


@pytest.mark.parametrize("axis", [0, -1])
def test_many_rows_are_cut_into_tiles_without_a_seam(axis: int) -> None:
    x = np.random.default_rng(0).standard_normal((TILE // 5, 7)).astype("float32")
    x = x if axis == -1 else np.ascontiguousarray(x.T)
    for function, oracle in (
        (ops.softmax, expected_softmax),
        (ops.log_softmax, expected_log_softmax),
    ):
        y = function(graftgrad.tensor(x), axis).numpy()
        np.testing.assert_allclose(y, oracle(x.astype("float64"), axis), rtol=2e-6, atol=1e-7)


def test_masked_and_huge_logits_give_no_nan() -> None:
    x = graftgrad.tensor(
        np.array([[-INFINITY, 3e38, 0], [1e4, -1e4, -INFINITY]], "float32"), requires_grad=True
    )
    np.testing.assert_array_equal(ops.softmax(x).detach().numpy(), [[0, 1, 0], [1, 0, 0]])
    top = np.array([1, 0])
    for y in (
        ops.softmax(x),
        ops.cross_entropy(x, top),
        ops.softmax_cross_entropy(x, np.eye(3, dtype="float32")[top]),
        ops.logsumexp(x, -1),
    ):
        (gx,) = engine.grad(y, x, y.like(np.ones(y.shape, "float32")))
        assert np.isfinite(y.detach().numpy()).all()
        assert np.isfinite(gx.numpy()).all()
    log_p = ops.log_softmax(x).detach().numpy()
    np.testing.assert_array_equal(log_p[1], np.array([0, -2e4, -INFINITY], "float32"))


def test_rows_that_are_masked_entirely_are_defined() -> None:
    x = graftgrad.tensor(np.full((1, 3), -INFINITY, "float32"), requires_grad=True)
    one_hot = np.array([[0, 1, 0]], "float32")
    assert ops.softmax(x).detach().tolist() == [[0, 0, 0]]
    assert ops.log_softmax(x).detach().tolist() == [[-INFINITY] * 3]
    assert ops.logsumexp(x, -1).detach().tolist() == [-INFINITY]
    assert ops.cross_entropy(x, [1]).detach().item() == INFINITY
    assert ops.softmax_cross_entropy(x, one_hot).detach().item() == INFINITY
    (gx,) = engine.grad(ops.softmax(x), x, graftgrad.tensor(one_hot))
    assert gx.tolist() == [[0, 0, 0]]


def test_binary_entropies_at_their_ends() -> None:
    ends = np.array([-INFINITY, INFINITY, -INFINITY, -1e30, 1e30], "float32")
    loss = ops.binary_cross_entropy_with_logits(
        graftgrad.tensor(ends), np.array([0, 1, 1, 0, 1], "float32"), reduction="none"
    )
    assert loss.tolist() == [0, 0, INFINITY, 0, 0]
    p = graftgrad.tensor([0.0, 1.0, 0.0], requires_grad=True)
    loss = ops.binary_cross_entropy(p, np.array([0, 1, 1], "float32"), reduction="none")
    assert loss.detach().tolist() == [0, 0, 100]
    loss.sum().backward()
    assert np.isfinite(p.grad.numpy()).all()


def test_large_logits_keep_their_differences_in_float32() -> None:
    x = np.array([[1e4, 1e4 + 1, 1e4 - 1]], "float32")
    wanted = expected_softmax(np.array([[0.0, 1.0, -1.0]]))
    np.testing.assert_allclose(ops.softmax(graftgrad.tensor(x)).numpy(), wanted, rtol=1e-6)
    loss = ops.cross_entropy(graftgrad.tensor(x), [0]).item()
    assert math.isclose(loss, -math.log(wanted[0, 0]), rel_tol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_16_bit_logits_are_computed_in_float32(dtype: str) -> None:
    x = graftgrad.tensor(np.random.default_rng(0).standard_normal((4, 300)) * 3, dtype)
    label = np.arange(4)
    targets = np.eye(300)[label]
    half = 2.0**-11 if dtype == "float16" else 2.0**-8
    for function in (
        ops.softmax,
        ops.log_softmax,
        lambda x: ops.logsumexp(x, -1),
        lambda x: ops.cross_entropy(x, label, reduction="none"),
        lambda x: ops.softmax_cross_entropy(x, x.like(targets).to(x.dtype), reduction="none"),
    ):
        low, high = x.detach().requires_grad_(), x.float().requires_grad_()
        y, reference = function(low), function(high)
        assert str(y.dtype) == dtype
        np.testing.assert_allclose(
            y.detach().float().numpy(), reference.detach().numpy(), rtol=half, atol=1e-7
        )
        (g,) = engine.grad(y, low, y.like(np.ones(y.shape)).to(dtype))
        (wanted,) = engine.grad(reference, high, y.like(np.ones(y.shape)).float())
        np.testing.assert_allclose(g.float().numpy(), wanted.numpy(), rtol=8 * half, atol=8 * half)


def test_labels_out_of_range_are_named() -> None:
    x = graftgrad.tensor(np.zeros((2, 3, 4), "float32"))
    bad = np.array([[0, 1, 2], [3, 9, -1]])
    message = (
        r"cross_entropy: labels must lie in \[0, 4\); got label=9, position=\(1, 1\), "
        r"classes=4, labels out of range='2 of 6'"
    )
    with pytest.raises(DataError, match=message):
        ops.cross_entropy(x, bad)
    with pytest.raises(DataError, match=r"nll_loss: .*label=9"):
        ops.nll_loss(x, bad)
    with pytest.raises(DataError, match=r"label=9, position=\(1, 1\).*'1 of 6'"):
        ops.cross_entropy(x, bad, ignore_index=-1)
    with pytest.raises(DataError, match=r"fit: .*label=5, position=1, classes=3"):
        labels.check_labels(np.array([0, 5]), 3, subject="fit")
    with pytest.raises(DataError, match=r"label=-100"):
        ops.cross_entropy(x[0], np.array([0, -100, 1]), ignore_index=None)


def test_labels_that_turn_bad_in_a_replay_give_nan_and_touch_no_other_row() -> None:
    x = graftgrad.tensor(np.zeros((3, 4), "float32"), requires_grad=True)
    label = graftgrad.tensor([0, 1, 2])
    launches: list = []
    with modes.taped(launches):
        y = ops.cross_entropy(x, label, reduction="none", ignore_index=None)
        (gx,) = engine.grad(y, x, graftgrad.tensor([1.0, 1.0, 1.0]))
    label.array[1] = 4
    for one in launches:
        one.kernel.run(one.ins, one.outs, ())
    np.testing.assert_array_equal(np.isnan(y.detach().numpy()), [False, True, False])
    np.testing.assert_array_equal(np.isnan(gx.numpy()).any(axis=1), [False, True, False])


def test_only_logits_labels_and_one_sum_per_row_are_kept() -> None:
    x = graftgrad.tensor(np.zeros((5, 4), "float32"), requires_grad=True)
    (node,) = nodes([ops.cross_entropy(x, np.arange(4).repeat(2)[:5], reduction="none")])
    kept = {name: array.shape for name, array in node.kept_arrays()}
    assert kept == {"logits": (5, 4), "labels": (5,), "log_total": (5,)}


def test_a_mean_of_nothing_is_zero() -> None:
    x = graftgrad.tensor(np.zeros((2, 3), "float32"), requires_grad=True)
    loss = ops.cross_entropy(x, np.array([-100, -100]))
    loss.backward()
    assert loss.detach().item() == 0
    assert not x.grad.numpy().any()


def test_labels_of_any_sign_may_be_ignored() -> None:
    x = graftgrad.tensor(np.zeros((2, 3), "float32"))
    found = ops.cross_entropy(x, np.array([255, 1], "uint8"), ignore_index=255)
    assert math.isclose(found.item(), math.log(3), rel_tol=1e-6)


def test_bad_arguments_are_refused_with_their_value() -> None:
    x = graftgrad.tensor(np.zeros((2, 3), "float32"))
    with pytest.raises(ShapeError, match=r"labels must have the shape of logits without classes"):
        ops.cross_entropy(x, np.array([[0, 1]]))
    with pytest.raises(DTypeError, match=r"labels must be integers; got dtype='bool'"):
        ops.cross_entropy(x, np.array([True, False]))
    with pytest.raises(ConfigError, match=r"got reduction='average'"):
        ops.cross_entropy(x, [0, 1], reduction="average")
    with pytest.raises(ConfigError, match=r"got label_smoothing=1.5"):
        ops.cross_entropy(x, [0, 1], label_smoothing=1.5)
    with pytest.raises(ShapeError, match=r"one weight for each class"):
        ops.cross_entropy(x, [0, 1], weight=np.ones(2, "float32"))
    with pytest.raises(ShapeError, match=r"must have one shape"):
        ops.softmax_cross_entropy(x, np.zeros((2, 4), "float32"))
    with pytest.raises(ShapeError, match=r"softmax: the axis must not be empty"):
        ops.softmax(graftgrad.tensor(np.zeros((2, 0), "float32")))


def test_the_tensors_of_the_meta_device_pass_the_check() -> None:
    x = graftgrad.tensor(np.zeros((2, 3), "float32"), device="meta")
    assert ops.cross_entropy(x, np.array([7, 8]), reduction="none").shape == (2,)
    assert binary_entropy.binary_cross_entropy(x, x).shape == ()
