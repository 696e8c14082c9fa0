import numpy as np
import pytest

import graftgrad as gg
from graftgrad.errors import DTypeError


@pytest.mark.parametrize(
    ("ours", "numpys"),
    [
        (lambda: gg.logspace(0, 2, 5, dtype="float64"), lambda: np.logspace(0, 2, 5)),
        (lambda: gg.logspace(0, 3, 3, base=2.0, endpoint=False, dtype="float64"),
         lambda: np.logspace(0, 3, 3, base=2.0, endpoint=False)),
        (lambda: gg.geomspace(1, 16, 5, dtype="float64"), lambda: np.geomspace(1, 16, 5)),
        (lambda: gg.linspace(0, 1, 4, endpoint=False, dtype="float64"),
         lambda: np.linspace(0, 1, 4, endpoint=False)),
        (lambda: gg.eye(2, 3, 1, dtype="float64"), lambda: np.eye(2, 3, 1)),
        (lambda: gg.identity(3, dtype="float64"), lambda: np.identity(3)),
        (lambda: gg.tri(3, 4, -1, dtype="float64"), lambda: np.tri(3, 4, -1)),
        (lambda: gg.zeros((2, 3), "int32"), lambda: np.zeros((2, 3), "int32")),
        (lambda: gg.ones((2,), dtype="bool"), lambda: np.ones((2,), "bool")),
        (lambda: gg.full((2, 2), 7), lambda: np.full((2, 2), 7)),
    ],
)  # fmt: skip
def test_like_numpy(ours, numpys):
    found, wanted = ours().numpy(), numpys()
    assert found.dtype == wanted.dtype
    np.testing.assert_allclose(found, wanted, rtol=1e-15)


def test_in_the_likeness_of_another():
    x = gg.ones(2, 3, dtype="float64", requires_grad=True)
    assert gg.empty_like(x).shape == (2, 3)
    assert gg.full_like(x, 2.5).tolist() == [[2.5] * 3] * 2
    assert gg.full_like(x, 2, "int32").dtype == gg.int32
    assert gg.zeros_like(x, dtype="float32").dtype == gg.float32
    y = gg.ones_like(x, requires_grad=True)
    assert y.requires_grad
    assert y.is_leaf


class TestPromotion:
    TYPES = ("bool", "int8", "int64", "uint8", "float16", "float32", "float64")

    @pytest.mark.parametrize("a", TYPES)
    @pytest.mark.parametrize("b", TYPES)
    def test_two_tensors_meet_where_numpy_says(self, a, b):
        x, y = gg.ones(2, dtype=a), gg.ones(2, dtype=b)
        wanted = np.result_type(a, b)
        assert gg.result_type(x, y) == wanted
        assert (x * y).dtype == wanted

    @pytest.mark.parametrize("a", TYPES)
    @pytest.mark.parametrize("number", [2, 2.5])
    def test_numbers_are_weak(self, a, number):
        x = gg.ones(2, dtype=a)
        assert (x * number).dtype == gg.result_type(x, number)
        kinds = "bui" if isinstance(number, int) else "f"
        if x.dtype.kind in kinds and a != "bool":
            assert (x * number).dtype == x.dtype

    def test_bfloat16_beside_others(self):
        x = gg.ones(2, dtype="bfloat16")
        assert (x * 2.5).dtype == (x + 1).dtype == gg.bfloat16
        assert (x + gg.ones(2)).dtype == gg.float32
        assert gg.result_type("float16", 1.0, 2) == gg.float16
        assert gg.result_type(1, 2.0) == gg.float32
        assert gg.result_type(1) == gg.int64
        with pytest.raises(DTypeError, match="promotion: dtypes must have a common one"):
            gg.result_type("bfloat16", "float16")

    @pytest.mark.parametrize("dtype", ["bool", "int8", "int32", "uint8", "int64", "float16"])
    def test_sums_do_not_overflow(self, dtype):
        host = np.ones((3, 200), dtype)
        x = gg.tensor(host)
        for name in ("sum", "prod", "cumsum", "cumprod"):
            wanted = getattr(np, name)(host, axis=1)
            found = getattr(gg, name)(x, 1)
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found.numpy(), wanted)


def test_what_is_no_number_fills_nothing():
    with pytest.raises(DTypeError, match=r"full: must be filled with a number; got .*'1'"):
        gg.full((2,), "1")


def test_numpys_functions_are_there():
    names = """abs all allclose any append arange arccos arccosh arcsin arcsinh arctan arctan2
    arctanh argmax argmin argsort argwhere array array_equal array_split asarray atleast_1d
    atleast_2d atleast_3d average bincount bitwise_and bitwise_or bitwise_xor broadcast_to
    cbrt ceil clip column_stack concatenate concat copysign corrcoef cos cosh count_nonzero
    cov cross cumprod cumsum deg2rad diag diagflat diagonal diff digitize divide divmod dot
    dstack einsum empty empty_like equal exp exp2 expand_dims expm1 eye flatnonzero flip
    fliplr flipud float_power floor floor_divide fmax fmin fmod full full_like gcd geomspace
    greater greater_equal heaviside histogram hsplit hstack hypot identity inner invert
    isclose isfinite isinf isnan isneginf isposinf kron lcm left_shift less less_equal
    linspace log log10 log1p log2 logaddexp logaddexp2 logical_and logical_not logical_or
    logical_xor logspace matmul max maximum mean median meshgrid min minimum mod modf
    moveaxis multiply nan_to_num nanmax nanmean nanmin nanprod nanstd nansum nanvar negative
    nonzero not_equal ones ones_like outer pad percentile positive power pow prod ptp
    put_along_axis quantile rad2deg ravel reciprocal remainder repeat reshape result_type
    right_shift rint roll rot90 round searchsorted sign signbit sin sinc sinh sort split
    sqrt square squeeze stack std subtract sum swapaxes take take_along_axis tan tanh
    tensordot tile trace transpose tri tril triu true_divide trunc unique unstack vdot
    vecdot vsplit vstack where zeros zeros_like""".split()
    missing = [name for name in names if not hasattr(gg, name) or name not in gg.__all__]
    assert not missing
    assert all(
        hasattr(np, name) or name in ("concat", "pow", "unstack", "vecdot") for name in names
    )
