import numpy as np
import pytest

import graftgrad
from graftgrad import engine
from graftgrad.errors import DTypeError, GradientError, ShapeError
from graftgrad.ops import norm, sample_norm
from graftgrad.ops.tiles import TILE
from support.case import CaseChecks, attribute, case, nodes, positive
from support.golden import cases


def batch_norm(x, gamma=None, beta=None, **attributes):
    """The normalised values alone: no gradient flows from the statistics."""
    return norm.batch_norm(x, gamma, beta, **attributes)[0]


def along(vector, ndim, axis):
    shape = [1] * ndim
    shape[axis] = -1
    return vector.reshape(shape)


def standardised(x, axes, epsilon):
    middle = x - x.mean(axis=axes, keepdims=True)
    return middle / np.sqrt((middle**2).mean(axis=axes, keepdims=True) + epsilon)


def expected_batch(x, gamma=None, beta=None, axis=-1, epsilon=1e-3):
    axes = tuple(i for i in range(x.ndim) if i != axis % x.ndim)
    y = standardised(x, axes, epsilon)
    y = y if gamma is None else y * along(gamma, x.ndim, axis)
    return y if beta is None else y + along(beta, x.ndim, axis)


def expected_inference(x, mean, variance, gamma=None, beta=None, axis=-1, epsilon=1e-3):
    y = x - along(mean, x.ndim, axis)
    y = y / np.sqrt(along(variance, x.ndim, axis) + epsilon)
    y = y if gamma is None else y * along(gamma, x.ndim, axis)
    return y if beta is None else y + along(beta, x.ndim, axis)


def expected_group(x, gamma=None, beta=None, *, groups, axis=-1, epsilon=1e-3):
    last = np.moveaxis(x, axis, -1)
    y = np.empty(last.shape)
    each = last.shape[-1] // groups
    for n in range(last.shape[0]):
        for g in range(groups):
            part = last[n, ..., g * each : (g + 1) * each]
            y[n, ..., g * each : (g + 1) * each] = standardised(part, None, epsilon)
    y = y if gamma is None else y * gamma
    y = y if beta is None else y + beta
    return np.moveaxis(y, -1, axis)


def expected_instance(x, gamma=None, beta=None, axis=-1, epsilon=1e-3):
    return expected_group(x, gamma, beta, groups=x.shape[axis], axis=axis, epsilon=epsilon)


def stretched_over(vector, x, axis):
    axes = sorted(a % x.ndim for a in ((axis,) if isinstance(axis, int) else axis))
    return vector.reshape([x.shape[i] if i in axes else 1 for i in range(x.ndim)])


def expected_layer(x, gamma=None, beta=None, axis=-1, epsilon=1e-3):
    y = standardised(x, axis, epsilon)
    y = y if gamma is None else y * stretched_over(gamma, x, axis)
    return y if beta is None else y + stretched_over(beta, x, axis)


def expected_rms(x, gamma=None, axis=-1, epsilon=1e-6):
    y = x / np.sqrt((x**2).mean(axis=axis, keepdims=True) + epsilon)
    return y if gamma is None else y * stretched_over(gamma, x, axis)


class TestBatchNorm(CaseChecks):
    CASES = (
        case(batch_norm, x=(5, 3), oracle=expected_batch),
        case(batch_norm, x=(2, 3, 4, 3), gamma=positive(3), beta=positive(3),
             oracle=expected_batch),
        case(batch_norm, x=(2, 3, 4), gamma=positive(3), beta=positive(3), axis=1, epsilon=0.1,
             oracle=expected_batch),
        case(batch_norm, x=(7, 3), gamma=positive(3), oracle=expected_batch),
        case(batch_norm, x=(7, 3), beta=positive(3), oracle=expected_batch),
        case(norm.batch_norm_inference, x=(2, 3, 4), mean=(4,), variance=positive(4),
             gamma=(4,), beta=(4,), oracle=expected_inference),
        case(norm.batch_norm_inference, x=(2, 3, 4), mean=(3,), variance=positive(3), axis=1,
             epsilon=0.1, oracle=expected_inference),
        case(norm.batch_norm_inference, x=(0, 4), mean=(4,), variance=positive(4),
             oracle=expected_inference),
    )  # fmt: skip


