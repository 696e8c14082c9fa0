"""Writes `settings_*.pt`: what training scripts keep beside weights.

Run once with torch, omegaconf and easydict. Nothing in it is read as what it was: see
`formats/plain_objects.py` and `formats/settings_objects.py`.
"""

import argparse
import collections
import datetime
import pathlib
import types

import easydict
import numpy as np
import omegaconf
import torch

HERE = pathlib.Path(__file__).parent


def checkpoint():
    default = collections.defaultdict(list)
    default["losses"] += [0.5, 0.25]
    return {
        "state_dict": {"w": torch.arange(3.0)},
        "args": argparse.Namespace(lr=0.1, out=pathlib.PosixPath("/runs/1")),
        "space": types.SimpleNamespace(depth=2),
        "default": default,
        "counter": collections.Counter("aab"),
        "deque": collections.deque([1, 2], maxlen=5),
        "date": datetime.datetime(2024, 5, 17, 13, 4, 59),
        "day": datetime.date(2024, 5, 17),
        "span": datetime.timedelta(days=1, seconds=2),
        "parts": [slice(1, 2), range(3), 1 + 2j, bytearray(b"xy"), frozenset([4])],
        "names": np.array(["cat", "dog"]),
        "one": np.array(["cat"])[0],
        "layout": torch.strided,
        "version": torch.__version__,
        "easy": easydict.EasyDict(a={"b": 1}),
        "omega": omegaconf.OmegaConf.create({"a": [1, "x", None, 1.5, {"b": True}]}),
    }


torch.save(checkpoint(), HERE / "settings_2.pt")
torch.save(checkpoint(), HERE / "settings_4.pt", pickle_protocol=4)
