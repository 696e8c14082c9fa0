"""What modules have in PyTorch and layers lack, and what to write here: for errors."""

from __future__ import annotations

ELSEWHERE = {
    "train": "Write layer(x, training=True) where it is called; fit does so.",
    "eval": "A call without training=True is one in inference form; evaluate and predict are.",
    "state_dict": "Write save_weights('name.pth'): PyTorch reads it too.",
    "load_state_dict": "Write load_weights('name.pth'), which reads PyTorch's files.",
    "cuda": "Write to('gpu').",
    "cpu": "Write to('cpu').",
}
