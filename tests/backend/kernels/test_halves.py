"""Products whose long sums are taken in halves: right, and the same on any number of threads."""

import numpy as np
import pytest

import graftgrad as gg
from graftgrad import ops
from graftgrad.device.find import cpu
from graftgrad.kernel import Call, choose
from graftgrad.kernels.onednn import library
from graftgrad.kernels.onednn.halves import Halved, cut
from graftgrad.ops.matmul import MatMul
from graftgrad.spec import Spec, bfloat16, float32

pytestmark = pytest.mark.skipif(not library.available(), reason=library.why_not())


def asked(rows, terms, columns, dtype=float32, plain=True):
    a, b = Spec((rows, terms), dtype), Spec((terms, columns), dtype, plain)
    return Call(MatMul(), (a, b), (Spec((rows, columns), dtype),), cpu)


@pytest.mark.parametrize(
    ("call", "at"),
    [
        (asked(32, 784, 128), 392),
        (asked(32, 785, 128), 392),
        (asked(32, 511, 256), 0),  # short sums
        (asked(16, 512, 128), 0),  # too little work
        (asked(1024, 1024, 64), 0),  # too much
        (asked(32, 784, 128, bfloat16), 0),
        (asked(32, 784, 128, plain=False), 0),
    ],
)
def test_where_sums_are_cut(call, at):
    assert cut(call) == at
    assert isinstance(choose(call), Halved) == (at > 0)


@pytest.mark.parametrize("shape", [(32, 784, 128), (9, 2051, 130), (64, 1437, 63), (16, 5000, 64)])
def test_halves_add_up_on_any_number_of_threads(shape):
    rows, terms, columns = shape
    random = np.random.default_rng(0)
    a = random.standard_normal((rows, terms), dtype="float32")
    b = random.standard_normal((terms, columns), dtype="float32")
    wide = np.ones((rows, terms + 3), "float32")
    wide[:, :terms] = a
    turned = np.ascontiguousarray(a.T)
    before, found = gg.get_num_threads(), []
    try:
        for threads in (1, 2):
            gg.set_num_threads(threads)
            found.append([ops.matmul(x, gg.tensor(b)).numpy()
                          for x in (gg.tensor(a), gg.tensor(wide)[:, :terms],
                                    ops.transpose(gg.tensor(turned)))])  # fmt: skip
    finally:
        gg.set_num_threads(before)
    wanted = a.astype("f8") @ b.astype("f8")
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_allclose(one, wanted, rtol=2e-5, atol=2e-4)
    at, x, w = terms // 2, gg.tensor(a), gg.tensor(b)
    halves = ops.matmul(x[:, :at], w[:at]) + ops.matmul(x[:, at:], w[at:])
    np.testing.assert_array_equal(found[0][0], halves.numpy())
