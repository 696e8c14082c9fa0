"""The model that trains a student beside its frozen teacher."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graftgrad import ops
from graftgrad.errors import ConfigError, ShapeError, expect

from .. import registry, tree
from ..metrics import Mean
from ..models import Functional, Model
from ..registry import configuration, custom_object_scope, decoded
from ..saving.config import model_config, model_from_config
from .teaching import LOSSES, DistillationLoss

FINAL = "final_output"


class Distiller(Model):
    """Train a student on labels and on what its teacher says; called, it is the student.

    loss = w · student's + (1 − w) · Σ vᵢ · distillationᵢ. The teacher is frozen, and runs in
    inference form. Logs hold student_loss, distillation_loss and total_loss beside loss.

    Args:
        teacher: a trained model.
        student: the model that is trained.
        distillation_losses: one, or several.
        distillation_loss_weights: v, one for each; 1 if None.
        student_loss_weight: w, from 0 to 1.
        name: its name.
        kwargs: further settings of a model.
    Raises:
        ConfigError: something is no model or no loss, weights do not fit, or a layer is missing.
        ShapeError: both models have not the same inputs and outputs.
    """

    exported_module = "keras.distillation"

    def __init__(
        self,
        teacher: Any,
        student: Any,
        distillation_losses: Any,
        distillation_loss_weights: Any = None,
        student_loss_weight: float = 0.5,
        name: str = "distiller",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **kwargs)
        _check_models(teacher, student)
        fit = isinstance(student_loss_weight, (int, float)) and 0 <= student_loss_weight <= 1
        expect(fit, "Distiller", "student_loss_weight must lie between 0 and 1", error=ConfigError,
               student_loss_weight=student_loss_weight)  # fmt: skip
        several = isinstance(distillation_losses, (list, tuple))
        listed = list(distillation_losses) if several else [distillation_losses]
        sound = len(listed) > 0 and all(isinstance(one, DistillationLoss) for one in listed)
        expect(sound, "Distiller", "distillation_losses must be distillation losses",
               error=ConfigError, distillation_losses=distillation_losses)  # fmt: skip
        weights = [1.0] * len(listed)
        if several and distillation_loss_weights is not None:
            weights = list(distillation_loss_weights)
        expect(len(weights) == len(listed), "Distiller", "there must be one weight for each loss",
               error=ConfigError, distillation_loss_weights=distillation_loss_weights,
               losses=len(listed))  # fmt: skip
        for one in listed:
            one.validate_model_compatibility(teacher, student)
        self.teacher, self.student = teacher, student
        self.student_loss_weight = student_loss_weight
        self.distillation_losses, self.distillation_loss_weights = listed, weights
        self.teacher.trainable = False
        self._teacher_feature_extractor = _extractor(
            teacher, [_name(one, "teacher") for one in listed]
        )
        self._student_feature_extractor = _extractor(
            student, [_name(one, "student") for one in listed]
        )
        self.student_loss: Any = None
        self.student_loss_tracker = Mean(name="student_loss")
        self.distillation_loss_tracker = Mean(name="distillation_loss")
        self.total_loss_tracker = Mean(name="total_loss")

    def compile(  # type: ignore[override]
        self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None, **kwargs: Any
    ) -> None:
        """Settle how the student is trained.

        Args:
            optimizer: of the student.
            loss: of the student on labels, or a structure of losses like its outputs.
            metrics: further ones of what the student gives.
            kwargs: as for any model.
        Raises:
            ConfigError: there is no loss, or metrics are no list.
        """
        expect(loss is not None, "Distiller", "loss must be given to compile", error=ConfigError,
               loss=loss)  # fmt: skip
        expect(metrics is None or isinstance(metrics, (list, tuple)), "Distiller",
               "metrics must be a list", error=ConfigError, metrics=metrics)  # fmt: skip
        self.student_loss = tree.map_structure(registry.losses.identified, loss)
        super().compile(optimizer=optimizer, loss=None, metrics=metrics, **kwargs)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return what the student says."""
        return self.student(inputs, training=training)

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Any:  # fmt: skip
        """Return the loss of a batch, a scalar tensor, and note its parts."""
        y_pred = self(x, training=training) if y_pred is None else y_pred
        w = self.student_loss_weight
        own: Any = self._own(y, y_pred, sample_weight) if w > 0 and y is not None else 0.0
        taught: Any = self._taught(x, y_pred, training) if w < 1 else 0.0
        total = own * w + taught * (1 - w)
        for penalty in self.losses:
            total = total + penalty
        for tracker, value in ((self.student_loss_tracker, own), (self.total_loss_tracker, total),
                               (self.distillation_loss_tracker, taught)):  # fmt: skip
            tracker.update_state(value.detach() if hasattr(value, "detach") else value)
        return total

    def _own(self, y: Any, y_pred: Any, sample_weight: Any) -> Any:
        flat = [tree.flatten(one) for one in (self.student_loss, y, y_pred)]
        expect(len({len(one) for one in flat}) == 1, "Distiller",
               "there must be one loss and one target for each output", error=ConfigError,
               losses=len(flat[0]), targets=len(flat[1]), outputs=len(flat[2]))  # fmt: skip
        total: Any = 0.0
        for loss, truth, guess in zip(*flat, strict=True):
            weighted = {} if sample_weight is None else {"sample_weight": sample_weight}
            total = total + ops.mean(loss(truth, guess, **weighted))
        return total

    def _taught(self, x: Any, y_pred: Any, training: bool) -> Any:
        teacher, student = self._teacher_feature_extractor, self._student_feature_extractor
        told = {FINAL: self.teacher(x, training=False)} if teacher is None else teacher(
            x, training=False)  # fmt: skip
        seen = {FINAL: y_pred} if student is None else student(x, training=training)
        total: Any = 0.0
        for one, weight in zip(
            self.distillation_losses, self.distillation_loss_weights, strict=True
        ):
            if _name(one, "teacher") is None and _name(one, "student") is None:
                pair = told[FINAL], y_pred  # as it was computed for the student's own loss
            else:
                pair = told[_name(one, "teacher") or FINAL], seen[_name(one, "student") or FINAL]
            one.validate_outputs(*pair)
            value = one.compute_loss(*pair)
            expect(not getattr(value, "shape", ()), type(one).__name__,
                   "compute_loss must return a number without axes", error=ShapeError,
                   shape=getattr(value, "shape", ()))  # fmt: skip
            total = total + value * weight
        return total

    def get_config(self) -> dict[str, Any]:
        """Return both models and the losses as plain values."""
        return {
            "name": self.name,
            "teacher": model_config(self.teacher),
            "student": model_config(self.student),
            "distillation_losses": [configuration(one) for one in self.distillation_losses],
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config: Any, custom_objects: Any = None) -> Any:
        """Make it from plain values, and what is your own from `custom_objects`."""
        plain = {key: one for key, one in config.items() if key not in ("trainable", "dtype")}
        with custom_object_scope(custom_objects or {}):
            for key in ("teacher", "student"):
                if isinstance(plain[key], Mapping):
                    plain[key] = model_from_config(plain[key])
            plain["distillation_losses"] = [
                decoded(one, LOSSES) for one in plain["distillation_losses"]
            ]
        return cls(**plain)


