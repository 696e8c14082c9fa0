"""What `vmap` makes of an op: what a loop over the samples makes, value and gradient."""

import zlib

import numpy as np
import pytest

import graftgrad
from graftgrad import ops
from graftgrad.errors import GradientError
from graftgrad.func import grad, vmap
from graftgrad.spec import is_complex, is_differentiable
from graftgrad.tensor import Tensor
from support.declaration import Case, Place, projection

Operands = dict[Place, Tensor]


def is_mapped(case: Case) -> bool:
    """Whether the op has operands, two samples of which have one shape, and changes none."""
    first, second = case.arrays(0), case.arrays(1)
    return (
        bool(first)
        and not case.updates
        and all(first[place].shape == second[place].shape for place in first)
    )


def check_samples(case: Case) -> None:
    """Two samples at once give what each gives alone; of one case in eight the gradients too."""
    arrays = case.arrays(0), case.arrays(1)
    alone = [case.tensors(one) for one in arrays]
    stacked = {
        place: graftgrad.tensor(np.stack([one[place] for one in arrays])) for place in arrays[0]
    }
    wanted = [case.call(one) for one in alone]
    if not case.meta and case.op.__name__ in HOST:
        with pytest.raises(GradientError, match="vmap: values of a sample must not be read"):
            vmap(case.call)(stacked)
        return
    _agree(vmap(case.call)(stacked), wanted)
    for place in list(stacked)[: len(stacked) - 1]:  # and where one operand is shared by both

        def shared(mixed: Operands, place: Place = place) -> list[Tensor]:
            return case.call({**mixed, place: alone[0][place]})

        axes = {other: None if other == place else 0 for other in stacked}
        one, other = (case.call({**x, place: alone[0][place]}) for x in alone)
        try:
            found = vmap(shared, in_dims=(axes,))(stacked)
        except GradientError as refused:  # it is changed in place, and there is only one of it
            assert "must have memory for every sample" in str(refused)
        else:
            _agree(found, [one, other])
    if case.differentiated() and zlib.crc32(case.name.encode()) % 8 == 0:

        def gradients(operands: Operands) -> list[Tensor]:
            some = {place: operands[place] for place in case.differentiated()}
            found = grad(lambda chosen: _projected(case, {**operands, **chosen}))(some)
            return list(found.values())

        _agree(vmap(gradients)(stacked), [gradients(one) for one in alone])


# Their results' shapes depend on values.
HOST = frozenset(
    "argwhere bincount flatnonzero histc histogram masked_select nonzero unique "
    "unique_consecutive".split()
)


def _projected(case: Case, operands: Operands) -> Tensor:
    total = graftgrad.tensor(0.0, "float64")
    for y in case.call(operands):
        if is_differentiable(y.dtype):
            product = y * projection(y.detach())
            total = total + ops.sum(product.real if is_complex(product.dtype) else product)
    return total


def _agree(found: list[Tensor], alone: list[list[Tensor]]) -> None:
    for row, results in enumerate(alone):
        for y, reference in zip(found, results, strict=True):
            assert y.dtype == reference.dtype
            wanted = reference.detach().numpy()
            scale = max(1.0, float(np.abs(wanted.astype(complex)).max(initial=0)))
            np.testing.assert_allclose(
                y[row].detach().numpy(), wanted, rtol=1e-8, atol=1e-10 * scale
            )
