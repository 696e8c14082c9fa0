"""What stands beside the weights in checkpoints of other libraries: settings, kept or let go.

A name here is only ever a dictionary or nothing: the class it names is not imported, and what it
would do is not done. The interpreter that asks for it stands in `pickle_subset.py`.
"""

from __future__ import annotations

from .base import check
from .plain_objects import Arguments, Global, Ordered, Settings


class Forgotten(dict[object, object]):
    """Settings whose state refers to itself, or to classes: accepted and let go."""

    def build(self, state: object) -> None:
        """Accept any state, and forget it."""


def _dictionary(arguments: Arguments) -> Ordered:
    check(not arguments, "settings", "a dictionary of settings takes no arguments",
          arguments=len(arguments))  # fmt: skip
    return Ordered()


def _attributes(arguments: Arguments) -> Settings:
    check(not arguments, "settings", "settings take no arguments", arguments=len(arguments))
    return Settings()


def _forgotten(arguments: Arguments) -> Forgotten:
    return Forgotten()


def _text(arguments: Arguments) -> str:
    text = arguments[0] if len(arguments) == 1 else None
    check(isinstance(text, str), "torch.torch_version.TorchVersion", "takes a text",
          arguments=len(arguments))  # fmt: skip
    return str(text)


_DICTIONARIES = (
    "easydict.EasyDict",
    "yacs.config.CfgNode",
    "fvcore.common.config.CfgNode",
    "pytorch_lightning.utilities.parsing.AttributeDict",
    "lightning.pytorch.utilities.parsing.AttributeDict",
    "lightning_fabric.utilities.data.AttributeDict",
    "lightning.fabric.utilities.data.AttributeDict",
)
_ATTRIBUTES = ("timm.models.helpers.Namespace", "mmengine.logging.history_buffer.HistoryBuffer")
_FORGOTTEN = (
    "omegaconf.dictconfig.DictConfig",
    "omegaconf.listconfig.ListConfig",
    "omegaconf.base.Metadata",
    "omegaconf.base.ContainerMetadata",
    *(f"omegaconf.nodes.{kind}Node" for kind in
      ("Any", "String", "Integer", "Float", "Boolean", "Enum", "Path", "Bytes",
       "InterpolationResult")),
)  # fmt: skip
# Older versions of Lightning kept what callbacks know by their classes.
_CLASSES = (
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
    "pytorch_lightning.callbacks.early_stopping.EarlyStopping",
    "pytorch_lightning.callbacks.lr_monitor.LearningRateMonitor",
    "pytorch_lightning.callbacks.timer.Timer",
)

SETTINGS_GLOBALS: tuple[Global, ...] = (
    *(Global(name, _dictionary) for name in _DICTIONARIES),
    *(Global(name, _attributes) for name in _ATTRIBUTES),
    *(Global(name, _forgotten) for name in _FORGOTTEN),
    *(Global(name) for name in _CLASSES),
    Global("torch.torch_version.TorchVersion", _text),
)
