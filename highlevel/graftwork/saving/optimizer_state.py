"""The state of an optimizer in a file: in Keras' order, and what Keras cannot tell beside it.

Keras lists iterations, learning rate and the slots of the trained weights, without names. Weights
that are frozen now keep their slots too, and a weight that was thawed late has a count of steps of
its own: these stand by path in a group that Keras passes over.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graftgrad.errors import FormatError, expect
from graftgrad.formats import Entry

from ..layers.layer import Layer
from ..weight import Weight
from . import own_variables
from .matching import Match
from .names import Place, places

OURS = "graftwork/optimizer"
Saved = tuple[dict[str, Any], dict[str, dict[str, Any]]]


def optimizer_tree(model: Any) -> Saved:
    """Return the arrays of the optimizer's state by path, and the attributes of its groups."""
    optimizer = model.optimizer
    trained = model.trainable_weights
    optimizer.build_once(trained)
    labels = {"optimizer/vars": {"name": optimizer.name}}
    if own_variables.replaced(optimizer, "save_own_variables"):
        if not optimizer.built:
            optimizer.build(trained)
        kept = own_variables.stored(optimizer, f'optimizer "{optimizer.name}"')
        return {f"optimizer/vars/{name}": array for name, array in kept.items()}, labels
    listed = optimizer.variables_of(trained)
    arrays = {f"optimizer/vars/{i}": one.numpy() for i, one in enumerate(listed)}
    paths = {id(place.weight): place.path for place in places(model)}
    usual = float(int(optimizer.iterations))
    slots = [name for group in optimizer.every_slot() for name in group]
    order = [weight for weight in optimizer.known if id(weight) in paths]
    for weight in dict.fromkeys([*trained, *order]):
        flat = optimizer.flats.owner(weight)
        steps = flat.steps(weight) if flat is not None else 0.0
        if weight.requires_grad and steps == usual:
            continue
        place = f"{OURS}/{paths[id(weight)]}"
        arrays[f"{place}/:step"] = steps
        if flat is not None:
            arrays |= {f"{place}/:{name}": flat.view(name, weight).numpy() for name in slots}
    return arrays, labels


def order_of(model: Any) -> list[str]:
    """Return the paths of the weights the optimizer knows, in the order in which it met them."""
    paths = {id(place.weight): place.path for place in places(model)}
    return [paths[id(weight)] for weight in model.optimizer.known if id(weight) in paths]


def restore(
    model: Any,
    values: Sequence[tuple[str, Entry]],
    special: Mapping[str, Entry],
    order: Sequence[str],
) -> str:
    """Take over the state of a file; return why it was not taken, or "".

    Args:
        model: compiled, its weights loaded and frozen as they were.
        values: in Keras' order.
        special: what Keras cannot tell, by path.
        order: the paths of the weights in the order in which the optimizer met them.

    Raises:
        FormatError: what stands beside Keras' values does not fit the model.
    """
    optimizer, trained = model.optimizer, model.trainable_weights
    named = {name.rpartition("/")[2]: entry for name, entry in values}
    if own_variables.replaced(optimizer, "load_own_variables"):
        optimizer.build(trained)
        optimizer.load_own_variables({name: entry.read() for name, entry in named.items()})
        return ""
    optimizer.build_once(trained)
    foreign = [name for name in named if not name.isdigit()]
    if foreign:
        return f"the file keeps it as {', '.join(foreign[:4])}"
    values = today(optimizer, trained, values)
    reason = misfit(optimizer, trained, [entry for _, entry in values])
    if reason:
        return reason
    known = {place.path: place for place in places(model)}
    given = _by_weight(optimizer, known, special)
    read = [entry.read() for _, entry in values]
    met = [known[path].weight for path in order if path in known]
    optimizer.flats.hold(weight for weight in met if weight.kind == "parameter")
    optimizer.remember(met)
    optimizer.load_variables(read, trained)
    for weight, told in given.items():
        if len(told) > 1:
            optimizer.flats.hold([weight])
        flat = optimizer.flats.owner(weight)
        for name, value in told.items():
            if name != "step":
                flat.view(name, weight).copy_(value)
        flat.set_steps({weight: float(told["step"])})
    return ""


def today(
    optimizer: Any, weights: Sequence[Weight], values: Sequence[tuple[str, Entry]]
) -> list[tuple[str, Entry]]:
    """Bring the variables of an optimizer of other versions into the order of today.

    Keras 2 kept no rate in its .keras files, and slots that were never used; but no numbers that
    are never used, as Adafactor has of vectors. Nadam's product of momenta, which follows from the
    counter, it kept not at all; until Keras 3.9 it stood before the slots. Averages and gathered
    gradients stood side by side, weight by weight, in versions of Keras 3 as late as 3.8.
    """
    mine = optimizer.variables_of(weights)
    expected = [one.shape for one in mine]
    found = list(values)
    scalars = [entry.shape == () for _, entry in found[:3]]
    if scalars[:2] == [True, False] and expected[:2] == [(), ()]:
        rate = Entry((), found[0][1].dtype, optimizer.rate.numpy)
        found.insert(1, ("learning_rate", rate))
        scalars.insert(1, True)
    if len(expected) == 2:
        return found[:2]
    extra = optimizer.extra_variables()
    for i, shape in enumerate(expected[1:-1], 1):
        short = i < len(found) < len(expected) - len(extra)
        if short and shape == () and found[i][1].shape != ():
            found.insert(i, (mine[i].name, Entry((), found[0][1].dtype, mine[i].numpy)))
    if extra and len(found) == len(expected) - len(extra):
        return [*found, *((one.name, Entry(one.shape, one.dtype, one.numpy)) for one in extra)]
    place = 2 if expected[:2] == [(), ()] else 1  # of the first slot
    both = optimizer.use_ema and optimizer.gradient_accumulation_steps is not None
    end = place + 2 * len(weights)
    shapes = [entry.shape for _, entry in found[place:end]]
    pairs = [one.shape for one in weights for _ in range(2)]
    if both and shapes == pairs and shapes != expected[place:end]:
        found[place:end] = [*found[place:end:2], *found[place + 1 : end : 2]]
    if extra and scalars[: place + 1] == [True] * (place + 1) and expected[place] != ():
        found.append(found.pop(place))
    return found


