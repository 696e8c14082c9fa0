import copy
import pickle  # noqa: TID251

import ml_dtypes
import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import DeviceError, DTypeError, GradientError, ShapeError

OPERATORS = {
    "+": (lambda a, b: a + b),
    "-": (lambda a, b: a - b),
    "*": (lambda a, b: a * b),
    "/": (lambda a, b: a / b),
    "//": (lambda a, b: a // b),
    "%": (lambda a, b: a % b),
    "**": (lambda a, b: a**b),
    "<": (lambda a, b: a < b),
    "<=": (lambda a, b: a <= b),
    ">": (lambda a, b: a > b),
    ">=": (lambda a, b: a >= b),
    "==": (lambda a, b: a == b),
    "!=": (lambda a, b: a != b),
}


class TestCreation:
    @pytest.mark.parametrize(
        ("data", "dtype"),
        [
            (1.5, "float32"),
            (2, "int64"),
            (True, "bool"),
            ([1.0, 2.0], "float32"),
            ([[1, 2], [3, 4]], "int64"),
            ([True, False], "bool"),
            ([], "float32"),
            (np.zeros(2), "float64"),
            (np.zeros(2, "float16"), "float16"),
            (np.zeros(2, ml_dtypes.bfloat16), "bfloat16"),
            (np.float64(2), "float64"),
            (np.int8(2), "int8"),
            (range(3), "int64"),
        ],
    )
    def test_element_types(self, data, dtype):
        x = graftgrad.tensor(data)
        assert str(x.dtype) == dtype
        np.testing.assert_array_equal(x.numpy().astype("float64"), np.array(data, "float64"))

    def test_a_copy_is_made(self):
        host = np.zeros(3)
        x = graftgrad.tensor(host)
        host[0] = 1
        assert x.tolist() == [0, 0, 0]
        y = graftgrad.tensor(x)
        y.fill_(2)
        assert x.tolist() == [0, 0, 0]

    def test_as_tensor_shares(self):
        host = np.zeros((2, 3))
        x = graftgrad.as_tensor(host)
        host[0, 0] = 1
        assert x[0, 0].item() == 1
        assert graftgrad.as_tensor(x) is x
        assert not graftgrad.as_tensor(host.T).spec.contiguous
        assert graftgrad.as_tensor(host, "float32").dtype == graftgrad.float32
        assert graftgrad.as_tensor([1, 2]).tolist() == [1, 2]

    def test_foreign_byte_order_and_strange_layouts(self):
        host = np.arange(6, dtype=">f4").reshape(2, 3)[:, ::-1]
        for make in (graftgrad.tensor, graftgrad.as_tensor):
            x = make(host)
            assert x.dtype == graftgrad.float32
            assert x.dtype.isnative
            np.testing.assert_array_equal((x * 2).numpy(), host * 2)

    def test_requires_grad_and_dtype(self):
        x = graftgrad.tensor([1, 2], "float64", requires_grad=True)
        assert x.requires_grad
        assert x.is_leaf
        assert x.dtype == graftgrad.float64
        y = graftgrad.tensor(x * 2)
        assert y.is_leaf
        assert not y.requires_grad
        assert graftgrad.tensor(x, "float32", requires_grad=True).requires_grad

    def test_filled(self):
        assert graftgrad.zeros(2, 3).tolist() == [[0.0] * 3] * 2
        assert graftgrad.ones((2,), dtype="int32").tolist() == [1, 1]
        assert graftgrad.full((2,), 7).dtype == graftgrad.int64
        assert graftgrad.full(2, 7.0).tolist() == [7.0, 7.0]
        assert graftgrad.full((), True).dtype == graftgrad.bool_
        assert graftgrad.full((1,), False).dtype == graftgrad.bool_
        assert graftgrad.empty(0, 3).shape == (0, 3)
        assert graftgrad.empty().shape == ()
        x = graftgrad.ones(2, dtype="float64", requires_grad=True)
        assert graftgrad.zeros_like(x).tolist() == [0, 0]
        assert graftgrad.ones_like(x).dtype == x.dtype
        assert not graftgrad.ones_like(x).requires_grad
        assert graftgrad.eye(2).tolist() == [[1, 0], [0, 1]]

    def test_ranges(self):
        assert graftgrad.arange(3).tolist() == [0, 1, 2]
        assert graftgrad.arange(1, 7, 2).dtype == graftgrad.int64
        assert graftgrad.arange(0.0, 1.0, 0.5).tolist() == [0.0, 0.5]
        assert graftgrad.arange(0.0, 1.0, 0.5).dtype == graftgrad.float32
        assert graftgrad.linspace(0, 1, 3).tolist() == [0, 0.5, 1]

    @pytest.mark.parametrize(
        ("make", "error", "words"),
        [
            (lambda: graftgrad.tensor([[1], [1, 2]]), ShapeError, "nested lists must have equal"),
            (lambda: graftgrad.tensor("abc"), DTypeError, "tensor: elements must be numbers"),
            (lambda: graftgrad.tensor(["a"]), DTypeError, "elements must be numbers"),
            (lambda: graftgrad.tensor([None]), DTypeError, "elements must be numbers"),
            (lambda: graftgrad.tensor([1j], "int64"), DTypeError, "real type needs real elements"),
            (lambda: graftgrad.tensor(np.array(["a"])), DTypeError, "elements must be numbers"),
            (lambda: graftgrad.tensor({"a": 1}), DTypeError, "elements must be numbers"),
            (lambda: graftgrad.tensor(["a"], "float32"), DTypeError, "elements must be numbers"),
            (lambda: graftgrad.tensor(1, "float31"), DTypeError, "dtype: must be one of.*float31"),
            (lambda: graftgrad.tensor(1, device="tpu"), DeviceError, "cpu.*got device='tpu'"),
            (lambda: graftgrad.tensor(1, requires_grad=True), DTypeError, "only real and"),
            (lambda: graftgrad.zeros(-1), ShapeError, r"must not be negative; got shape=\(-1,\)"),
            (lambda: graftgrad.zeros(2, "a"), ShapeError, "sizes must be integers"),
            (lambda: graftgrad.zeros(2.5), ShapeError, "sizes must be integers"),
            (lambda: graftgrad.full((2,), "a"), DTypeError, "number"),
            (lambda: graftgrad.tensor(2**70), DTypeError, "elements must be numbers"),
            (
                lambda: graftgrad.tensor([300], "uint8"),
                DTypeError,
                r"elements must fit into uint8; got smallest=300",
            ),
            (lambda: graftgrad.tensor([-1], "uint32"), DTypeError, "must fit into uint32"),
        ],
    )
    def test_bad_input(self, make, error, words):
        with pytest.raises(error, match=words):
            make()


class TestDescription:
    def test_sizes(self):
        x = graftgrad.zeros(2, 3, dtype="float64")
        assert (x.shape, x.ndim, x.size, x.nbytes, len(x)) == ((2, 3), 2, 6, 48, 2)
        with pytest.raises(ShapeError, match="at least one axis"):
            len(graftgrad.zeros())

    def test_requires_grad_on_leaves_only(self):
        x = graftgrad.ones(2)
        assert x.requires_grad_() is x
        x.requires_grad = False
        assert not (x * 2).requires_grad
        y = x.requires_grad_() * 2
        with pytest.raises(GradientError, match=r"leaves only; got grad_fn=<Mul>.*detach"):
            y.requires_grad = False
        with pytest.raises(DTypeError, match=r"only real and complex.*got dtype='int64'"):
            graftgrad.arange(3).requires_grad_()

    @pytest.mark.parametrize(
        ("make", "text"),
        [
            (lambda: graftgrad.tensor([1.0, 2.5]), "tensor([1. , 2.5])"),
            (lambda: graftgrad.tensor(3), "tensor(3)"),
            (lambda: graftgrad.tensor([True]), "tensor([ True])"),
            (lambda: graftgrad.ones(1, dtype="float64"), "tensor([1.], dtype=float64)"),
            (lambda: graftgrad.ones(1, requires_grad=True), "tensor([1.], requires_grad=True)"),
            (lambda: graftgrad.ones(1, requires_grad=True) * 2, "tensor([2.], grad_fn=<Mul>)"),
            (lambda: graftgrad.ones(2, device="meta"), "tensor(shape=(2,), device='meta')"),
            (lambda: graftgrad.ones(1, 2), "tensor([[1., 1.]])"),
        ],
    )
    def test_repr(self, make, text):
        assert repr(make()) == text

    def test_a_large_repr_is_short(self):
        assert len(repr(graftgrad.zeros(1000, 1000))) < 1000


class TestValues:
    def test_out_to_numpy_shares_memory(self):
        x = graftgrad.zeros(3)
        x.numpy()[0] = 5
        assert x.tolist() == [5, 0, 0]
        with pytest.raises(GradientError, match=r"must not want gradients.*detach\(\)"):
            graftgrad.ones(2, requires_grad=True).numpy()

    @pytest.mark.parametrize("call", [np.asarray, np.add.reduce, lambda x: np.interp(x, x, x)])
    def test_numpy_does_not_cut_a_gradient_in_silence(self, call):
        x = graftgrad.tensor([1.0, 2.0], requires_grad=True)
        with pytest.raises(GradientError, match=r"must not leave the graph.*detach\(\)"):
            call(x)
        with pytest.raises(GradientError, match="must not leave the graph"):
            call(x * 2)

    def test_numpy_reads_tensors(self):
        x = graftgrad.tensor([1.0, 2.0])
        np.testing.assert_array_equal(np.asarray(x), [1, 2])
        assert np.asarray(x, dtype="float64").dtype == np.float64
        copied = np.array(x)
        copied[0] = 9
        assert x.tolist() == [1, 2]
        assert np.shares_memory(x.__array__(copy=False), x.detach().numpy())
        assert not np.shares_memory(x.__array__(copy=True), x.detach().numpy())
        with pytest.raises(ValueError, match="must be copied to be float64"):
            x.__array__("float64", copy=False)

    def test_python_numbers(self):
        x = graftgrad.tensor([2.5])
        assert (float(x), int(x), bool(x), x.item()) == (2.5, 2, True, 2.5)
        assert [10, 20, 30][graftgrad.tensor(1)] == 20
        assert list(range(graftgrad.tensor(2))) == [0, 1]
        with pytest.raises(ShapeError, match=r"exactly one element; got x=\(2,\)"):
            float(graftgrad.ones(2))
        with pytest.raises(ShapeError, match=r"only one element is true or false; .*\.any\(\)"):
            bool(graftgrad.ones(2))
        with pytest.raises(DTypeError, match="must be an integer"):
            [1, 2][graftgrad.tensor(1.0)]
        with pytest.raises(DeviceError, match="no values to read"):
            float(graftgrad.ones((), device="meta"))

    def test_iteration(self):
        x = graftgrad.tensor([[1, 2], [3, 4]])
        assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
        a, b = graftgrad.tensor([1.0, 2.0], requires_grad=True)
        assert a.requires_grad
        assert b.item() == 2

    def test_formatting(self):
        assert f"{graftgrad.tensor(2.5):.2f}" == "2.50"
        assert f"{graftgrad.tensor([1.0])}" == "tensor([1.])"


class TestOperators:
    @pytest.mark.parametrize("sign", OPERATORS)
    @pytest.mark.parametrize(
        ("a", "b"),
        [
            (np.array([[3.0, 2.0], [1.0, 4.0]]), np.array([1.0, 2.0])),
            (np.array([3.0, 2.0]), 2.0),
            (3.0, np.array([1.0, 2.0])),
            (np.array([3, 2]), np.array([1, 2])),
        ],
    )
    def test_like_numpy_in_every_pairing(self, sign, a, b):
        operate = OPERATORS[sign]
        wanted = operate(a, b)
        pairs = []
        if isinstance(a, np.ndarray):
            pairs.append((graftgrad.tensor(a), b))
        if isinstance(b, np.ndarray):
            pairs.append((a, graftgrad.tensor(b)))
        if len(pairs) == 2:
            pairs.append((pairs[0][0], pairs[1][1]))
        for x, y in pairs:
            found = operate(x, y)
            assert isinstance(found, graftgrad.Tensor)
            np.testing.assert_allclose(found.numpy(), wanted)

    def test_matrix_product_in_every_pairing(self):
        a, b = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(3, 4)
        for x, y in ((graftgrad.tensor(a), b), (a, graftgrad.tensor(b))):
            found = x @ y
            assert isinstance(found, graftgrad.Tensor)
            np.testing.assert_array_equal(found.numpy(), a @ b)

    def test_numpy_numbers_on_the_left(self):
        y = np.float32(2) * graftgrad.ones(2)
        assert isinstance(y, graftgrad.Tensor)
        assert y.dtype == graftgrad.float32

    def test_signs_and_logic(self):
        x = graftgrad.tensor([-1.0, 2.0])
        assert (-x).tolist() == [1, -2]
        assert (+x) is x
        assert abs(x).tolist() == [1, 2]
        t = x > 0
        assert (~t).tolist() == [True, False]
        assert (t & ~t).tolist() == [False, False]
        assert (t | ~t).tolist() == [True, True]
        assert (t & True).tolist() == [False, True]
        assert (True | t).tolist() == [True, True]

    def test_assignment_operators_make_new_tensors(self):
        x = graftgrad.ones(2)
        y = x
        y += 1
        assert x.tolist() == [1, 1]
        assert y.tolist() == [2, 2]

    @pytest.mark.parametrize("sign", ["+", "-", "*", "/", "@", "<"])
    @pytest.mark.parametrize("other", ["a", None, object(), {}])
    def test_what_is_no_operand(self, sign, other):
        operate = OPERATORS.get(sign, lambda a, b: a @ b)
        for a, b in ((graftgrad.ones(2), other), (other, graftgrad.ones(2))):
            with pytest.raises(TypeError):
                operate(a, b)

    def test_comparison_with_what_is_no_operand(self):
        x = graftgrad.ones(2)
        assert (x == None) is False  # noqa: E711
        assert (x != "a") is True
        assert x in [x]
        assert None not in [x]


class TestMethods:
    @pytest.mark.parametrize(
        ("method", "arguments"),
        [
            ("sum", {"axis": 1}),
            ("mean", {"axis": 0}),
            ("var", {"axis": 0}),
            ("max", {"axis": 1}),
            ("min", {"axis": 1}),
            ("prod", {"axis": 0}),
            ("all", {}),
            ("any", {"axis": 1}),
            ("argmax", {"axis": 1}),
            ("argmin", {"axis": 0}),
            ("clip", {"min": 0.7, "max": 1.5}),
            ("reshape", {"shape": (3, 2)}),
            ("transpose", {}),
            ("flatten", {}),
            ("squeeze", {}),
        ],
    )
    def test_like_numpy(self, method, arguments):
        host = np.array([[0.5, 1.0, 2.0], [1.5, 0.25, 1.25]])
        given = tuple(arguments.values()) if method in ("clip", "reshape") else ()
        wanted = getattr(host, method)(*given, **({} if given else arguments))
        named = {} if given else arguments
        found = getattr(graftgrad.tensor(host), method)(*given, **named)
        np.testing.assert_allclose(found.numpy(), wanted)

    @pytest.mark.parametrize("name", ["exp", "log", "sqrt", "tanh", "abs"])
    def test_elementwise(self, name):
        host = np.array([0.5, 2.0])
        np.testing.assert_allclose(
            getattr(graftgrad.tensor(host), name)().numpy(), getattr(np, name)(host)
        )

    def test_axes(self):
        x = graftgrad.zeros(2, 1, 3)
        assert x.T.shape == (3, 1, 2)
        assert x.permute(2, 0, 1).shape == x.transpose((2, 0, 1)).shape == (3, 2, 1)
        assert x.squeeze(1).shape == (2, 3)
        assert x.unsqueeze(0).shape == (1, 2, 1, 3)
        assert x.expand(2, 5, 3).shape == x.expand((2, 5, 3)).shape == (2, 5, 3)
        assert x.reshape(-1).shape == (6,)
        assert x.sigmoid().shape == x.shape

    def test_conversions(self):
        x = graftgrad.ones(2, dtype="float64", requires_grad=True)
        assert x.to("float64") is x
        assert x.to("cpu") is x
        assert x.float().dtype == graftgrad.float32
        assert x.astype("int32").tolist() == [1, 1]
        assert x.to("meta").device.kind == "meta"
        with pytest.raises(DeviceError, match="no values to read"):
            x.to("meta").to("cpu")
        with pytest.raises(DTypeError, match="dtype: must be one of"):
            x.to("gpu7")

    def test_clone_and_detach(self):
        x = graftgrad.ones(2, requires_grad=True)
        assert x.clone().grad_fn is not None
        assert not np.shares_memory(x.clone().detach().numpy(), x.detach().numpy())
        assert np.shares_memory(x.detach().numpy(), x.detach().numpy())
        assert x.detach().is_leaf
        strided = graftgrad.zeros(2, 3).T
        assert strided.contiguous().spec.contiguous
        assert x.contiguous() is x


class TestCopies:
    @pytest.mark.parametrize("copied", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
    def test_of_leaves(self, copied):
        x = graftgrad.tensor([1.0, 2.0], requires_grad=True)
        x.grad = graftgrad.tensor([3.0, 4.0])
        y = copied(x)
        assert y.requires_grad
        y.detach().fill_(7)
        assert x.tolist() == [1, 2]
        assert y.tolist() == [7, 7]
        assert y.grad.tolist() == [3, 4]
        assert (y * 2).requires_grad

    @pytest.mark.parametrize("copied", [copy.deepcopy, pickle.dumps])
    def test_of_results_is_refused(self, copied):
        y = graftgrad.ones(2, requires_grad=True) * 2
        with pytest.raises(GradientError, match=r"only leaves .*grad_fn=<Mul>"):
            copied(y)


class TestSubclass:
    def test_results_are_plain_tensors(self):
        class Weight(graftgrad.Tensor):
            __slots__ = ()

        plain = graftgrad.ones(2, requires_grad=True)
        w = Weight(plain.array, plain.spec, plain.device).requires_grad_()
        y = w * 2
        assert type(y) is graftgrad.Tensor
        (g,) = graftgrad.grad((ops.exp(w) * w).sum(), w, create_graph=True)
        assert type(g) is graftgrad.Tensor