class TestGroupNorm(CaseChecks):
    CASES = (
        case(norm.group_norm, x=(2, 3, 2, 6), gamma=positive(6), beta=positive(6), groups=3,
             oracle=expected_group),
        case(norm.group_norm, x=(2, 6, 3), gamma=positive(6), beta=positive(6), groups=2, axis=1,
             oracle=expected_group),
        case(norm.group_norm, x=(3, 4), groups=2, oracle=expected_group),
        case(norm.group_norm, x=(3, 4, 2), groups=1, epsilon=0.1, oracle=expected_group),
        case(norm.instance_norm, x=(2, 5, 3), gamma=positive(3), beta=positive(3),
             oracle=expected_instance),
        case(norm.instance_norm, x=(2, 3, 5), axis=1, oracle=expected_instance),
    )  # fmt: skip


class TestLayerNorm(CaseChecks):
    CASES = (
        case(norm.layer_norm, x=(4, 5), oracle=expected_layer),
        case(norm.layer_norm, x=(2, 3, 5), gamma=positive(5), beta=positive(5),
             oracle=expected_layer),
        case(norm.layer_norm, x=(2, 3, 4), gamma=positive(3, 4), beta=positive(3, 4),
             axis=attribute((1, 2)), oracle=expected_layer),
        case(norm.layer_norm, x=(2, 3, 4), gamma=positive(2, 4), beta=positive(2, 4),
             axis=attribute((0, -1)), epsilon=0.1, oracle=expected_layer),
        case(norm.layer_norm, x=(2, 3, 4), gamma=positive(3), axis=1, oracle=expected_layer),
        case(norm.layer_norm, x=(0, 4), oracle=expected_layer),
        case(norm.rms_norm, x=(4, 5), oracle=expected_rms),
        case(norm.rms_norm, x=(2, 3, 5), gamma=positive(5), epsilon=0.1, oracle=expected_rms),
        case(norm.rms_norm, x=(2, 3, 4), gamma=positive(2, 3), axis=attribute((0, 1)),
             oracle=expected_rms),
        case(norm.normalize, x=(3, 4),
             oracle=lambda x: x / np.sqrt((x**2).sum(-1, keepdims=True))),
        case(norm.normalize, x=(3, 4, 2), axis=attribute((0, 2)),
             oracle=lambda x, axis: x / np.sqrt((x**2).sum(axis, keepdims=True))),
    )  # fmt: skip


def torch_form(golden, tensors):
    settings = dict(golden.settings)
    epsilon = settings.get("eps", 1e-5)
    x, gamma, beta = (tensors.get(name) for name in ("x", "w", "b"))
    if golden.class_name == "batch_norm" and not settings["training"]:
        mean, variance = tensors["mean"], tensors["var"]
        return norm.batch_norm_inference(x, mean, variance, gamma, beta, epsilon=epsilon)
    if golden.class_name == "batch_norm":
        return batch_norm(x, gamma, beta, epsilon=epsilon)
    if golden.class_name == "group_norm":
        return norm.group_norm(x, gamma, beta, groups=settings["num_groups"], epsilon=epsilon)
    axes = tuple(range(-len(settings["normalized_shape"]), 0))
    if golden.class_name == "rms_norm":
        return norm.rms_norm(x, gamma, axis=axes, epsilon=epsilon)
    return norm.layer_norm(x, gamma, beta, axis=axes, epsilon=epsilon)


@pytest.mark.parametrize(
    "golden", cases("torch_ops", "batch_norm", "group_norm", "layer_norm", "rms_norm"), ids=str
)
def test_values_and_both_orders_agree_with_pytorch(golden) -> None:
    wanted = golden.facts["wanted"]
    tensors = {
        name: graftgrad.tensor(array, requires_grad=name in wanted)
        for name, array in golden.group("operand").items()
    }
    y = torch_form(golden, tensors)
    np.testing.assert_allclose(y.detach().numpy(), golden["output"], rtol=1e-11, atol=1e-13)
    inputs = [tensors[name] for name in wanted]
    gy = graftgrad.tensor(golden["cotangent"])
    for create_graph in (False, True):
        found = engine.grad(y, inputs, gy, retain_graph=True, create_graph=create_graph)
        for name, g in zip(wanted, found, strict=True):
            np.testing.assert_allclose(
                g.detach().numpy(), golden[f"gradient/{name}"], rtol=1e-11, atol=1e-13
            )
    total = sum(
        (g * graftgrad.tensor(golden[f"direction/{name}"])).sum()
        for name, g in zip(wanted, found, strict=True)
    )
    for name, second in zip(wanted, engine.grad(total, inputs, allow_unused=True), strict=True):
        if f"second/{name}" in golden:
            np.testing.assert_allclose(
                second.numpy(), golden[f"second/{name}"], rtol=1e-10, atol=1e-12
            )


