"""What is held against what: values, gradients, shapes, configurations, errors."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

import numpy as np

import graftgrad
import graftwork
from graftgrad import Tensor

from .keras_jax import jax, keras

SEED = 7


@dataclass(frozen=True)
class Case:
    """A name with arguments, and what it is applied to.

    Attributes:
        name: the public name in the family's module.
        settings: keyword arguments of the constructor, or of the function.
        inputs: shapes, from which numbers are drawn; or arrays, as they are.
        call: keyword arguments of the call.
        rtol: relative tolerance; absolute is the same times the largest value.
        gradient: whether gradients are compared.
        config: whether configurations are compared.
        note: what tells it from other cases of the name.
    """

    name: str
    settings: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[Any, ...] = ()
    call: dict[str, Any] = field(default_factory=dict)
    rtol: float = 2e-5
    gradient: bool = True
    config: bool = True
    note: str = ""

    def __str__(self) -> str:
        told = ",".join(f"{key}={value}" for key, value in self.settings.items())
        return f"{self.name}({told[:60]}){self.note}"


def case(
    name: str,
    *inputs: Any,
    call: dict[str, Any] | None = None,
    rtol: float = 2e-5,
    gradient: bool = True,
    config: bool = True,
    note: str = "",
    **settings: Any,
) -> Case:
    """Declare a case: inputs are shapes or arrays, keywords go to the constructor."""
    return Case(name, settings, inputs, call or {}, rtol, gradient, config, note)


def flat(name: str, *inputs: Any, **settings: Any) -> Case:
    """Declare a case whose gradients are not compared."""
    return case(name, *inputs, gradient=False, **settings)


def at(package: Any, path: str) -> Any:
    """Return what stands in a package under a path, such as `layers.Dense`."""
    return reduce(getattr, path.split("."), package)


def both(path: str) -> tuple[Any, Any]:
    """Return what is ours under a path, and Keras' own."""
    return at(graftwork, path), at(keras, path)


def arrays(given: Sequence[Any], seed: int = SEED) -> list[Any]:
    """Return the inputs of a case as arrays; shapes are filled from a normal distribution."""
    draw = np.random.default_rng(seed)
    found = []
    for one in given:
        is_shape = isinstance(one, tuple) and all(isinstance(n, int) for n in one)
        found.append(draw.standard_normal(one).astype("float32") if is_shape else one)
    return found


def close(ours: Any, theirs: Any, rtol: float, what: str) -> None:
    """Hold two structures of arrays against each other."""
    if isinstance(theirs, dict):
        assert sorted(ours) == sorted(theirs), what
        for key, one in theirs.items():
            close(ours[key], one, rtol, f"{what}[{key}]")
        return
    if isinstance(theirs, (list, tuple)) and not hasattr(theirs, "dtype"):
        assert len(ours) == len(theirs), f"{what}: {len(ours)} in place of {len(theirs)}"
        for i, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            close(a, b, rtol, f"{what}[{i}]")
        return
    if theirs is None:
        assert ours is None, what
        return
    a, b = host(ours), host(theirs)
    assert a.shape == b.shape, f"{what}: shape {a.shape}, Keras has {b.shape}"
    if b.dtype.kind in "OUSb" or a.dtype.kind == "b":
        np.testing.assert_array_equal(a, b, what)
        return
    finite = np.abs(b[np.isfinite(b)]) if b.size else b
    scale = float(finite.max(initial=0.0)) if b.size else 0.0
    np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol * max(scale, 1e-2), err_msg=what)


def host(value: Any) -> Any:
    """Return a value as an array of the host."""
    if isinstance(value, Tensor):
        value = value.detach().numpy()
    found = np.asarray(value)
    return found.astype("float32") if found.dtype.name == "bfloat16" else found


def packed(found: list[Any]) -> Any:
    """Return one input as it is, several as a list."""
    return found[0] if len(found) == 1 else found


def tensors(tree: Any, wants_gradient: bool = False) -> Any:
    """Return arrays as our tensors; whatever else as it is."""
    if isinstance(tree, (list, tuple)):
        return type(tree)(tensors(one, wants_gradient) for one in tree)
    if isinstance(tree, dict):
        return {key: tensors(one, wants_gradient) for key, one in tree.items()}
    if not isinstance(tree, np.ndarray) or tree.dtype.kind in "OUS":
        return tree
    made = graftgrad.as_tensor(tree)
    floating = tree.dtype.kind == "f"
    return made.detach().clone().requires_grad_() if floating and wants_gradient else made


def jaxed(tree: Any) -> Any:
    """Return arrays as JAX has them."""
    if isinstance(tree, (list, tuple)):
        return type(tree)(jaxed(one) for one in tree)
    if isinstance(tree, dict):
        return {key: jaxed(one) for key, one in tree.items()}
    usable = isinstance(tree, np.ndarray) and tree.dtype.kind not in "OUS"
    return jax.numpy.asarray(tree) if usable else tree


def pattern(y: Any) -> Any:
    """Return weights for the entries of a result, so that each of them counts differently."""
    size = int(np.prod(np.shape(y)))
    return np.cos(np.arange(size, dtype="float32") * 0.7).reshape(np.shape(y)) + 0.3