registry.layers.register(Distiller)


def _name(loss: Any, who: str) -> str | None:
    found: str | None = getattr(loss, f"{who}_layer_name", None)
    return found


def _extractor(model: Any, names: list[str | None]) -> Any:
    """Return a model of some layers' outputs by name, and the last one; None without names."""
    wanted = list(dict.fromkeys(name for name in names if name is not None))
    if not wanted:
        return None
    final = model.outputs
    outputs = {FINAL: final[0] if len(final) == 1 else final}
    outputs |= {name: model.get_layer(name).output for name in wanted}
    inputs = model.inputs
    return Functional(inputs[0] if len(inputs) == 1 else inputs, outputs,
                      name=f"{model.name}_features")  # fmt: skip


def _check_models(teacher: Any, student: Any) -> None:
    for who, model in (("teacher", teacher), ("student", student)):
        expect(isinstance(model, Model), "Distiller", f"{who} must be a model", error=ConfigError,
               **{who: model})  # fmt: skip
    for what in ("inputs", "outputs"):
        ends = [getattr(model, what, None) for model in (teacher, student)]
        if None in ends:
            continue
        told = [[(one.shape, str(one.dtype)) for one in tree.flatten(end)] for end in ends]
        alike = len(told[0]) == len(told[1]) and all(
            len(a) == len(b) and k == m and all(i is None or j is None or i == j
                                                for i, j in zip(a, b, strict=True))
            for (a, k), (b, m) in zip(*told, strict=True)
        )  # fmt: skip
        expect(alike, "Distiller", f"teacher and student must have the same {what}",
               error=ShapeError, teacher=told[0], student=told[1])  # fmt: skip