@pytest.mark.parametrize("golden", cases("layers", "BatchNormalization"), ids=str)
def test_training_statistics_agree_with_keras(golden) -> None:
    if "training/output" not in golden:
        pytest.skip("Keras' layer is frozen in this case")
    axis, epsilon = golden.settings.get("axis", -1), golden.settings.get("epsilon", 1e-3)
    momentum = golden.settings.get("momentum", 0.99)
    x = graftgrad.tensor(golden["input/0"])
    weights = {name: graftgrad.tensor(a) for name, a in golden.group("weight").items()}
    y, mean, variance = norm.batch_norm(
        x, weights.get("gamma"), weights.get("beta"), axis=axis, epsilon=epsilon
    )
    np.testing.assert_allclose(y.numpy(), golden["training/output"], rtol=1e-11, atol=1e-12)
    for name, found in (("moving_mean", mean), ("moving_variance", variance)):
        before = golden[f"weight/{name}"]
        after = before * momentum + found.numpy() * (1 - momentum)
        np.testing.assert_allclose(golden[f"training/after/{name}"], after, rtol=1e-11)


def test_batch_statistics_are_handed_out_without_a_history() -> None:
    x = np.random.default_rng(0).standard_normal((6, 2, 3))
    _, mean, variance = norm.batch_norm(graftgrad.tensor(x, requires_grad=True))
    assert not mean.requires_grad
    assert not variance.requires_grad
    np.testing.assert_allclose(mean.numpy(), x.mean((0, 1)), rtol=1e-12)
    np.testing.assert_allclose(variance.numpy(), x.var((0, 1)), rtol=1e-12)


