"""How far a student is from its teacher: in what it gives, or in features on the way."""

from __future__ import annotations

from typing import Any

from graftgrad import ops
from graftgrad.errors import ConfigError, expect

from .. import losses, registry, tree
from ..registry import Configured, Registry, setting
from ..rules import optional

LOSSES = Registry("distillation loss", "keras.distillation")


def some_losses(subject: str, name: str, value: Any) -> Any:
    """Accept names, losses and None in any structure, at least one that is not None.

    Raises:
        ConfigError: all are None, or a name is unknown.
    """
    found = tree.map_structure(lambda one: one if one is None else registry.losses.get(one), value)
    some = any(one is not None for one in tree.flatten(found))
    expect(some, subject, f"{name} must hold one that is not None", error=ConfigError,
           **{name: value})  # fmt: skip
    return found


def positive(subject: str, name: str, value: Any) -> float:
    """Accept positive numbers.

    Raises:
        ConfigError: it is none.
    """
    fit = isinstance(value, (int, float)) and not isinstance(value, bool) and value > 0
    expect(fit, subject, f"{name} must be a positive number", error=ConfigError, **{name: value})
    return float(value) if isinstance(value, float) else value


def layer_name(subject: str, name: str, value: Any) -> str:
    """Accept text.

    Raises:
        ConfigError: it is none.
    """
    expect(isinstance(value, str), subject, f"{name} must be the name of a layer",
           error=ConfigError, **{name: value})  # fmt: skip
    return str(value)


class DistillationLoss(Configured):
    """What a student is taught by its teacher; subclasses define `compute_loss`."""

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """Return how far the student is from the teacher, a number without axes."""
        raise NotImplementedError(
            f"{type(self).__name__}: must define compute_loss(self, teacher_outputs, "
            "student_outputs)."
        )

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Check that both give the same structure.

        Raises:
            ConfigError: they do not.
        """
        try:
            tree.assert_same_structure(teacher_outputs, student_outputs)
        except ValueError as error:
            raise ConfigError(
                f"{type(self).__name__}: teacher and student must give the same structure; got "
                f"{error}"
            ) from error

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Check that the models have what this loss looks at; by default they do."""


def _told(owner: Any, teacher_outputs: Any, student_outputs: Any, pair: Any) -> Any:
    """Return the sum of the losses of a structure, in the order of its leaves."""
    _check_losses(owner, teacher_outputs)
    parts = [
        pair(one, t, s)
        for one, t, s in zip(tree.flatten(owner.loss), tree.flatten(teacher_outputs),
                             tree.flatten(student_outputs), strict=True)
        if one is not None
    ]  # fmt: skip
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _check_losses(owner: Any, outputs: Any) -> None:
    """Check that there is one loss for each output.

    Raises:
        ConfigError: there is not.
    """
    try:
        tree.assert_same_structure(owner.loss, outputs)
        alike = True
    except ValueError:
        alike = False
    expect(alike, type(owner).__name__, "there must be one loss for each output",
           error=ConfigError, losses=len(tree.flatten(owner.loss)),
           outputs=len(tree.flatten(outputs)))  # fmt: skip


@registry.declared(LOSSES)
class LogitsDistillation(DistillationLoss):
    """Teach what the teacher gives: loss(teacher / T, student / T).

    Kullback and Leibler's divergence is of the softmax of both, times T². Hinton, Vinyals and Dean,
    arXiv:1503.02531.

    Args:
        temperature: T; the larger, the more counts what the teacher holds for improbable.
        loss: a name or a loss; one for each output; None leaves an output out.
    Raises:
        ConfigError: the temperature is not positive, or all losses are None.
    """

    temperature: float = setting(positive, default=3.0)
    loss: Any = setting(some_losses, default="kl_divergence")

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """Return the sum over all outputs."""
        t = self.temperature

        def pair(loss: Any, teacher: Any, student: Any) -> Any:
            if isinstance(loss, losses.KLDivergence):
                return ops.mean(
                    loss(ops.softmax(teacher / t, -1), ops.softmax(student / t, -1))
                ) * (t * t)
            return ops.mean(loss(teacher / t, student / t))

        return _told(self, teacher_outputs, student_outputs, pair)


@registry.declared(LOSSES)
class FeatureDistillation(DistillationLoss):
    """Teach what happens inside: the mean of loss(teacher's features, student's features).

    Args:
        loss: a name or a loss, or a structure of them.
        teacher_layer_name: whose output is the teacher's features; the last if None.
        student_layer_name: whose output is the student's.
    Raises:
        ConfigError: all losses are None.
    """

    loss: Any = setting(some_losses, default="mse")
    teacher_layer_name: Any = setting(optional(layer_name), default=None)
    student_layer_name: Any = setting(optional(layer_name), default=None)

    def validate_outputs(self, teacher_outputs: Any, student_outputs: Any) -> None:
        """Check that both give the same structure, with a loss for each part.

        Raises:
            ConfigError: they do not.
        """
        super().validate_outputs(teacher_outputs, student_outputs)
        _check_losses(self, teacher_outputs)

    def validate_model_compatibility(self, teacher: Any, student: Any) -> None:
        """Check that the layers are there.

        Raises:
            ConfigError: a model has no such layer, or no symbols to reach it by.
        """
        if self.teacher_layer_name is None and self.student_layer_name is None:
            return
        for who, model, name in (("teacher", teacher, self.teacher_layer_name),
                                 ("student", student, self.student_layer_name)):  # fmt: skip
            expect(getattr(model, "inputs", None) is not None, type(self).__name__,
                   f"the {who} must be a functional or sequential model to be looked into",
                   error=ConfigError, model=type(model).__name__,
                   advice="Leave the names of layers out, or take LogitsDistillation.")  # fmt: skip
            if name is not None:
                model.get_layer(name)

    def compute_loss(self, teacher_outputs: Any, student_outputs: Any, **kwargs: Any) -> Any:
        """Return the sum over all parts."""
        return _told(self, teacher_outputs, student_outputs,
                     lambda loss, teacher, student: ops.mean(loss(teacher, student)))  # fmt: skip