def pulled(results: Any, multiply: Callable[[Any, Any], Any]) -> Any:
    """Return one number that depends on every floating entry of a structure of results."""
    total: Any = 0.0
    for one in leaves(results):
        if str(getattr(one, "dtype", "")).rpartition(".")[2] in ("float32", "float64"):
            total = total + multiply(one, pattern(one)).sum()
    return total


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of a structure of lists, tuples and dictionaries."""
    if isinstance(tree, dict):
        return [leaf for one in tree.values() for leaf in leaves(one)]
    if isinstance(tree, (list, tuple)):
        return [leaf for one in tree for leaf in leaves(one)]
    return [tree]


def function_agrees(ours: Any, theirs: Any, one: Case) -> None:
    """Hold a function's value and gradients against Keras' for the same arguments."""
    given = arrays(one.inputs)
    settings = one.settings | one.call
    result = theirs(*jaxed(given), **jaxed(settings))
    mine = tensors(given, one.gradient)
    found = ours(*mine, **tensors(settings))
    close(found, result, one.rtol, f"{one}: value")
    if not one.gradient:
        return
    places = [i for i, x in enumerate(given) if getattr(x, "dtype", np.dtype("O")).kind == "f"]

    def scalar(*chosen: Any) -> Any:
        full = jaxed(given)
        for i, value in zip(places, chosen, strict=True):
            full[i] = value
        return pulled(theirs(*full, **jaxed(settings)), lambda y, w: y * w)

    wanted = jax.grad(scalar, tuple(range(len(places))))(*[jaxed(given[i]) for i in places])
    pulled(found, lambda y, w: y * graftgrad.tensor(w)).backward()
    for i, gradient in zip(places, wanted, strict=True):
        mine_gradient = mine[i].grad
        if mine_gradient is None:
            assert not np.any(host(gradient)), f"{one}: no gradient of operand {i}"
        else:
            close(mine_gradient, gradient, 5 * one.rtol, f"{one}: gradient of operand {i}")


SEVERAL = ("MultiHeadAttention", "GroupQueryAttention")  # called with inputs one by one


def layer_agrees(one: Case, training: bool | None = None) -> None:
    """Hold a layer against Keras': shape, value, gradients, configuration."""
    spread = one.name in SEVERAL

    def handed(found: list[Any]) -> list[Any]:
        return found if spread else [packed(found)]

    given = arrays(one.inputs)
    theirs = getattr(keras.layers, one.name)(**settings_for(keras, one.settings))
    ours = getattr(graftwork.layers, one.name)(**settings_for(graftwork, one.settings))
    mode = {} if training is None else {"training": training}
    theirs(*handed(jaxed(given)), **jaxed(one.call), **mode)
    ours(*handed(tensors(given)), **tensors(one.call), **mode)
    same_weights(ours, theirs)
    if one.config:
        same_configuration(ours, theirs)
    floating = [i for i, x in enumerate(given) if getattr(x, "dtype", np.dtype("O")).kind == "f"]
    state = [weight.value for weight in theirs.non_trainable_variables]

    def run(trained: Any, chosen: Any) -> Any:
        full = jaxed(given)
        for i, value in zip(floating, chosen, strict=True):
            full[i] = value
        y, after = theirs.stateless_call(trained, state, *handed(full), **jaxed(one.call), **mode)
        return pulled(y, lambda a, w: a * w), (y, after)

    trained = [weight.value for weight in theirs.trainable_variables]
    chosen = [jaxed(given[i]) for i in floating]
    if one.gradient:
        (_, (result, _)), wanted = jax.value_and_grad(run, (0, 1), has_aux=True)(trained, chosen)
    else:
        result, wanted = run(trained, chosen)[1][0], None
    mine = tensors(given, one.gradient)
    found = ours(*handed(mine), **tensors(one.call), **mode)
    close(found, result, one.rtol, f"{one}: output")
    if wanted is not None:
        pulled(found, lambda y, w: y * graftgrad.tensor(w)).backward()
        for weight, gradient in zip(ours.trainable_weights, wanted[0], strict=True):
            mine_gradient = weight.grad
            assert mine_gradient is not None or not np.any(host(gradient)), weight.path
            if mine_gradient is not None:
                close(mine_gradient, gradient, 10 * one.rtol, f"{one}: gradient of {weight.name}")
        for i, gradient in zip(floating, wanted[1], strict=True):
            if mine[i].grad is not None:
                close(mine[i].grad, gradient, 10 * one.rtol, f"{one}: gradient of input {i}")
            else:
                assert not np.any(host(gradient)), f"{one}: no gradient of input {i}"
    if not spread:
        same_output_shape(ours, theirs, given, one)


def same_weights(ours: Any, theirs: Any) -> None:
    """Draw weights for Keras' layer and copy them into ours, in order."""
    draw = np.random.default_rng(SEED)
    values = []
    for weight in theirs.weights:
        value = np.asarray(weight.value)
        if value.dtype.kind == "f":
            noise = draw.standard_normal(value.shape).astype("float32") * 0.3
            positive = "variance" in weight.name or weight.name == "gamma"
            value = np.abs(noise) + 0.5 if positive else noise
        values.append(value)
    shapes = [value.shape for value in values]
    assert [tuple(w.shape) for w in ours.weights] == shapes, "weights differ in shape or order"
    theirs.set_weights(values)
    ours.set_weights(values)


