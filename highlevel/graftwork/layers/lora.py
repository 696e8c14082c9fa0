"""Low-rank adaptation: a frozen kernel, and a small change of it that is trained.

kernel + alpha / rank · a · b, with a (…, rank) and b (rank, units). Hu et al., arXiv:2106.09685.
"""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, expect

from ..rules import positive_integer
from ..weight import Weight
from .layer import Layer

PARTS = ("lora_kernel_a", "lora_kernel_b", "lora_embeddings_a", "lora_embeddings_b")


class LowRank(Layer):
    """A layer whose kernel may be adapted by a product of two small matrices.

    Files of Keras' layout and of PyTorch hold the kernel with its change; ours (.safetensors, .npz)
    hold both.
    """

    lora_rank: Any
    lora_alpha: Any
    adapted: str = "kernel"  # the attribute whose weight is adapted
    lora_enabled: bool = False

    def enable_lora(
        self,
        rank: int,
        a_initializer: Any = "he_uniform",
        b_initializer: Any = "zeros",
        lora_alpha: Any = None,
    ) -> None:
        """Freeze the kernel and train a change of low rank in its place.

        With `b_initializer` zeros the layer computes at first what it computed before.

        Args:
            rank: the number of columns of a, and of rows of b.
            a_initializer: the first values of a.
            b_initializer: the first values of b.
            lora_alpha: the change counts lora_alpha / rank times; `rank` if None.
        Raises:
            ConfigError: the layer is not built, is adapted already, or its kernel has a constraint.
        """
        kernel, subject = getattr(self, self.adapted, None), f'layer "{self.name}"'
        expect(isinstance(kernel, Weight), subject, "must be built before it is adapted",
               error=ConfigError, built=self.built)  # fmt: skip
        assert isinstance(kernel, Weight)
        expect(not self.lora_enabled, subject, "can be adapted only once", error=ConfigError,
               lora_rank=self.lora_rank)  # fmt: skip
        expect(kernel.constraint is None, subject, "a kernel that is adapted has no constraint",
               error=ConfigError, constraint=kernel.constraint)  # fmt: skip
        size = positive_integer(subject, "rank", rank)
        shapes = {"a": (*kernel.shape[:-1], size), "b": (size, kernel.shape[-1])}
        for part, fill in (("a", a_initializer), ("b", b_initializer)):
            name = f"lora_{self.adapted}_{part}"
            made = self.add_weight(shapes[part], fill, name=name, regularizer=kernel.regularizer)
            setattr(self, name, made.move(kernel.device))
        kernel.trainable = False
        self.lora_rank, self.lora_alpha = size, size if lora_alpha is None else lora_alpha
        self.lora_enabled = True

    def adapt_as_told(self) -> None:
        """Adapt a layer that was just built, if `lora_rank` says so."""
        if self.lora_rank is not None:
            self.enable_lora(self.lora_rank, lora_alpha=self.lora_alpha)

    @property
    def change(self) -> tuple[Tensor, Tensor]:
        """The two matrices, the second with its factor."""
        a, b = (getattr(self, f"lora_{self.adapted}_{part}") for part in "ab")
        return a, b * (self.lora_alpha / self.lora_rank)

    def effective(self) -> Tensor:
        """Return the kernel with its change, if there is one."""
        kernel: Tensor = getattr(self, self.adapted)
        if not self.lora_enabled:
            return kernel
        a, b = self.change
        return kernel + ops.matmul(a, b)

    # -- in files ------------------------------------------------------------------------------

    def stored_weights(self) -> list[Weight]:
        """Return the layer's own weights in the order of files, without those of the change."""
        return [weight for weight in super().stored_weights() if weight.name not in PARTS]

    def merged(self, weight: Weight) -> Any:
        """Return what files hold of a weight: a kernel with its change, the others as they are."""
        if not self.lora_enabled or weight is not getattr(self, self.adapted):
            return weight.numpy()
        with graftgrad.no_grad():
            return self.effective().numpy()

    def forget_change(self, filled: set[int]) -> None:
        """Let the change be none where the kernel was read without it: it has it already.

        Keras sets both matrices to zero, from where no gradient leads away; here it is the second.
        """
        part = getattr(self, f"lora_{self.adapted}_b")
        if id(getattr(self, self.adapted)) in filled and id(part) not in filled:
            with graftgrad.no_grad():
                part.zero_()

    def get_config(self) -> dict[str, Any]:
        """Return the settings; those of the change only where there is one, as Keras does."""
        config = super().get_config()
        if self.lora_rank is None:
            config = {k: v for k, v in config.items() if k not in ("lora_rank", "lora_alpha")}
        return config