# rows that fold, rows of a prime number, more columns than a tile's row, one row per tile
@pytest.mark.parametrize("shape", [(TILE // 4, 12), (10007, 16), (70, 3000), (3, TILE + 1)])
def test_large_batches_are_cut_into_tiles_without_a_seam(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal(shape)
    gamma, beta = generator.standard_normal((2, shape[1]))
    tensors = [graftgrad.tensor(a, requires_grad=True) for a in (x, gamma, beta)]
    gy = graftgrad.tensor(generator.standard_normal(shape))
    for function, oracle in ((batch_norm, expected_batch), (norm.layer_norm, expected_layer)):
        y = function(*tensors)
        np.testing.assert_allclose(y.detach().numpy(), oracle(x, gamma, beta), rtol=1e-8, atol=1e-9)
        fused = engine.grad(y, tensors, gy, retain_graph=True)
        recorded = engine.grad(y, tensors, gy, create_graph=True)
        for one, other in zip(fused, recorded, strict=True):
            expected = other.detach().numpy()
            np.testing.assert_allclose(one.numpy(), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "function",
    [batch_norm, norm.layer_norm, lambda x: norm.group_norm(x, groups=2)],
    ids=["batch", "layer", "group"],
)
def test_a_large_mean_costs_no_digits_in_float32(function) -> None:
    x = np.random.default_rng(0).standard_normal((64, 32)).astype("float32") + np.float32(1000)
    y = function(graftgrad.tensor(x)).numpy()
    wanted = function(graftgrad.tensor(x.astype("float64"))).numpy()
    np.testing.assert_allclose(y, wanted, atol=5e-4)  # E[x²] − E[x]² errs by 0.1


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize(
    "function",
    [
        batch_norm,
        lambda x, g, b: norm.batch_norm_inference(x, b, g, g, b),
        lambda x, g, b: norm.group_norm(x, g, b, groups=2),
        norm.layer_norm,
        lambda x, g, b: norm.rms_norm(x, g),
    ],
    ids=["batch", "inference", "group", "layer", "rms"],
)
def test_16_bit_elements_are_normalised_in_float32(function, dtype: str) -> None:
    generator = np.random.default_rng(0)
    x = graftgrad.tensor(generator.standard_normal((300, 8)) * 30 + 100, dtype)
    vectors = [graftgrad.tensor(generator.uniform(0.5, 2, 8), "float32") for _ in range(2)]
    low, high = x.detach().requires_grad_(), x.float().requires_grad_()
    y, reference = function(low, *vectors), function(high, *vectors)
    assert str(y.dtype) == dtype
    half = 2.0**-11 if dtype == "float16" else 2.0**-8
    np.testing.assert_allclose(
        y.detach().float().numpy(), reference.detach().numpy(), rtol=half, atol=half
    )
    gy = graftgrad.tensor(generator.standard_normal((300, 8)), dtype)
    (g,) = engine.grad(y, low, gy)
    (wanted,) = engine.grad(reference, high, gy.float())
    assert str(g.dtype) == dtype
    np.testing.assert_allclose(g.float().numpy(), wanted.numpy(), rtol=4 * half, atol=half)


def test_16_bit_statistics_and_gradients_of_vectors_are_float32() -> None:
    x = graftgrad.tensor(np.ones((4, 2)), "float16")
    gamma = graftgrad.tensor(np.ones(2), "float32", requires_grad=True)
    y, mean, variance = norm.batch_norm(x, gamma)
    y.float().sum().backward()
    assert [str(t.dtype) for t in (y, mean, variance, gamma.grad)] == ["float16"] + ["float32"] * 3


def test_inference_for_x_alone_keeps_two_vectors() -> None:
    x = graftgrad.tensor(np.ones((4, 3, 2)), requires_grad=True)
    vectors = [graftgrad.tensor(np.ones(2)) for _ in range(4)]
    (node,) = nodes([norm.batch_norm_inference(x, *vectors)])
    kept = {name: array.shape for name, array in node.kept_arrays()}
    assert kept == {"variance": (2,), "gamma": (2,)}


def test_fused_gradients_refuse_to_be_differentiated() -> None:
    x = graftgrad.tensor(np.ones((4, 2)), requires_grad=True)
    vector = graftgrad.tensor(np.ones(2))
    for gradient in (norm.BatchNormGrad(), sample_norm.LayerNormGrad()):
        statistics = vector if isinstance(gradient, norm.BatchNormGrad) else x.detach()[:, 0]
        gx, _, _ = gradient(x, x, vector, statistics, statistics)
        with pytest.raises(GradientError, match="second order"):
            gx.sum().backward()


def test_bad_operands_are_refused_with_their_shapes() -> None:
    x = graftgrad.tensor(np.ones((4, 6)))
    with pytest.raises(ShapeError, match=r"batch_norm: gamma must be of shape \(6,\); got x="):
        norm.batch_norm(x, graftgrad.tensor(np.ones(4)))
    with pytest.raises(ShapeError, match=r"batch_norm: there must be at least one element"):
        norm.batch_norm(graftgrad.tensor(np.ones((0, 6))))
    with pytest.raises(ShapeError, match=r"group_norm: samples must have elements; got x=\(4, 0"):
        norm.group_norm(graftgrad.ones(4, 0, 6), groups=2)
    with pytest.raises(ShapeError, match=r"batch_norm_inference: there must be at least one chan"):
        norm.batch_norm_inference(x[:, :0], x[0, :0], x[0, :0])
    with pytest.raises(ShapeError, match=r"groups must divide the channels; .*groups=4"):
        norm.group_norm(x, groups=4)
    with pytest.raises(ShapeError, match=r"layer_norm: beta must be of shape \(4, 6\)"):
        norm.layer_norm(x, None, graftgrad.tensor(np.ones(6)), axis=(0, 1))
    with pytest.raises(ShapeError, match=r"batch_norm_inference: mean must be of shape \(6,\)"):
        norm.batch_norm_inference(x, x, x)
    with pytest.raises(DTypeError, match=r"batch_norm: operands must share one dtype"):
        norm.BatchNorm(1e-3)(x, x[0].float(), x[0].float())
