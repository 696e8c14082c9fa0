"""Writes torch_losses.npz and torch_losses.json: PyTorch's losses, distances and stacked networks.

Ran with torch 2.13.0 (CPU), numpy 2.4.6, Python 3.11; stored as float64. Needs the interop extra:
``python tests/golden/make_torch_losses.py``.

Class names are those of torch.nn.functional (lstm, gru, rnn: torch.nn), settings their keyword
arguments. Arrays of a case: ``operand/<name>`` in the order of PyTorch's arguments, ``output``,
``cotangent`` and ``gradient/<name>`` of sum(output · cotangent) for facts["wanted"]. Classes stand
last here; of ctc_loss the samples stand first, and logits take the place of their log_softmax. The
weights of the stacked networks are ``weight/<name>``, as PyTorch names them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from writer import Array, Family, draw, draw_integers, draw_positive

Tensor = torch.Tensor
family = Family("torch_losses", ("torch",))


def case(
    class_name: str,
    wanted: dict[str, Array],
    fixed: dict[str, Array] | None = None,
    compute: Callable[..., Tensor] | None = None,
    **settings: Any,
) -> None:
    name = f"{class_name}-{sum(1 for c in family.cases if c['class_name'] == class_name)}"
    operands = {n: torch.tensor(a, requires_grad=True) for n, a in wanted.items()}
    still = {n: torch.tensor(a) for n, a in (fixed or {}).items()}
    output = (compute or getattr(F, class_name))(**operands, **still, **settings)
    cotangent = torch.tensor(draw(name + "cotangent", *output.shape, span=1.0))
    leaves = list(operands.values())
    gradients = torch.autograd.grad((output * cotangent).sum(), leaves)
    arrays: dict[str, Any] = {f"operand/{n}": a for n, a in (wanted | (fixed or {})).items()}
    arrays |= {"output": output.detach().numpy(), "cotangent": cotangent.numpy()}
    for n, gradient in zip(operands, gradients, strict=True):
        arrays[f"gradient/{n}"] = gradient.numpy(force=True)
    family.add(name, class_name, settings, arrays, wanted=list(wanted))


def numbers(tag: str, **shapes: tuple[int, ...]) -> dict[str, Array]:
    """Of spans that differ, so that there are no ties at kinks."""
    return {
        name: draw(tag + name, *shape, span=2.0 - 0.1 * i)
        for i, (name, shape) in enumerate(shapes.items())
    }


def of_numbers() -> None:
    both = numbers("numbers", input=(3, 4), target=(3, 4))
    weight = {"weight": draw_positive("weight", 3, 4)}
    for class_name in ("l1_loss", "mse_loss"):
        for reduction in ("none", "mean", "sum"):
            case(class_name, both, reduction=reduction)
    case("mse_loss", both, weight)
    case("huber_loss", both, delta=0.7)
    case("huber_loss", both, weight)
    case("smooth_l1_loss", both, beta=0.7, reduction="sum")
    case("smooth_l1_loss", both, beta=0.0)
    logarithms = {"input": np.log(draw_positive("kl", 3, 4) / 2)}
    shares = draw_positive("shares", 3, 4)
    for reduction in ("batchmean", "mean", "none"):
        case("kl_div", logarithms | {"target": shares}, reduction=reduction)
        case("kl_div", logarithms | {"target": np.log(shares)}, reduction=reduction,
             log_target=True)  # fmt: skip
    shares = shares.copy()
    shares[0] = 0.0
    case("kl_div", logarithms, {"target": shares}, reduction="sum")
    counts = {"target": draw_integers("counts", (3, 4), 5).astype("float64")}
    case("poisson_nll_loss", numbers("rate", input=(3, 4)), counts)
    case("poisson_nll_loss", numbers("rate", input=(3, 4)), counts, full=True, reduction="none")
    case("poisson_nll_loss", {"input": draw_positive("rate", 3, 4)}, counts, log_input=False,
         eps=1e-3, reduction="sum")  # fmt: skip
    case("gaussian_nll_loss", both | {"var": draw_positive("var", 3, 4)})
    case("gaussian_nll_loss", both | {"var": draw_positive("var", 3)}, full=True, eps=0.8,
         reduction="none")  # fmt: skip
    signs = {"target": 2.0 * draw_integers("signs", (3, 4), 2) - 1}
    case("soft_margin_loss", numbers("soft", input=(3, 4)), signs)


def with_margins() -> None:
    pair = numbers("pair", input1=(5, 3), input2=(5, 3))
    signs = {"target": 2.0 * draw_integers("ranks", (5, 3), 2) - 1}
    case("margin_ranking_loss", pair, signs)
    case("margin_ranking_loss", pair, signs, margin=0.5, reduction="none")
    case("hinge_embedding_loss", numbers("hinge", input=(5, 3)), signs, margin=0.7)
    kinds = {"target": np.array([1.0, -1.0, 1.0, -1.0, -1.0])}
    case("cosine_embedding_loss", pair, kinds)
    case("cosine_embedding_loss", pair, kinds, margin=0.3, reduction="none")
    scores = numbers("scores", input=(5, 4))
    labels = {"target": draw_integers("labels", (5,), 4)}
    case("multi_margin_loss", scores, labels)
    case("multi_margin_loss", scores, labels, p=2, margin=0.5, reduction="none")
    case("multi_margin_loss", scores, labels | {"weight": draw_positive("w", 4)}, reduction="sum")
    marks = np.array([[1, 3, -1, 0], [0, -1, 2, 2], [-1, 0, 0, 0], [3, 2, 1, 0], [2, 2, -1, 1]])
    for reduction in ("none", "mean"):
        case("multilabel_margin_loss", scores, {"target": marks}, reduction=reduction)
    yes = {"target": draw_integers("yes", (5, 4), 2).astype("float64")}
    case("multilabel_soft_margin_loss", scores, yes)
    case("multilabel_soft_margin_loss", scores, yes | {"weight": draw_positive("w", 4)},
         reduction="none")  # fmt: skip
    three = numbers("three", anchor=(6, 3), positive=(6, 3), negative=(6, 3))
    case("triplet_margin_loss", three)
    case("triplet_margin_loss", three, margin=2.0, p=1.0, swap=True, reduction="none")
    case("triplet_margin_with_distance_loss", three, margin=0.5, reduction="sum")


def distances() -> None:
    pair = numbers("points", x1=(4, 3), x2=(4, 3))
    for p in (1.0, 2.0, 3.0):
        case("pairwise_distance", pair, p=p)
    case("cosine_similarity", pair, dim=-1)
    case("cosine_similarity", pair, dim=0)
    sets = numbers("sets", x1=(2, 4, 3), x2=(2, 5, 3))
    sets["x2"][:, 1] = sets["x1"][:, 2]  # a distance of 0
    for p in (1.0, 2.0, 1.5, float("inf")):
        told = {"p": p} if p != float("inf") else {"p": "inf"}

        def measured(x1: Tensor, x2: Tensor, p: float | str) -> Tensor:
            return torch.cdist(x1, x2, float(p))

        case("cdist", sets, compute=measured, **told)
    case("pdist", numbers("within", input=(5, 3)))


def sequences() -> None:
    logits = numbers("ctc", log_probs=(4, 7, 5))
    labels = np.array([[1, 2, 2], [3, 1, 0], [4, 4, 4], [2, 0, 0]])
    steps, lengths = np.array([7, 6, 5, 2]), np.array([3, 2, 3, 0])

    def ctc(log_probs: Tensor, **others: Any) -> Tensor:
        return F.ctc_loss(log_probs.log_softmax(-1).transpose(0, 1), **others)

    told = {"targets": labels, "input_lengths": steps, "target_lengths": lengths}
    for reduction in ("none", "mean", "sum"):
        case("ctc_loss", logits, told, ctc, reduction=reduction)
    case("ctc_loss", logits, told | {"targets": np.minimum(labels, 3) + (labels > 0) - 1}, ctc,
         blank=4, reduction="none")  # fmt: skip
    short = told | {"input_lengths": np.array([3, 6, 4, 7])}
    case("ctc_loss", logits, short, ctc, zero_infinity=True, reduction="none")


def bags() -> None:
    table, rows = numbers("table", weight=(6, 3)), draw_integers("rows", (2, 4), 6)
    case("embedding", table, {"input": rows}, padding_idx=int(rows[0, 1]))
    flat = {"input": rows.reshape(-1), "offsets": np.array([0, 3, 3, 7])}
    for mode in ("sum", "mean", "max"):
        case("embedding_bag", table, {"input": rows}, mode=mode)
        case("embedding_bag", table, flat, mode=mode, padding_idx=int(rows[0, 2]))
    each = {"per_sample_weights": draw("each", 8)}
    case("embedding_bag", table | each, flat, mode="sum", include_last_offset=True)


def stacked() -> None:
    for kind, gates in (("lstm", 4), ("gru", 3), ("rnn", 1)):
        for layers, both in ((2, False), (2, True)):
            network = getattr(torch.nn, kind.upper())(
                3, 2, layers, bidirectional=both, batch_first=True
            ).double()
            names = [name for name, _ in network.named_parameters()]
            arrays: dict[str, Any] = {}
            for name, parameter in network.named_parameters():
                values = draw(f"{kind}{name}", *parameter.shape, span=0.9)
                arrays[f"weight/{name}"] = values
                parameter.data = torch.tensor(values)
            x = torch.tensor(draw(kind, 2, 4, 3), requires_grad=True)
            output, ended = network(x)
            cotangent = torch.tensor(draw(kind + "cotangent", *output.shape, span=1.0))
            (gradient,) = torch.autograd.grad((output * cotangent).sum(), [x])
            h, *c = ended if kind == "lstm" else (ended,)
            arrays |= {"operand/x": x.detach().numpy(), "output": output.detach().numpy(),
                       "cotangent": cotangent.numpy(), "gradient/x": gradient.numpy(),
                       "state/h": h.detach().numpy()}  # fmt: skip
            if c:
                arrays["state/c"] = c[0].detach().numpy()
            family.add(f"{kind}-{int(both)}", kind, {"bidirectional": both}, arrays, gates=gates,
                       names=names, wanted=["x"])  # fmt: skip


def main() -> None:
    of_numbers()
    with_margins()
    distances()
    sequences()
    bags()
    stacked()
    family.write()


if __name__ == "__main__":
    main()
