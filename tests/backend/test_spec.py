import ml_dtypes
import numpy as np
import pytest

from graftgrad import spec
from graftgrad.errors import DTypeError, ShapeError
from graftgrad.spec import Spec, float32, float64


class TestElementTypes:
    @pytest.mark.parametrize(
        ("given", "name"),
        [
            ("float32", "float32"),
            (np.float32, "float32"),
            (np.dtype("float64"), "float64"),
            (float, "float64"),
            (int, "int64"),
            (bool, "bool"),
            ("bool", "bool"),
            ("bfloat16", "bfloat16"),
            (ml_dtypes.bfloat16, "bfloat16"),
            (np.dtype(">f4"), "float32"),
            ("i4", "int32"),
            (complex, "complex128"),
            ("complex64", "complex64"),
        ],
    )
    def test_names_and_types(self, given, name):
        if given is not None and str(np.dtype(given)) == name:
            assert str(spec.as_dtype(given)) == name
        else:
            with pytest.raises(DTypeError):
                spec.as_dtype(given)

    @pytest.mark.parametrize("given", ["complex256", "object", "banana", str, "U3", 7, object()])
    def test_what_tensors_cannot_hold(self, given):
        with pytest.raises(DTypeError, match="dtype: must be one of float16, float32"):
            spec.as_dtype(given)

    def test_complex_numbers(self):
        assert spec.is_complex(spec.complex64)
        assert not spec.is_complex(float64)
        assert all(map(spec.is_differentiable, (spec.complex64, spec.complex128, float32)))
        assert not spec.is_differentiable(spec.int64)
        assert spec.real_dtype(spec.complex64) == spec.real_dtype(float32) == float32
        assert spec.real_dtype(spec.complex128) == float64
        assert spec.complex_dtype(float64) == spec.complex_dtype(spec.complex128)
        assert spec.complex_dtype(spec.int32) == spec.complex_dtype(spec.bfloat16) == "complex64"

    @pytest.mark.parametrize(
        ("kinds", "wanted"),
        [
            (("complex64", "float32"), "complex64"),
            (("complex64", "float64"), "complex128"),
            (("complex64", "int64"), "complex128"),
            (("complex64", "int8"), "complex64"),
            (("complex64", "bool"), "complex64"),
            (("complex64", "complex128"), "complex128"),
        ],
    )
    def test_promotion_is_numpys(self, kinds, wanted):
        assert spec.promoted(*map(spec.as_dtype, kinds)) == wanted == np.result_type(*kinds)

    def test_real_numbers(self):
        assert all(map(spec.is_floating, (float32, float64, spec.float16, spec.bfloat16)))
        assert not any(map(spec.is_floating, (spec.int8, spec.bool_, spec.uint32)))


class TestSpec:
    def test_equality_and_hash(self):
        a, b = Spec((2, 3), float32), Spec((2, 3), float32)
        assert a == b
        assert hash(a) == hash(b)
        for other in (Spec((3, 2)), Spec((2, 3), float64), Spec((2, 3), float32, False)):
            assert a != other
        assert a != (2, 3)

    def test_bfloat16_is_no_other_type_of_two_bytes(self):
        assert Spec((2,), spec.bfloat16) != Spec((2,), spec.float16)

    def test_counting(self):
        a = Spec((2, 3, 4), float64)
        assert (a.ndim, a.size, a.nbytes) == (3, 24, 192)
        assert (Spec(()).size, Spec((0, 3)).size) == (1, 0)

    def test_made_from_another(self):
        strided = Spec((2, 3), float32, False)
        assert strided.like() == Spec((2, 3))
        assert strided.shaped(6) == Spec((6,))
        assert strided.typed(float64) == Spec((2, 3), float64)
        assert Spec((2,)).like() is not None

    def test_shown(self):
        assert str(Spec((2, 3))) == "(2, 3) float32"
        assert repr(Spec((2, 3), float64, False)) == "(2, 3) float64, strided"