def misfit(optimizer: Any, weights: Sequence[Weight], values: Sequence[Entry]) -> str:
    """Say why values do not fit; "" if they do."""
    expected = [one.shape for one in optimizer.variables_of(weights)]
    given = [one.shape for one in values]
    if len(expected) != len(given):
        return f"it has {len(expected)} variables, the file {len(given)}"
    wrong = next(
        (i for i, pair in enumerate(zip(expected, given, strict=True)) if pair[0] != pair[1]), None
    )
    return (
        ""
        if wrong is None
        else f"variable {wrong} has shape {expected[wrong]}, in the file {given[wrong]}"
    )


def _by_weight(
    optimizer: Any, known: Mapping[str, Place], special: Mapping[str, Entry]
) -> dict[Weight, dict[str, Any]]:
    slots = {name for group in optimizer.every_slot() for name in group}
    found: dict[Weight, dict[str, Any]] = {}
    for name, entry in special.items():
        path, _, what = name.removeprefix(f"{OURS}/").rpartition("/:")
        sound = path in known and (what == "step" or what in slots)
        expect(sound, "optimizer", "saved state must belong to weights of the model",
               error=FormatError, entry=name)  # fmt: skip
        weight = known[path].weight
        expect(entry.shape == (() if what == "step" else weight.shape), "optimizer",
               "saved state must have the shape of its weight", error=FormatError, entry=name,
               shape=entry.shape)  # fmt: skip
        found.setdefault(weight, {})[what] = _tensor(entry, weight, what)
    for weight, told in found.items():
        expect("step" in told and len(told) in (1, len(slots) + 1), "optimizer",
               "saved state of a weight must be complete", error=FormatError, weight=weight.path,
               entries=sorted(told))  # fmt: skip
    return found


def _tensor(entry: Entry, weight: Weight, what: str) -> Any:
    value = entry.read()
    return float(value) if what == "step" else weight.like(value)


def legacy_values(
    model: Any, listed: Sequence[tuple[str, Entry]], matches: Sequence[Match]
) -> tuple[list[tuple[str, Entry]], list[Weight]]:
    """Bring the state of Keras' older files into Keras 3's order, with the weights it belongs to.

    Keras 2 wrote the counter, then one slot of all weights after the other (of Ftrl one weight
    after the other); Keras 3 writes what Keras 3 always writes. Weights stand in the order of the
    file's layers; the first versions of Keras 2 sorted them by name.
    """
    trained = {
        match.name.partition("/")[2].split(":")[0]: match.place.weight
        for match in matches if match.place.weight.requires_grad
    }  # fmt: skip
    weights = [match.place.weight for match in matches if match.place.weight.requires_grad]
    optimizer = model.optimizer
    groups = [list(group) for group in optimizer.every_slot()]
    slots = [name for group in groups for name in group]
    count = len(weights)
    held = [one for one in listed if not one[0].endswith("learning_rate:0")]
    product: list[tuple[str, Entry]] = []  # of Nadam's momenta
    if optimizer.extra_variables() and len(held) == 2 + len(slots) * count:
        product = [held.pop(1)]
    newest = bool(held) and held[0][0].split(":")[0] == "iteration"  # as from Keras 2.11 on
    if newest or not held or not held[0][0].endswith(":0") or len(held) != 1 + len(slots) * count:
        return list(held), weights
    above = [name.rpartition("/")[0] for name, _ in held[1:]]
    apart = list(dict.fromkeys(above))
    if len(apart) == count and above == [one for one in apart for _ in slots]:
        held[1:] = [one for i in range(len(slots)) for one in held[1 + i :: len(slots)]]
    first = [name.split(":")[0] for name, _ in held[1 : 1 + count]]
    named = [trained.get("/".join(name.split("/")[1:-1])) for name in first]
    by_name = [trained[name] for name in sorted(trained)] if len(trained) == count else weights
    told = [weight for weight in named if weight is not None]
    orders = [told] if len(told) == count else [weights, by_name]
    shapes = [entry.shape for _, entry in held[1:]]
    fitting = [one for one in orders if [weight.shape for weight in one] * len(slots) == shapes]
    if fitting:
        weights = fitting[0]
    values = [held[0]]
    if optimizer.schedule is None:
        values.append(("learning_rate", Entry((), held[0][1].dtype, optimizer.rate.numpy)))
    for group in groups:
        places = [1 + slots.index(name) * count for name in group]
        values += [held[place + i] for i in range(count) for place in places]
    return values + product, weights


def compiled_model(model: Layer) -> bool:
    """Tell whether a model has an optimizer whose state can be saved."""
    return bool(getattr(model, "compiled", False)) and hasattr(model.optimizer, "variables_of")  # type: ignore[attr-defined]
