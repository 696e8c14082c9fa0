"""Convolutions of volumes and their two gradients: those of images with one axis more."""

from __future__ import annotations

from ...kernel import Call, Kernel, kernel
from ...ops.conv3d import Conv3D, Conv3DFilterGrad, Conv3DInputGrad
from .conv import products, whole
from .primitive import offer
from .work import Work


@kernel(Conv3D, on="cpu")
def conv3d(call: Call) -> Kernel | None:
    """Offer the convolution."""
    (x, w), y = call.ins, call.outs[0]

    def build(work: Work) -> None:
        lie = whole(work, x, w, y)
        lie.to_results(work, lie.forward(), {})

    return offer(call, build, products(y, w))


@kernel(Conv3DInputGrad, on="cpu")
def conv3d_input_grad(call: Call) -> Kernel | None:
    """Offer its gradient for volumes."""
    (gy, w), gx = call.ins, call.outs[0]
    return offer(call, lambda work: whole(work, gx, w, gy).to_images(work), products(gy, w))


@kernel(Conv3DFilterGrad, on="cpu")
def conv3d_filter_grad(call: Call) -> Kernel | None:
    """Offer its gradient for filters."""
    (gy, x), gw = call.ins, call.outs[0]
    return offer(call, lambda work: whole(work, x, gw, gy).to_filters(work), products(gy, gw))
