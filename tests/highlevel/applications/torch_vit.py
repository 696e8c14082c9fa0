"""torchvision's vision transformer, written again for PyTorch, to compare with; other libraries'
names for the same weights."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Block(nn.Module):
    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(size, eps=1e-6)
        self.self_attention = nn.MultiheadAttention(size, heads, batch_first=True)
        self.ln_2 = nn.LayerNorm(size, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(size, 4 * size), nn.GELU(), nn.Dropout(0.0), nn.Linear(4 * size, size)
        )

    def forward(self, x: Any) -> Any:
        y = self.ln_1(x)
        x = x + self.self_attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.ln_2(x))


class Encoder(nn.Module):
    def __init__(self, places: int, size: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.pos_embedding = nn.Parameter(torch.randn(1, places, size))
        self.layers = nn.Sequential()
        for i in range(blocks):
            self.layers.add_module(f"encoder_layer_{i}", Block(size, heads))
        self.ln = nn.LayerNorm(size, eps=1e-6)

    def forward(self, x: Any) -> Any:
        return self.ln(self.layers(x + self.pos_embedding))


class Network(nn.Module):
    def __init__(
        self, side: int, patch: int, size: int, heads: int, blocks: int, classes: int
    ) -> None:
        super().__init__()
        self.conv_proj = nn.Conv2d(3, size, patch, patch)
        self.class_token = nn.Parameter(torch.randn(1, 1, size))
        self.encoder = Encoder((side // patch) ** 2 + 1, size, heads, blocks)
        self.heads = nn.Sequential()
        self.heads.add_module("head", nn.Linear(size, classes))

    def forward(self, x: Any) -> Any:
        x = self.conv_proj(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], 1)
        return self.heads(self.encoder(x)[:, 0])


TIMM = {
    "class_token": "cls_token", "encoder.pos_embedding": "pos_embed",
    "conv_proj.": "patch_embed.proj.", "encoder.ln.": "norm.", "heads.head.": "head.",
    "encoder.layers.encoder_layer_": "blocks.", ".ln_1.": ".norm1.", ".ln_2.": ".norm2.",
    ".self_attention.in_proj_": ".attn.qkv.", ".self_attention.out_proj.": ".attn.proj.",
    ".mlp.0.": ".mlp.fc1.", ".mlp.3.": ".mlp.fc2.",
}  # fmt: skip
HUGGING_FACE = {
    "class_token": "vit.embeddings.cls_token",
    "encoder.pos_embedding": "vit.embeddings.position_embeddings",
    "conv_proj.": "vit.embeddings.patch_embeddings.projection.", "encoder.ln.": "vit.layernorm.",
    "heads.head.": "classifier.", "encoder.layers.encoder_layer_": "vit.encoder.layer.",
    ".ln_1.": ".layernorm_before.", ".ln_2.": ".layernorm_after.",
    ".self_attention.out_proj.": ".attention.output.dense.",
    ".mlp.0.": ".intermediate.dense.", ".mlp.3.": ".output.dense.",
}  # fmt: skip


def renamed(state: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    """A state dict under another library's names; Hugging Face keeps three projections."""
    found = {}
    for name, tensor in state.items():
        other = name
        for theirs, its in names.items():
            other = other.replace(theirs, its)
        place, joint, leaf = other.rpartition(".self_attention.in_proj_")
        if joint:
            for part, third in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                found[f"{place}.attention.attention.{part}.{leaf}"] = third.clone()
        else:
            found[other] = tensor
    return found
