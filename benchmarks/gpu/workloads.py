"""What is timed: a training step on a batch that lies on the device, or a whole transfer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from ..networks import causal_transformer
from .forms import COMPILED, EAGER, GRAPHS, OURS, Made, ours, theirs, torch_step

Host = np.ndarray[Any, Any]
TF32, BFLOAT16 = "float32-TF32", "bfloat16"
CLASSES = 1000
WORDS, LENGTH, WIDTH, HEADS, DEPTH = 50_257, 1024, 768, 12, 12  # GPT-2 small
PICTURES, EPOCHS = 2048, 5  # of the transfer


@dataclass(frozen=True)
class Workload:
    """A row of the table.

    Attributes:
        name: how `--only` calls it.
        samples: in a unit: what is divided by its time.
        make: makes it ready in a form.
        targets: PyTorch's time in a form / ours shall be at least this.
        units: how many a repeat does.
        warms: whether units are the same, so that some may be done before any is timed.
    """

    name: str
    samples: int
    make: Callable[[str], Made]
    targets: dict[str, float]
    units: int = 20
    warms: bool = True


def trained(
    form: str,
    dtype: str,
    model: Callable[[Any], Any],
    module: Callable[[], Any],
    optimizers: tuple[Callable[[Any], Any], Callable[[Any, bool], Any]],
    data: tuple[Host, Host],
    pictures: bool = False,
) -> Made:
    """Return a step of classification in a form; `data` are inputs and labels on the host."""
    x, y = data
    if form == OURS:
        import graftgrad
        import graftwork

        graftgrad.cuda.allow_tf32(dtype == TF32)
        if dtype == BFLOAT16:
            graftwork.mixed_precision.set_global_policy("mixed_bfloat16")
        made = model(graftwork)
        loss = graftwork.losses.SparseCategoricalCrossentropy(from_logits=True)
        made.compile(optimizers[0](graftwork.optimizers), loss)
        batch = graftgrad.tensor(x), graftgrad.tensor(y.astype(np.int32))
        return ours(lambda: made.recorded.run("train_step", batch))
    import torch

    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = dtype == TF32
    torch.backends.cudnn.benchmark = True
    theirs_module = module().cuda()
    given = torch.from_numpy(x).cuda()
    if pictures:
        theirs_module = theirs_module.to(memory_format=torch.channels_last)
        given = given.permute(0, 3, 1, 2)  # channels last, as they lie
    elif given.dtype == torch.int32:
        given = given.long()
    labels = torch.from_numpy(y).cuda().long().flatten()
    cost = torch.nn.functional.cross_entropy
    return torch_step(form, theirs_module, optimizers[1], cost, given, labels, dtype == BFLOAT16)


def sgd() -> Any:
    def of_torch(parameters: Any, recorded: bool) -> Any:
        import torch

        return torch.optim.SGD(parameters, 0.01, momentum=0.9, fused=True)

    return lambda k: k.SGD(0.01, momentum=0.9), of_torch


def adam() -> Any:
    def of_torch(parameters: Any, recorded: bool) -> Any:
        import torch

        return torch.optim.Adam(parameters, 1e-3, fused=True, capturable=recorded)

    return lambda k: k.Adam(1e-3), of_torch


def resnet(depth: int, batch: int, dtype: str) -> Callable[[str], Made]:
    def model(k: Any) -> Any:
        if depth == 18:
            return k.applications.ResNet18()
        return k.applications.ResNet50(weights=None, classifier_activation=None, variant="torch")

    def module() -> Any:
        from ..networks_torch import ResNet18
        from .networks_torch import ResNet50

        return ResNet18(CLASSES) if depth == 18 else ResNet50(CLASSES)

    def make(form: str) -> Made:
        rng = np.random.default_rng(0)
        x = rng.random((batch, 224, 224, 3), dtype=np.float32)
        data = x, rng.integers(0, CLASSES, batch)
        return trained(form, dtype, model, module, sgd(), data, pictures=True)

    return make


def transformer(batch: int) -> Callable[[str], Made]:
    def module() -> Any:
        from ..networks_torch import Transformer

        return Transformer(WORDS, LENGTH, WIDTH, HEADS, DEPTH)

    def make(form: str) -> Made:
        text = np.random.default_rng(0).integers(0, WORDS, (batch, LENGTH + 1)).astype(np.int32)
        data = np.ascontiguousarray(text[:, :-1]), np.ascontiguousarray(text[:, 1:])

        def model(k: Any) -> Any:
            return causal_transformer(k, WORDS, LENGTH, WIDTH, HEADS, DEPTH)

        return trained(form, BFLOAT16, model, module, adam(), data)

    return make


def mlp(batch: int) -> Callable[[str], Made]:
    sizes = (784, 128, 10)

    def model(k: Any) -> Any:
        hidden = [k.layers.Dense(units, activation="relu") for units in sizes[1:-1]]
        return k.Sequential([k.Input(sizes[:1]), *hidden, k.layers.Dense(sizes[-1])])

    def module() -> Any:
        from torch import nn

        parts = [part for i, o in pairwise(sizes) for part in (nn.Linear(i, o), nn.ReLU())]
        return nn.Sequential(*parts[:-1])

    def make(form: str) -> Made:
        rng = np.random.default_rng(0)
        data = rng.random((batch, 784), dtype=np.float32), rng.integers(0, 10, batch)
        return trained(form, TF32, model, module, adam(), data)

    return make


def lstm(batch: int) -> Callable[[str], Made]:
    words, width, units, length = 20_000, 128, 64, 80

    def model(k: Any) -> Any:
        inner = [k.layers.Embedding(words, width), k.layers.LSTM(units), k.layers.Dense(2)]
        return k.Sequential([k.Input((length,), dtype="int32"), *inner])

    def module() -> Any:
        from ..networks_torch import Recurrent

        return Recurrent(words, width, units, 2)

    def make(form: str) -> Made:
        rng = np.random.default_rng(0)
        x = rng.integers(0, words, (batch, length)).astype(np.int32)
        return trained(form, TF32, model, module, adam(), (x, rng.integers(0, 2, batch)))

    return make


def transfer(form: str) -> Made:
    """Return the training of a head on a frozen ResNet-50, bfloat16: a unit is all of it."""
    rng = np.random.default_rng(0)
    x = rng.random((PICTURES, 224, 224, 3), dtype=np.float32)
    y = rng.integers(0, 2, PICTURES).astype(np.int32)
    if form == OURS:
        import graftwork as k

        k.mixed_precision.set_global_policy("mixed_bfloat16")

        def unit() -> None:  # a fresh model each time, so that nothing is known beforehand
            base = k.applications.ResNet50(
                weights=None, include_top=False, pooling="avg", variant="torch"
            )
            base.trainable = False
            model = k.Sequential([k.Input((224, 224, 3)), base, k.layers.Dense(2)])
            loss = k.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(k.optimizers.Adam(1e-3), loss)
            model.fit(x, y, batch_size=64, epochs=EPOCHS, verbose=0)

        return ours(unit)
    import torch
    from torch import nn

    from .networks_torch import ResNet50

    pictures = torch.from_numpy(x).permute(0, 3, 1, 2).pin_memory()
    labels = torch.from_numpy(y).long().pin_memory()

    def training() -> None:
        base = ResNet50(None).cuda().requires_grad_(False).eval()
        base = base.to(memory_format=torch.channels_last)
        seen = torch.compile(base) if form == COMPILED else base
        head = nn.Linear(2048, 2).cuda()
        stepper = torch.optim.Adam(head.parameters(), 1e-3, fused=True)
        for _ in range(EPOCHS):
            for rows in torch.randperm(PICTURES).split(64):
                given = pictures[rows].pin_memory().cuda(non_blocking=True)
                with torch.autocast("cuda", torch.bfloat16):
                    with torch.no_grad():
                        features = seen(given.contiguous(memory_format=torch.channels_last))
                    cost = nn.functional.cross_entropy(head(features), labels[rows].cuda())
                stepper.zero_grad()
                cost.backward()
                stepper.step()

    return theirs(training)


LARGE = {EAGER: 1.0, COMPILED: 0.9}
WORKLOADS = {
    one.name: one
    for one in (
        *(
            Workload(f"resnet{depth}-{batch}-{dtype}", batch, resnet(depth, batch, dtype),
                     LARGE if batch == 256 else {EAGER: 1.3})
            for depth in (18, 50) for batch in (32, 256) for dtype in (TF32, BFLOAT16)
        ),
        Workload("gpt2-small-8-bfloat16", 8 * LENGTH, transformer(8), {EAGER: 1.0}),
        Workload("mlp-32", 32, mlp(32), {EAGER: 3.0}, units=200),
        Workload("lstm-32", 32, lstm(32), {EAGER: 1.0}, units=50),
        Workload("transfer-resnet50", PICTURES * EPOCHS, transfer, {EAGER: 5.0}, 1, False),
    )
}  # fmt: skip
UNRECORDED = {"transfer-resnet50": (GRAPHS,)}  # a loop over the host's batches is no one graph
