"""Optimizers in PyTorch's vocabulary: its trajectories, its state, its errors; and clipping."""

import numpy as np
import pytest

import graftgrad
from graftgrad import optim
from graftgrad.errors import ConfigError, GradientError, ShapeError
from support.golden import GoldenCase, cases

KNOWN = (
    "SGD", "Adam", "AdamW", "RMSprop", "Adagrad", "Adadelta", "Adamax", "NAdam", "RAdam",
)  # fmt: skip
GOLDEN = cases("torch_optimizers", *KNOWN)


def weight(values, dtype="float64"):
    return graftgrad.tensor(np.asarray(values), dtype, requires_grad=True)


def trained(case: GoldenCase, steps=range(6), start=0, state=None):
    """Weights after some steps of a case, and the optimizer."""
    names = list(case.group("gradient"))
    weights = [weight(case[f"weight/{name}"][start]) for name in names]
    optimizer = getattr(optim, case.class_name)(weights, **case.settings)
    if state is not None:
        optimizer.load_state_dict(state)
    for step in steps:
        for one, name in zip(weights, names, strict=True):
            one.grad = graftgrad.tensor(case[f"gradient/{name}"][step])
        optimizer.step()
    return dict(zip(names, weights, strict=True)), optimizer


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_trajectory_is_pytorchs(case: GoldenCase) -> None:
    for last in range(7):
        weights, _ = trained(case, range(last))
        for name, found in weights.items():
            np.testing.assert_allclose(
                found.detach().numpy(), case[f"weight/{name}"][last], rtol=1e-12, atol=1e-14
            )


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_state_is_pytorchs(case: GoldenCase) -> None:
    weights, optimizer = trained(case)
    for number, name in enumerate(weights):
        expected = {
            path.split(".", 1)[1]: value
            for path, value in case.group("slot").items()
            if path.startswith(f"{name}.")
        }
        found = optimizer.state_dict()["state"].get(number, {})
        assert found.keys() == expected.keys()
        for entry, value in expected.items():
            np.testing.assert_allclose(found[entry], value, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("case", GOLDEN, ids=str)
def test_a_state_from_pytorch_goes_on(case: GoldenCase) -> None:
    """Four steps, then the state alone carried over in PyTorch's form: the last two agree."""
    _, before = trained(case, range(4))
    state = before.state_dict()
    assert all(
        isinstance(v, np.ndarray) for entries in state["state"].values() for v in entries.values()
    )
    weights, _ = trained(case, range(4, 6), start=4, state=state)
    for name, found in weights.items():
        np.testing.assert_allclose(
            found.detach().numpy(), case[f"weight/{name}"][6], rtol=1e-12, atol=1e-14
        )


def test_frozen_parameters_are_accepted_and_thaw_without_ado() -> None:
    backbone, head = weight([1.0, 2.0]), weight([3.0])
    backbone.requires_grad = False
    optimizer = optim.Adam([backbone, head], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        ((backbone * backbone).sum() + (head * head).sum()).backward()
        optimizer.step()
    np.testing.assert_array_equal(backbone.numpy(), [1.0, 2.0])
    momentum = optimizer.state[head]["exp_avg"].numpy().copy()
    backbone.requires_grad = True
    optimizer.zero_grad()
    (backbone * backbone).sum().backward()
    optimizer.step()
    # its first step is as long as a first step is, however late it comes
    np.testing.assert_allclose(backbone.detach().numpy(), [0.9, 1.9], rtol=1e-6)
    np.testing.assert_array_equal(optimizer.state[head]["exp_avg"].numpy(), momentum)


def test_settings_are_read_at_every_step() -> None:
    w = weight([1.0])
    optimizer = optim.SGD([w], lr=0.5)
    for rate, momentum, expected in ((0.5, 0, 0.5), (0.25, 0, 0.25), (0.25, 0.5, 0.0)):
        optimizer.param_groups[0].update(lr=rate, momentum=momentum)
        w.grad = graftgrad.tensor([1.0], "float64")
        optimizer.step()
        assert w.item() == expected


def test_groups_have_settings_of_their_own() -> None:
    slow, fast, late = weight([1.0]), weight([1.0]), weight([1.0])
    optimizer = optim.SGD([{"params": slow, "lr": 0.25}, {"params": [fast]}], lr=0.5)
    optimizer.add_param_group({"params": (p for p in [late]), "lr": 1.0, "momentum": 0.9})
    for one in (slow, fast, late):
        one.grad = graftgrad.tensor([1.0], "float64")
    optimizer.step()
    assert [one.item() for one in (slow, fast, late)] == [0.75, 0.5, 0.0]
    assert [group["momentum"] for group in optimizer.param_groups] == [0, 0, 0.9]
    assert "Parameter Group 2" in repr(optimizer) and "lr: 0.25" in repr(optimizer)
    assert [group["params"] for group in optimizer.state_dict()["param_groups"]] == [[0], [1], [2]]
    named = optim.SGD([("a", slow), ("b", fast)])
    assert named.param_groups[0]["param_names"] == ["a", "b"]


def test_closure_and_zero_grad() -> None:
    w = weight([2.0])
    optimizer = optim.SGD([w], lr=0.25)

    def closure():
        optimizer.zero_grad()
        loss = (w * w).sum()
        loss.backward()
        return loss

    with graftgrad.no_grad():
        assert optimizer.step(closure).item() == 4.0
    assert w.item() == 1.0
    optimizer.zero_grad(set_to_none=False)
    assert w.grad.item() == 0.0
    optimizer.zero_grad()
    assert w.grad is None


def test_a_gradient_that_was_recorded_is_used() -> None:
    w = weight([3.0])
    optimizer = optim.SGD([w], lr=0.5)
    (w * w * w).sum().backward(create_graph=True)
    assert w.grad.requires_grad
    optimizer.step()
    assert w.item() == 3.0 - 0.5 * 27


WEIGHT = weight([1.0, 2.0])
REFUSED = [
    (lambda: optim.SGD([]), ConfigError, "at least one parameter"),
    (lambda: optim.SGD(WEIGHT), ConfigError, "ordered collection"),
    (lambda: optim.SGD({WEIGHT}), ConfigError, "ordered collection"),
    (lambda: optim.SGD([1.0]), ConfigError, "only tensors can be trained; got parameter='float'"),
    (lambda: optim.SGD([WEIGHT * 2]), GradientError, "only leaves"),
    (lambda: optim.SGD([{"lr": 1.0}]), ConfigError, "must be a dictionary with"),
    (lambda: optim.SGD([{"params": {WEIGHT}}]), ConfigError, "must be ordered"),
    (lambda: optim.SGD([WEIGHT], lr=-1), ConfigError, "lr must not be negative; got lr=-1"),
    (lambda: optim.SGD([WEIGHT], momentum=-1), ConfigError, "momentum must not be negative"),
    (lambda: optim.SGD([WEIGHT], nesterov=True), ConfigError, "nesterov needs a momentum"),
    (lambda: optim.SGD([WEIGHT], differentiable=True), ConfigError, "differentiable must be False"),
    (lambda: optim.Adam([WEIGHT], betas=(0.9, 1.0)), ConfigError, r"betas=\(0.9, 1.0\)"),
    (lambda: optim.Adam([WEIGHT], eps=-1e-8), ConfigError, "eps must not be negative"),
    (lambda: optim.AdamW([WEIGHT], weight_decay=-1), ConfigError, "weight_decay must not"),
    (lambda: optim.RMSprop([WEIGHT], alpha=-1), ConfigError, "alpha must not be negative"),
    (lambda: optim.Adagrad([WEIGHT], lr_decay=-1), ConfigError, "lr_decay must not be negative"),
    (lambda: optim.SGD([{"params": WEIGHT}, {"params": WEIGHT}]), ConfigError, "in one group only"),
    (lambda: optim.SGD([{"params": WEIGHT, "lr": -1}]), ConfigError, "lr must not be negative"),
]


@pytest.mark.parametrize(("make", "error", "text"), REFUSED)
def test_unfit_arguments_are_refused(make, error, text) -> None:
    with pytest.raises(error, match=text):
        make()


def test_an_unfit_state_is_refused_and_changes_nothing() -> None:
    w = weight([1.0, 2.0])
    optimizer = optim.Adam([w])
    w.grad = graftgrad.tensor([1.0, 1.0], "float64")
    optimizer.step()
    state = optimizer.state_dict()
    kept = {name: value.copy() for name, value in state["state"][0].items()}

    def bent(**entries):
        return {**state, "state": {0: {**state["state"][0], **entries}}}

    for wrong, error, text in (
        (bent(exp_avg=np.zeros(3)), ShapeError, r"entry='exp_avg', shape=\(3,\)"),
        (bent(momentum_buffer=np.zeros(2)), ConfigError, "unknown=.'momentum_buffer'."),
        (
            {**state, "param_groups": []},
            ConfigError,
            r"have the saved numbers .*=\[1\], saved",
        ),
        ({**state, "state": {7: {}}}, ConfigError, "parameter=7"),
        (
            {**state, "param_groups": [{"params": [0], "lr": -1.0}]},
            ConfigError,
            "lr must not be negative",
        ),
    ):
        with pytest.raises(error, match=text):
            optimizer.load_state_dict(wrong)
        for name, value in optimizer.state_dict()["state"][0].items():
            np.testing.assert_array_equal(value, kept[name])
        assert optimizer.param_groups[0]["lr"] == 1e-3


def test_a_frozen_parameter_takes_its_saved_state_along() -> None:
    w, other = weight([1.0, 2.0]), weight([1.0])
    optimizer = optim.SGD([w, other], lr=0.5, momentum=0.9)
    for one in (w, other):
        one.grad = graftgrad.ones(one.size, dtype="float64")
    optimizer.step()
    state = optimizer.state_dict()
    fresh = weight([1.0, 2.0])
    fresh.requires_grad = False
    resumed = optim.SGD([fresh, weight([1.0])], lr=0.1)
    resumed.load_state_dict(state)
    assert resumed.param_groups[0]["lr"] == 0.5
    np.testing.assert_array_equal(fresh.numpy(), [1.0, 2.0])
    np.testing.assert_array_equal(resumed.state[fresh]["momentum_buffer"].numpy(), [1.0, 1.0])


# -- clipping ------------------------------------------------------------------------------------


def with_gradients(*gradients, stepped):
    weights = [weight(np.zeros(np.shape(g))) for g in gradients]
    if stepped:  # the gradients then lie in one buffer
        optimizer = optim.SGD(weights, lr=0.0)
        for one in weights:
            one.grad = graftgrad.zeros(one.shape, dtype="float64")
        optimizer.step()
        optimizer.zero_grad()
    total = sum((w * graftgrad.tensor(g)).sum() for w, g in zip(weights, gradients, strict=True))
    total.backward()
    return weights, optimizer if stepped else None


@pytest.mark.parametrize("stepped", [False, True])
@pytest.mark.parametrize(
    ("p", "norm"), [(2.0, 13.0), (float("inf"), 12.0), (1.0, 19.0), (3.0, 1819 ** (1 / 3))]
)
def test_clipping_by_norm(p, norm, stepped) -> None:
    gradients = np.array([3.0, -4.0]), np.array([[12.0]])
    weights, _keep = with_gradients(*gradients, stepped=stepped)
    frozen = weight([1.0])
    frozen.requires_grad, frozen.grad = False, graftgrad.tensor([100.0], "float64")
    found = optim.clip_grad_norm_([*weights, frozen, *weights], 6.0, norm_type=p)
    assert found.item() == pytest.approx(norm)
    for one, before in zip(weights, gradients, strict=True):
        np.testing.assert_allclose(one.grad.numpy(), before * 6 / (norm + 1e-6))
    assert frozen.grad.item() == 100.0
    again = optim.clip_grad_norm_(weights, 100.0, norm_type=p)
    assert again.item() == pytest.approx(6.0)


def test_clipping_by_value() -> None:
    (w,), _keep = with_gradients(np.array([3.0, -4.0, 0.5]), stepped=True)
    optim.clip_grad_value_(w, 1.0)
    np.testing.assert_array_equal(w.grad.numpy(), [1.0, -1.0, 0.5])
    with pytest.raises(ConfigError, match="must not be negative; got clip_value=-1"):
        optim.clip_grad_value_(w, -1)


def test_clipping_nothing_and_what_is_not_finite() -> None:
    assert optim.clip_grad_norm_([weight([1.0])], 1.0).item() == 0.0
    (w,), _ = with_gradients(np.array([3.0, np.nan]), stepped=False)
    with pytest.raises(GradientError, match="the norm must be finite; got norm=nan"):
        optim.clip_grad_norm_(w, 1.0, error_if_nonfinite=True)
    assert w.grad.numpy()[0] == 3.0
    with pytest.raises(ConfigError, match="norm_type must be positive"):
        optim.clip_grad_norm_(w, 1.0, norm_type=0)