class TestShapeArithmetic:
    def test_broadcast(self):
        assert spec.broadcast("add", Spec((2, 1, 3)), Spec((4, 1)), Spec(())) == (2, 4, 3)
        assert spec.broadcast("add", Spec((0, 1)), Spec((3,))) == (0, 3)
        with pytest.raises(ShapeError, match=r"add: .*operand 0 \(2,\) float32, operand 1 \(3,\)"):
            spec.broadcast("add", Spec((2,)), Spec((3,)))

    def test_one_type_for_all(self):
        assert spec.same_dtype("op", a=Spec(()), b=Spec(())) == float32
        with pytest.raises(DTypeError, match=r"share one dtype; got a=.*float32, b=.*float64"):
            spec.same_dtype("op", a=Spec(()), b=Spec((), float64))

    def test_axes(self):
        assert spec.axis_within("op", -1, 3) == 2
        assert spec.axes_within("op", None, 3) == (0, 1, 2)
        assert spec.axes_within("op", (-1, 0), 3) == (0, 2)
        assert spec.axes_within("op", 1, 3) == (1,)
        assert spec.axes_within("op", [], 3) == ()
        assert spec.axes_within("op", np.int64(1), 3) == (1,)
        with pytest.raises(ShapeError, match=r"op: axis must lie in \[-2, 2\); got axis=2"):
            spec.axis_within("op", 2, 2)

    def test_reduced(self):
        assert spec.reduced((2, 3, 4), (0, 2), keepdims=False) == (3,)
        assert spec.reduced((2, 3, 4), (0, 2), keepdims=True) == (1, 3, 1)

    def test_pairs(self):
        assert spec.pair("strides", 2) == (2, 2)
        assert spec.pair("strides", np.int64(2)) == (2, 2)
        assert spec.pair("strides", [1, 3]) == (1, 3)
        for wrong in (2.5, (1, 2, 3), "ab", None, True):
            with pytest.raises(ShapeError, match="strides: must be one integer or two; got value="):
                spec.pair("strides", wrong)


class TestWindows:
    @pytest.mark.parametrize("size", range(1, 9))
    @pytest.mark.parametrize("window", [1, 2, 3, 5])
    @pytest.mark.parametrize("stride", [1, 2, 3])
    @pytest.mark.parametrize("dilation", [1, 2])
    def test_same_gives_as_many_as_strides_fit(self, size, window, stride, dilation):
        (both,) = spec.window_pads("same", [size], [window], [stride], [dilation])
        assert both[1] - both[0] in (0, 1)
        (count,) = spec.windows_along("conv", [size], [window], [stride], [both], [dilation])
        assert count == -(-size // stride)
        starts = range(-both[0], size + both[1] - (window - 1) * dilation, stride)
        assert len(starts) == count

    def test_numbers_and_pairs(self):
        args = ([5, 6], [3, 3], [1, 1], [1, 1])
        assert spec.window_pads("valid", *args) == ((0, 0), (0, 0))
        assert spec.window_pads(2, *args) == ((2, 2), (2, 2))
        assert spec.window_pads((1, 2), *args) == ((1, 1), (2, 2))
        assert spec.window_pads(((0, 1), (2, 3)), *args) == ((0, 1), (2, 3))

    def test_bad_padding(self):
        with pytest.raises(ShapeError, match='"valid", "same" or numbers; got padding=\'full\''):
            spec.window_pads("full", [5], [3], [1], [1])
        with pytest.raises(ShapeError, match="must have 2 entries"):
            spec.window_pads((1, 2, 3), [5, 5], [3, 3], [1, 1], [1, 1])

    def test_a_window_that_does_not_fit(self):
        with pytest.raises(ShapeError, match=r"conv: the window must fit .*sizes=\(3,\).*\(2,\)"):
            spec.windows_along("conv", [3], [2], [1], [(0, 0)], [3])
