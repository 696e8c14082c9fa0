import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import ShapeError
from graftgrad.ops import attention
from support.case import CaseChecks, booleans, case, normal


def naive(query, key, value, mask=None, scale=None, is_causal=False):
    """Heads behind the steps, one query after the other."""
    (n, t, s, d), (u, g) = query.shape, key.shape[1:3]
    scale = d**-0.5 if scale is None else scale
    y = np.zeros((n, t, s, value.shape[3]))
    whole = np.zeros((n, s, t, u))
    if mask is not None:
        whole = whole + (np.where(mask, 0.0, -np.inf) if mask.dtype == bool else mask)
    for a, i, h in np.ndindex(n, t, s):
        group = h * g // s
        scores = key[a, :, group] @ query[a, i, h] * scale + whole[a, h, i]
        if is_causal:
            scores[i + 1 :] = -np.inf
        if np.isneginf(scores).all():
            continue
        p = np.exp(scores - scores.max())
        y[a, i, h] = p / p.sum() @ value[a, :, group]
    return y


def naive_torch(query, key, value, attn_mask=None, is_causal=False, enable_gqa=False):
    turned = [x.transpose(0, 2, 1, 3) for x in (query, key, value)]
    return naive(*turned, attn_mask, is_causal=is_causal).transpose(0, 2, 1, 3)


class TestAttention(CaseChecks):
    CASES = (
        case(ops.dot_product_attention, query=(2, 3, 2, 4), key=(2, 5, 2, 4), value=(2, 5, 2, 3),
             oracle=naive),
        case(ops.dot_product_attention, query=(2, 3, 4, 2), key=(2, 3, 2, 2), value=(2, 3, 2, 2),
             is_causal=True, oracle=naive),
        case(ops.dot_product_attention, query=(2, 4, 2, 3), key=(2, 3, 1, 3), value=(2, 3, 1, 2),
             mask=booleans(2, 1, 4, 3), scale=0.3, oracle=naive),
        case(ops.dot_product_attention, query=(2, 3, 2, 3), key=(2, 4, 2, 3), value=(2, 4, 2, 2),
             mask=normal(2, 3, 4), is_causal=True, oracle=naive),
        case(ops.dot_product_attention, query=(1, 2, 2, 3), key=(1, 3, 2, 3), value=(1, 3, 2, 2),
             mask=np.array([[[[True, False, True], [False, False, False]]]]), oracle=naive),
        case(ops.dot_product_attention, query=(0, 2, 2, 3), key=(0, 3, 2, 3), value=(0, 3, 2, 2),
             oracle=naive),
        case(ops.scaled_dot_product_attention, query=(2, 4, 3, 2), key=(2, 2, 5, 2),
             value=(2, 2, 5, 3), enable_gqa=True, oracle=naive_torch),
        case(ops.scaled_dot_product_attention, query=(2, 2, 3, 2), key=(2, 2, 3, 2),
             value=(2, 2, 3, 2), is_causal=True, attn_mask=booleans(3, 3), oracle=naive_torch),
    )  # fmt: skip


def test_one_head_may_lack_its_axis():
    draw = np.random.default_rng(0)
    q, k, v = (draw.normal(size=s) for s in ((2, 3, 4), (2, 5, 4), (2, 5, 2)))
    mask = draw.random((2, 3, 5)) < 0.7
    found = ops.scaled_dot_product_attention(*map(graftgrad.tensor, (q, k, v, mask)))
    wanted = naive_torch(*(x[:, None] for x in (q, k, v, mask)))[:, 0]
    np.testing.assert_allclose(found.numpy(), wanted, rtol=1e-10)


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("block", [1, 40, 300])
def test_blocks_of_any_size_agree(monkeypatch, block, causal):
    draw = np.random.default_rng(1)
    arrays = [draw.normal(size=(3, 7, 4, 2)), *(draw.normal(size=(3, 9, 2, 2)) for _ in range(2))]
    mask = graftgrad.tensor(draw.random((3, 1, 7, 9)) < 0.6)

    def run():
        given = [graftgrad.tensor(x, requires_grad=True) for x in arrays]
        y = ops.dot_product_attention(*given, mask, is_causal=causal)
        (y * y).sum().backward()
        return [y.detach().numpy(), *(x.grad.numpy() for x in given)]

    whole = run()
    monkeypatch.setattr(attention, "_BLOCK", block)
    for a, b in zip(run(), whole, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_dropout_keeps_the_mean_and_repeats_itself():
    q = graftgrad.zeros((1, 2, 1, 2))
    k, v = graftgrad.ones((1, 4000, 1, 2)), graftgrad.ones((1, 4000, 1, 3))
    state = graftgrad.tensor([3, 0], "uint32")
    y, again = (
        ops.dot_product_attention(q, k, v, dropout_p=0.25, state=state).numpy() for _ in range(2)
    )
    np.testing.assert_array_equal(y, again)
    np.testing.assert_allclose(y, 1.0, atol=0.05)
    assert not np.allclose(y, 1.0, atol=1e-6)
    with pytest.raises(ShapeError, match="dropout needs the state of a generator"):
        ops.dot_product_attention(q, k, v, dropout_p=0.25)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_elements_of_16_bits_are_computed_in_float32(dtype):
    draw = np.random.default_rng(0)
    given = [graftgrad.tensor(draw.normal(size=(2, 3, 2, 4)), dtype) for _ in range(3)]
    found = ops.dot_product_attention(*given)
    assert str(found.dtype) == dtype
    wanted = naive(*(x.to("float64").numpy() for x in given))
    np.testing.assert_allclose(found.to("float64").numpy(), wanted, atol=1e-2)


@pytest.mark.parametrize(
    ("shapes", "words"),
    [
        (((2, 3, 4), (2, 3, 2, 4), (2, 3, 2, 4)), "q, k and v must have 4 axes"),
        (((2, 3, 2, 4), (2, 5, 2, 3), (2, 5, 2, 4)), "keys must have the queries' batch"),
        (((2, 3, 3, 4), (2, 5, 2, 4), (2, 5, 2, 4)), "must divide the heads of queries"),
        (((2, 3, 2, 4), (2, 5, 2, 4), (2, 5, 2, 4), (4, 5)), r"equal or 1|stretch to \(N, S, T"),
    ],
)
def test_operands_that_do_not_fit(shapes, words):
    with pytest.raises(ShapeError, match=words):
        ops.dot_product_attention(*map(graftgrad.zeros, shapes))


def test_heads_that_are_shared_must_be_asked_for():
    q, k = graftgrad.zeros((1, 4, 3, 2)), graftgrad.zeros((1, 2, 3, 2))
    with pytest.raises(ShapeError, match=r"as many heads.*enable_gqa=True"):
        ops.scaled_dot_product_attention(q, k, k)
    with pytest.raises(ShapeError, match="must have 4 axes, or 3"):
        ops.scaled_dot_product_attention(q, k[0], k)