def same_configuration(ours: Any, theirs: Any, freely: Sequence[str] = ()) -> None:
    """Hold configurations against each other, and let each side read the other's.

    Settings named in `freely` may differ.
    """
    wanted, found = plain(theirs.get_config()), plain(ours.get_config())
    for config in (wanted, found):
        for key in ("name", *freely):
            config.pop(key, None)
    differing = {
        key: (found.get(key, "absent"), value)
        for key, value in wanted.items()
        if key not in found or found[key] != value
    }
    assert not differing, f"{type(ours).__name__}: configuration (ours, Keras'): {differing}"
    again = plain(type(ours).from_config(theirs.get_config()).get_config())
    assert wanted.items() <= again.items(), f"{type(ours).__name__}: after reading Keras': {again}"
    back = plain(type(theirs).from_config(ours.get_config()).get_config())
    for key in ("name", *freely):
        back.pop(key, None)
    assert back == wanted, f"{type(ours).__name__}: configuration after Keras read ours: {back}"


def plain(config: Any) -> Any:
    """Return a configuration as JSON has it, without the names of modules."""
    return _stripped(json.loads(json.dumps(config, default=str)))


def _stripped(tree: Any) -> Any:
    if isinstance(tree, dict):
        if tree.get("class_name") == "DTypePolicy":
            return tree["config"]["name"]
        if {"class_name", "config"} <= set(tree):
            return {"class_name": tree["class_name"], "config": _stripped(tree["config"])}
        return {key: _stripped(one) for key, one in tree.items()}
    if isinstance(tree, list):
        return [_stripped(one) for one in tree]
    return tree


def same_output_shape(ours: Any, theirs: Any, given: list[Any], one: Case) -> None:
    """Hold the inferred output shapes against each other, the batch unknown."""
    if one.call or not all(hasattr(x, "shape") for x in given):
        return
    unknown = packed([(None, *x.shape[1:]) for x in given])
    try:
        wanted = theirs.compute_output_shape(unknown)
    except NotImplementedError:
        return
    found = ours.compute_output_shape(unknown)
    assert _shape(found) == _shape(wanted), f"{one}: output shape {found}, Keras has {wanted}"


def _shape(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _shape(one) for key, one in tree.items()}
    if isinstance(tree, (list, tuple)):
        return tuple(_shape(one) for one in tree)
    return tree


def both_refuse(ours: Callable[[], Any], theirs: Callable[[], Any], what: str) -> None:
    """Hold the class of the error that bad arguments raise against Keras'."""
    expected = _raised(theirs)
    assert expected is not None, f"{what}: Keras accepts it"
    found = _raised(ours)
    assert found is not None, f"{what}: Keras raises {type(expected).__name__}, we accept it"
    kind = ValueError if isinstance(expected, ValueError) else TypeError
    if isinstance(expected, (ValueError, TypeError)):
        assert isinstance(found, kind), f"{what}: {found!r} in place of {expected!r}"


def made_refuses(family: str, one: Case) -> None:
    """Hold the error of a constructor, or of a call of what it made, against Keras'."""

    def run(package: Any, given: Callable[[Any], Any]) -> Any:
        made = at(package, f"{family}.{one.name}")(**one.settings)
        return made(*given(arrays(one.inputs))) if one.inputs else made

    both_refuse(lambda: run(graftwork, tensors), lambda: run(keras, jaxed), str(one))


def function_refuses(family: str, one: Case) -> None:
    """Hold the error of a function of arrays against Keras'."""
    ours, theirs = both(f"{family}.{one.name}")
    given = arrays(one.inputs)
    both_refuse(
        lambda: ours(*tensors(given), **one.settings),
        lambda: theirs(*jaxed(given), **one.settings),
        str(one),
    )


def _raised(run: Callable[[], Any]) -> Exception | None:
    try:
        run()
    except Exception as error:
        return error
    return None


@dataclass(frozen=True)
class Made:
    """An object that both sides make for themselves: a layer inside a wrapper, a regularizer."""

    family: str
    name: str
    settings: dict[str, Any]

    def of(self, package: Any) -> Any:
        """Make it in a package."""
        return at(package, f"{self.family}.{self.name}")(**settings_for(package, self.settings))

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v}' for k, v in self.settings.items())})"


def make(path: str, **settings: Any) -> Made:
    """Declare an object by its path, such as `layers.Dense`."""
    family, _, name = path.rpartition(".")
    return Made(family, name, settings)


def settings_for(package: Any, tree: Any) -> Any:
    """Return settings with declared objects made by a package."""
    if isinstance(tree, Made):
        return tree.of(package)
    if isinstance(tree, dict):
        return {key: settings_for(package, one) for key, one in tree.items()}
    if isinstance(tree, list):
        return [settings_for(package, one) for one in tree]
    return tree
