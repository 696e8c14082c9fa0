"""Writes torch_images.npz and torch_images.json: what PyTorch does with images, and its gradients.

Ran with torch 2.13.0 (CPU), numpy 2.4.6, Python 3.11; stored as float64. Needs the interop extra:
``python tests/golden/make_torch_images.py``.

Everything lies channels last here and is turned round for PyTorch inside. Class names are those of
torch.nn.functional, settings their keyword arguments. Arrays of a case: ``operand/<name>``,
``output``, ``cotangent``, and ``gradient/<name>`` of sum(output · cotangent).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from writer import Array, Family, draw

Tensor = torch.Tensor
family = Family("torch_images", ("torch",))


def first(x: Tensor) -> Tensor:
    return x.movedim(-1, 1)


def last(x: Tensor) -> Tensor:
    return x.movedim(1, -1)


def case(
    class_name: str, function: Callable[..., Tensor], operands: dict[str, Array], **settings: Any
) -> None:
    name = f"{class_name}-{sum(1 for c in family.cases if c['class_name'] == class_name)}"
    wanted = {n: torch.tensor(a, requires_grad=True) for n, a in operands.items()}
    output = function(**wanted, **settings)
    cotangent = torch.tensor(draw(name + "cotangent", *output.shape, span=1.0))
    gradients = torch.autograd.grad((output * cotangent).sum(), list(wanted.values()))
    arrays: dict[str, Any] = {f"operand/{n}": a for n, a in operands.items()}
    arrays |= {"output": output.detach().numpy(), "cotangent": cotangent.numpy()}
    arrays |= {f"gradient/{n}": g.numpy() for n, g in zip(wanted, gradients, strict=True)}
    family.add(name, class_name, settings, arrays)


def interpolated(x: Tensor, **settings: Any) -> Tensor:
    return last(F.interpolate(first(x), **settings))


def sizes() -> None:
    line, image = {"x": draw("line", 1, 5, 2)}, {"x": draw("image", 1, 5, 4, 1)}
    volume = {"x": draw("volume", 1, 3, 2, 4, 1)}
    case("interpolate", interpolated, line, size=7, mode="linear", align_corners=True)
    case("interpolate", interpolated, line, scale_factor=1.7, mode="nearest")
    case("interpolate", interpolated, image, size=[3, 7], mode="nearest-exact")
    case("interpolate", interpolated, image, size=[3, 7], mode="area")
    case("interpolate", interpolated, volume, size=[2, 3, 6], mode="trilinear")
    for mode in ("bilinear", "bicubic"):
        case("interpolate", interpolated, image, size=[8, 3], mode=mode)
        case("interpolate", interpolated, image, size=[3, 6], mode=mode, align_corners=True)
        case("interpolate", interpolated, image, size=[2, 3], mode=mode, antialias=True)
        case("interpolate", interpolated, image, scale_factor=[0.7, 1.3], mode=mode)


def grids() -> None:
    def sampled(x: Tensor, grid: Tensor, **settings: Any) -> Tensor:
        return last(F.grid_sample(first(x), grid, **settings))

    image = {"x": draw("sampled", 1, 4, 5, 2), "grid": draw("grid", 1, 2, 4, 2)}
    for mode in ("bilinear", "nearest", "bicubic"):
        for padding in ("zeros", "border", "reflection"):
            for corners in (False, True):
                case("grid_sample", sampled, image, mode=mode, padding_mode=padding,
                     align_corners=corners)  # fmt: skip
    volume = {"x": draw("volume", 1, 2, 3, 3, 1), "grid": draw("grid3", 1, 2, 1, 3, 3)}
    case("grid_sample", sampled, volume, mode="bilinear", padding_mode="zeros",
         align_corners=False)  # fmt: skip
    case("grid_sample", sampled, volume, mode="nearest", padding_mode="border",
         align_corners=True)  # fmt: skip

    def places(theta: Tensor, size: list[int], align_corners: bool) -> Tensor:
        return F.affine_grid(theta, [size[0], size[-1], *size[1:-1]], align_corners)

    theta = {"theta": draw("theta", 2, 2, 3)}
    case("affine_grid", places, theta, size=[2, 3, 2, 1], align_corners=False)
    case("affine_grid", places, theta, size=[2, 1, 4, 1], align_corners=True)
    case("affine_grid", places, {"theta": draw("theta3", 1, 3, 4)}, size=[1, 2, 2, 3, 1],
         align_corners=False)  # fmt: skip


def others() -> None:
    def responded(x: Tensor, **settings: Any) -> Tensor:
        return last(F.local_response_norm(first(x), **settings))

    x = {"x": draw("responses", 2, 3, 5)}
    case("local_response_norm", responded, x, size=3, alpha=0.5)
    case("local_response_norm", responded, x, size=4, alpha=0.9, beta=0.5, k=2.0)

    def normed(x: Tensor, norm_type: float, size: Any, stride: Any = None) -> Tensor:
        return last(F.lp_pool2d(first(x), norm_type, size, stride))

    x = {"x": draw("lp", 1, 5, 4, 2)}
    case("lp_pool2d", normed, {"x": abs(x["x"])}, norm_type=3.0, size=[2, 3])
    case("lp_pool2d", normed, x, norm_type=2.0, size=2, stride=1)


def main() -> None:
    sizes()
    grids()
    others()
    family.write()


if __name__ == "__main__":
    main()
