"""Schedulers beside those of PyTorch, on the same optimizers."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest

import graftgrad
from graftgrad import optim

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.interop,
    pytest.mark.filterwarnings("ignore:.*lr_scheduler.step:UserWarning"),
]

RATES = {
    "multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda e: 0.9 + 0.01 * e),
    "milestones": lambda s, o: s.MultiStepLR(o, [3, 7, 7], 0.5),
    "constant": lambda s, o: s.ConstantLR(o, 0.3, 4),
    "linear": lambda s, o: s.LinearLR(o, 0.1, 0.8, 6),
    "polynomial": lambda s, o: s.PolynomialLR(o, 7, 1.5),
    "restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, eta_min=0.01),
    "longer restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 3, 0.01),
    "cyclic": lambda s, o: s.CyclicLR(o, 0.1, 0.7, 4, 3),
    "halved": lambda s, o: s.CyclicLR(o, 0.1, 0.7, 4, mode="triangular2"),
    "fading": lambda s, o: s.CyclicLR(o, [0.1, 0.2], [0.7, 0.6], 3, mode="exp_range", gamma=0.9),
    "own": lambda s, o: s.CyclicLR(o, 0.1, 0.7, 3, scale_fn=lambda x: 1 / (1 + x)),
    "own by steps": lambda s, o: s.CyclicLR(
        o, 0.1, 0.7, 3, scale_fn=lambda x: 1 / (1 + x), scale_mode="iterations"
    ),
    "one cycle": lambda s, o: s.OneCycleLR(o, 0.5, 20),
    "one cycle of lines": lambda s, o: s.OneCycleLR(o, [0.5, 0.6], 19, anneal_strategy="linear"),
    "one cycle in three": lambda s, o: s.OneCycleLR(
        o, 0.5, epochs=4, steps_per_epoch=5, pct_start=0.25, three_phase=True
    ),
    "after each other": lambda s, o: s.SequentialLR(
        o,
        [s.LinearLR(o, 0.1, total_iters=4), s.CosineAnnealingLR(o, 8), s.ExponentialLR(o, 0.9)],
        [4, 12],
    ),
    "after a restart": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 2), s.CosineAnnealingWarmRestarts(o, 3), s.StepLR(o, 2, 0.5)],
        [5, 11],
    ),
    "after a product": lambda s, o: s.SequentialLR(
        o, [s.StepLR(o, 2), s.MultiplicativeLR(o, lambda e: 0.9)], [5]
    ),
    "at once": lambda s, o: s.ChainedScheduler(
        [s.ConstantLR(o, 0.3, 4), s.ExponentialLR(o, 0.9), s.StepLR(o, 5, 0.5)]
    ),
}  # fmt: skip


def followed(make: Any, library: ModuleType, kind: str) -> list[Any]:
    rooms = {"torch": torch.tensor, "graftgrad": graftgrad.tensor}
    make_tensor = rooms[library.__name__.split(".")[0]]
    weights = [make_tensor([1.0], requires_grad=True) for _ in range(2)]
    settings = {"momentum": 0.5} if kind == "SGD" else {}
    optimizer = getattr(library, kind)(
        [{"params": weights[:1]}, {"params": weights[1:], "lr": 0.02}], lr=0.1, **settings
    )
    scheduler = make(library.lr_scheduler, optimizer)
    found = []
    for _ in range(19):
        for group in optimizer.param_groups:
            found += [group["lr"], group["betas"][0] if kind == "Adam" else group["momentum"]]
        scheduler.step()
    return found


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
@pytest.mark.parametrize("name", RATES)
def test_rates_and_momenta_are_pytorchs(name: str, kind: str) -> None:
    wanted = followed(RATES[name], torch.optim, kind)
    np.testing.assert_allclose(followed(RATES[name], optim, kind), wanted, rtol=1e-10, atol=1e-15)
