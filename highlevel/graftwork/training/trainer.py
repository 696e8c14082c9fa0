"""The face of training: compile, fit, evaluate, predict and the steps a subclass may replace."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect, uncalled

from .. import registry
from ..callbacks.callback import Callback, History, Listeners
from ..callbacks.progress import ProgressBar
from ..defaults import max_epochs
from ..layers.symbol import leaves
from ..metrics.metric import Mean
from ..seeds import fresh_seed
from . import loop, step
from .batch import Delivered
from .compiled import CompiledLoss, CompiledMetrics, Matched
from .data import source_of, split_validation, whole_batch
from .handing import keeping
from .keeping import Keeper
from .logs import LazyLogs, numbers
from .placing import beside_weights
from .recorded import RecordedSteps
from .resuming import Resumption

if TYPE_CHECKING:
    from ..layers.layer import Layer

    Base = Layer
else:
    Base = object

_NUMERIC = ("f", "i", "u", "b")


class Trainer(Base):
    """What makes a layer a model: an optimizer, a loss, metrics and the loops over data."""

    optimizer: Any = None
    compiled: bool = False
    stop_training: bool = False
    stop_evaluating: bool = False
    stop_predicting: bool = False
    seed: int | None = None  # of the order in which samples are visited
    batches_trained: int = 0
    feature_keeper: Keeper | None = None  # of features, while `fit` runs
    resumption: Resumption | None = None  # where a listener says that `fit` shall go on
    training_completed: bool = False  # whether the last `fit` came to its end
    steps_per_execution: int = 1
    compiled_loss: CompiledLoss | None = None
    compiled_metrics: Any = None
    located: Any = (0, None)  # after how many changes its weights were seen on which device

    # -- compiling -----------------------------------------------------------------------------

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Say how the model is trained; what is frozen is read at every step, not here.

        Args:
            optimizer: a name or an object.
            loss: a name, an object or a function; a list or dictionary for several outputs.
            loss_weights: factors of the losses, for several outputs.
            metrics: names, objects or functions; a list or dictionary for several outputs.
            weighted_metrics: metrics that see sample weights.
            run_eagerly: never replay a recorded step.
            steps_per_execution: so many batches follow each other before listeners hear of them.
            jit_compile: join and fold launches of repeated steps where bits may then differ from
                those of the steps one by one: in predictions and frozen parts.
            auto_scale_loss: wrap the optimizer of a model that computes in mixed_float16 into a
                LossScaleOptimizer.

        Raises:
            ConfigError: a name is not known.
        """
        found = registry.optimizers.get(optimizer)
        told = (
            f"{type(found).__module__}.{type(found).__name__}" if hasattr(found, "step") else found
        )
        expect(hasattr(found, "scale_loss"), "compile",
               "optimizer must be one of graftwork.optimizers",
               error=ConfigError, optimizer=told,
               advice="graftgrad.optim is for loops of your own.")  # fmt: skip
        expect(isinstance(steps_per_execution, int) and steps_per_execution > 0, "compile",
               "steps_per_execution must be a positive integer", error=ConfigError,
               steps_per_execution=steps_per_execution)  # fmt: skip
        scaled = auto_scale_loss and self.dtype_policy.name == "mixed_float16"
        if scaled and found.loss_scale_factor is None and not hasattr(found, "dynamic_scale"):
            found = registry.optimizers.known["LossScaleOptimizer"](found)
        outputs = Matched(self.targets_by())
        compiled_loss = CompiledLoss(loss, loss_weights, outputs) if loss is not None else None
        compiled_metrics = CompiledMetrics(metrics, weighted_metrics, outputs)
        self.compile_settings = {
            "optimizer": found, "loss": loss, "loss_weights": loss_weights, "metrics": metrics,
            "weighted_metrics": weighted_metrics, "run_eagerly": run_eagerly,
            "steps_per_execution": steps_per_execution, "jit_compile": jit_compile,
        }  # fmt: skip
        self.optimizer = found
        self.compiled_loss = compiled_loss
        self.compiled_metrics = compiled_metrics
        self.run_eagerly = run_eagerly
        self.steps_per_execution = steps_per_execution
        self.mean_loss = Mean(name="loss")
        self.batches_trained = 0
        self.compiled = True

    @property
    def loss(self) -> Any:
        """The loss as it was given to `compile`."""
        return self.compile_settings["loss"] if self.compiled else None

    @property
    def metrics(self) -> list[Any]:
        """The mean loss, those of several outputs, all metrics given to `compile` as one, and own.

        Own are metrics that the model or one of its layers holds as attributes; a subclass may list
        others here. All of them begin anew with every epoch.
        """
        own = own_metrics(self)
        if not self.compiled:
            return own
        several = self.compiled_loss.metrics if self.compiled_loss is not None else []
        return [self.mean_loss, *several, self.compiled_metrics, *own]

    @property
    def metrics_names(self) -> list[str]:
        """The names of loss and metrics in logs, once they are settled by the first batch."""
        return list(self.get_metrics_result())

    def targets_by(self) -> list[str] | None:
        """Return the names of the outputs, where they are known before the first batch."""
        tree = getattr(self, "output_tree", None)
        if isinstance(tree, Mapping):
            return list(tree)
        found = leaves(tree) if tree is not None else []
        if not found or any(getattr(one, "origin", None) is None for one in found):
            return None
        return [one.origin.layer.name for one in found]

    def takes_words(self, x: Any = None) -> bool:
        """Tell whether x may hold text: it is no array of numbers, and a layer looks strings up."""
        if getattr(getattr(x, "dtype", None), "kind", "") in _NUMERIC:
            return False  # asked for every prediction of a row, before anything is walked
        return any(one.takes_text for one in self.flattened())

    def batches_done(self) -> int:
        """Count the batches trained since `compile`, those before the model was saved included."""
        return max(int(getattr(self.optimizer, "counter", 0)), self.batches_trained)

    def count_batch(self) -> None:
        """Count one more batch; no step depends on it."""
        object.__setattr__(self, "batches_trained", self.batches_trained + 1)

    @property
    def recorded(self) -> RecordedSteps:
        """The recorded steps of this model."""
        found = vars(self).get("recorded_steps")
        if found is None:
            found = RecordedSteps(self)
            object.__setattr__(self, "recorded_steps", found)
        return found

    def plan_report(self, print_fn: Any = None, timed: bool = True) -> None:
        """Print the plans of the model's steps as tables, or why a step is left to Python.

        Args:
            print_fn: receives the text; `print` if None.
            timed: run each launch by itself, on copies, and tell how long it takes.
        """
        (print_fn or print)(self.recorded.report(timed))

    def _need_compiled(self, subject: str) -> None:
        expect(self.compiled, subject, "the model must be compiled first", error=ConfigError,
               model=self.name, advice="Call model.compile(optimizer, loss).")  # fmt: skip

    # -- the loops -----------------------------------------------------------------------------

    @beside_weights
    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Any = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        cache_frozen: Any = "auto",
    ) -> History:
        """Train for a number of epochs.

        What a frozen part of the model, from its entrance on, computes of a sample is the same in
        every epoch if the data are. It is then computed once, with the first batch that holds the
        sample, and kept until the end of the call: in memory up to a quarter of what is available
        (or GRAFTWORK_FEATURE_BYTES of the environment), beyond that in a temporary file. What is
        frozen is looked at before every step; features that are no longer right are dropped.

        Args:
            x: arrays (N, …), or a data set, loader or generator of batches (x, y[, sample_weight]).
            y: targets, (N, …); only with arrays.
            batch_size: samples per step, 32 if None; only with arrays.
            epochs: the number of the last epoch, counted from `initial_epoch`.
            verbose: 0 silent, 1 a bar per epoch, 2 a line per epoch; "auto" is 1.
            callbacks: listeners.
            validation_split: the last part of the arrays that is kept for validation.
            validation_data: (x, y), (x, y, sample_weight) or a data set.
            shuffle: draw a new order every epoch; only with arrays.
            class_weight: class -> weight of its samples.
            sample_weight: (N,); only with arrays.
            initial_epoch: the number of the first epoch, to go on with an earlier training.
            steps_per_epoch: batches per epoch; all of them if None.
            validation_steps: batches per validation; all of them if None.
            validation_batch_size: samples per validation step; `batch_size` if None.
            validation_freq: validate every so many epochs, or after those listed.
            cache_frozen: "auto" keeps features where that is possible and a sample is seen twice;
                True demands it; False computes everything in every step.

        Returns:
            The History: `history.history["loss"]` and so on, one value per epoch.

        Raises:
            ConfigError: the model is not compiled or the arguments contradict each other; or
                `cache_frozen` is True and features cannot be kept, with the reason.
            DataError: the data are empty, hold NaN labels or labels that are out of range.
            ShapeError: data and model do not fit.
        """
        self._need_compiled("fit")
        limit = max_epochs()
        if limit is not None and isinstance(epochs, int):
            epochs = min(epochs, limit)
        expect(isinstance(epochs, int) and isinstance(initial_epoch, int) and epochs >= 0, "fit",
               "epochs and initial_epoch must be whole numbers", error=ConfigError,
               epochs=epochs, initial_epoch=initial_epoch)  # fmt: skip
        if validation_split and validation_data is None:
            arrays = split_validation(validation_split, x, y, sample_weight, self.takes_words())
            (x, y, sample_weight), validation_data = arrays
        for one in _listed(callbacks):
            saved = one.saved_seed(self) if hasattr(one, "saved_seed") else None
            self.seed = self.seed if saved is None else saved
        if self.seed is None:
            self.seed = fresh_seed()
        source = source_of("fit", x, y, sample_weight, batch_size, steps_per_epoch,
                           self.seed if shuffle else None, self.takes_words())  # fmt: skip
        validation = None
        if validation_data is not None:
            parts = tuple(validation_data) if isinstance(validation_data, list) else validation_data
            parts = parts if isinstance(parts, tuple) else (parts,)
            validation = source_of("validation_data", *step.unpacked(parts),
                                   validation_batch_size or batch_size,
                                   validation_steps, text=self.takes_words())  # fmt: skip
        shown = _verbosity(verbose)
        steps = source.steps if steps_per_epoch is None else steps_per_epoch
        params = {"verbose": shown, "epochs": epochs, "steps": steps}
        self.history = History()
        bars = [ProgressBar(shown)] if shown else []
        listeners = Listeners([*_listed(callbacks), *bars, self.history], self, params)

        span = range(initial_epoch, epochs)
        validations = 0 if validation is None else sum(_due(validation_freq, e) for e in span)
        source, validation, keeper = keeping(
            self, cache_frozen, source, validation, len(span), steps_per_epoch, validations
        )

        def validate(epoch: int) -> dict[str, Any]:
            if validation is None or not _due(validation_freq, epoch):
                return {}
            found = loop.run_evaluation(self, validation, listeners, validation_steps)
            return {f"val_{name}": value for name, value in found.items()}

        self.feature_keeper = keeper
        try:
            loop.run_epochs(self, source, listeners, span, steps_per_epoch, class_weight, validate)
        finally:
            self.feature_keeper = None
        return self.history

    @beside_weights
    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """Measure loss and metrics in inference form.

        Returns:
            The loss, or a list of loss and metrics, or with `return_dict` a dictionary by name.

        Raises:
            ConfigError: the model is not compiled.
            DataError: the data are empty, hold NaN labels or labels that are out of range.
        """
        self._need_compiled("evaluate")
        source = source_of("evaluate", x, y, sample_weight, batch_size, steps,
                           text=self.takes_words())  # fmt: skip
        with self._listeners(verbose, callbacks, steps or source.steps) as listeners:
            return _told(loop.run_evaluation(self, source, listeners, steps), return_dict)

    @beside_weights
    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Any = "auto",
        steps: int | None = None,
        callbacks: Any = None,
    ) -> Any:
        """Compute the outputs in inference form.

        Returns:
            Host arrays (N, …) in the structure of the model's outputs.

        Raises:
            DataError: there is no sample.
            ShapeError: data and model do not fit.
        """
        if callbacks is None and steps is None and verbose in ("auto", 0):
            most = 32 if batch_size is None else batch_size
            single = whole_batch("predict", x, most, self.takes_words(x))
            if single is not None:
                return loop.predicted_at_once(self, single)
        source = source_of("predict", x, batch_size=batch_size, steps=steps,
                           text=self.takes_words())  # fmt: skip
        count = steps or source.steps
        shown = 0 if verbose == "auto" and (count or 0) <= 1 else verbose
        with self._listeners(shown, callbacks, count) as listeners:
            return loop.joined(loop.run_prediction(self, source, listeners, steps))

    @beside_weights
    def train_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:  # fmt: skip
        """Train on one batch; metrics begin anew with it, as in Keras.

        Returns:
            The loss, or a list of loss and metrics, or with `return_dict` a dictionary by name.
        """
        self._need_compiled("train_on_batch")
        source = source_of("train_on_batch", x, y, sample_weight, batch_size=2**62,
                           text=self.takes_words())  # fmt: skip
        self.reset_metrics()
        logs: Any = {}
        for batch in source.epoch(0, None):
            logs = loop.train_batch(self, Delivered(batch, 3), class_weight)
        return _told(numbers(logs), return_dict)

    @beside_weights
    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Measure one batch; metrics begin anew with it, as in Keras.

        Returns:
            The loss, or a list of loss and metrics, or with `return_dict` a dictionary by name.
        """
        self._need_compiled("test_on_batch")
        source = source_of("test_on_batch", x, y, sample_weight, batch_size=2**62,
                           text=self.takes_words())  # fmt: skip
        self.reset_metrics()
        logs: Any = {}
        for batch in source.epoch(0, None):
            logs = step.ran(self, "test_step", Delivered(batch, 3))
        return _told(numbers(logs), return_dict)

    @beside_weights
    def predict_on_batch(self, x: Any) -> Any:
        """Compute the outputs of one batch; host arrays in the structure of the model's outputs."""
        single = whole_batch("predict_on_batch", x, 2**62, self.takes_words(x))
        if single is not None:
            return loop.predicted_at_once(self, Delivered(single, 1))
        source = source_of("predict_on_batch", x, batch_size=2**62, text=self.takes_words())
        return loop.joined(loop.run_prediction(self, source, Listeners([]), None))

    def _listeners(self, verbose: Any, callbacks: Any, steps: int | None) -> Listeners:
        shown = _verbosity(verbose)
        bars: list[Callback] = [ProgressBar(shown)] if shown == 1 else []
        return Listeners([*_listed(callbacks), *bars], self, {"verbose": shown, "steps": steps})

    # -- what a subclass may replace -----------------------------------------------------------

    def train_step(self, data: Any) -> Any:
        """Train on one batch of tensors; return logs by name.

        `data` is what a data set delivers; of arrays (x, y) or (x, y, sample_weight), or x itself
        where there are no targets. `train_on_batch` hands over all three, with None for the rest.

        A subclass may do otherwise: compute a loss, then let `step.update` or its own lines follow.
        """
        return step.train(self, *step.unpacked(data))

    def test_step(self, data: Any) -> Any:
        """Measure one batch of tensors, as `train_step` receives it; return logs by name."""
        return step.test(self, *step.unpacked(data))

    def predict_step(self, data: Any) -> Any:
        """Compute the outputs of one batch of tensors, x or a tuple that begins with x."""
        return step.predict(self, step.unpacked(data)[0])

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:  # fmt: skip
        """Return the loss of a batch with all penalties, a scalar tensor.

        Raises:
            ConfigError: there is neither a loss nor a penalty.
        """
        terms = self.losses
        if self.compiled_loss is not None:
            terms.insert(0, self.compiled_loss(y, y_pred, sample_weight))
        expect(len(terms) > 0, "compute_loss", "there must be a loss", error=ConfigError, loss=None,
               advice="Pass loss= to compile, or call add_loss in a layer.")  # fmt: skip
        total = terms[0]
        for term in terms[1:]:
            total = total + term
        return total

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Let the metrics see a batch; return loss and metrics by name, read at the first look."""
        if y is not None:
            self.compiled_metrics.update_state(y, y_pred, sample_weight)
        return LazyLogs(self.get_metrics_result)

    def count_loss(self, loss: Tensor, x: Any) -> None:
        """Add a batch to the mean loss, weighted by its number of samples."""
        self.mean_loss.update_state(loss.detach(), sample_weight=leaves(x)[0].shape[0])

    def zero_grad(self) -> None:
        """Forget all gradients, in PyTorch's idiom."""
        for parameter in self.parameters():
            parameter.grad = None

    def reset_metrics(self) -> None:
        """Forget what the metrics have seen."""
        for metric in self.metrics:
            metric.reset_state()
        self.await_metrics("compiled", [])
        self.await_metrics("outputs", [])

    def await_metrics(self, group: str, values: list[Any]) -> None:
        """Lay down state for metrics that the next batch settles: of compile, or of outputs."""
        owner = self.compiled_metrics if group == "compiled" else self.compiled_loss
        if self.compiled and owner is not None:
            owner.awaited = values

    def resume_at(self, epoch: int, batch: int, logs: Any, restore: Callable[[], None]) -> None:
        """Let the running `fit` go on at a batch of an epoch; for listeners, when it begins."""
        self.resumption = Resumption(epoch, batch, logs, restore)

    def get_metrics_result(self) -> dict[str, Any]:
        """Read loss and metrics from the device, by name."""
        return numbers({metric.name: metric.result() for metric in self.metrics})


def own_metrics(model: Trainer) -> list[Any]:
    """Return the metrics that a model or one of its layers holds, without those of `compile`."""
    found: dict[int, Any] = {}
    for layer in model.flattened():
        if layer is not model and isinstance(layer, Trainer):
            continue
        for key, value in vars(layer).items():
            if key not in ("mean_loss", "compiled_metrics"):
                entries = value if isinstance(value, (list, tuple)) else [value]
                found |= {id(one): one for one in entries if _is_metric(one)}
    return list(found.values())


def _is_metric(one: Any) -> bool:
    """Tell metrics from layers that learn from batches too, such as a vocabulary."""
    return hasattr(one, "update_state") and hasattr(one, "result")


def _verbosity(verbose: Any) -> int:
    known = {"auto": 1, 0: 0, 1: 1, 2: 2}
    expect(isinstance(verbose, (str, int)) and verbose in known, "verbose",
           'must be "auto", 0, 1 or 2', error=ConfigError, verbose=verbose)  # fmt: skip
    return known[verbose]


def _due(frequency: Any, epoch: int) -> bool:
    """Tell whether a validation follows: after every so many epochs, or those listed."""
    if isinstance(frequency, int):
        expect(frequency > 0, "fit", "validation_freq must be positive", error=ConfigError,
               validation_freq=frequency)  # fmt: skip
        return (epoch + 1) % frequency == 0
    return epoch + 1 in frequency


def _told(found: dict[str, Any], return_dict: bool) -> Any:
    values = list(found.values())
    return found if return_dict else values[0] if len(values) == 1 else values


def _listed(callbacks: Any) -> list[Callback]:
    if callbacks is None:
        return []
    if isinstance(callbacks, Listeners):
        return list(callbacks.callbacks)
    found = list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks]
    for one in found:
        expect(isinstance(one, Callback), "callbacks", "every entry must be a Callback",
               error=ConfigError, entry=one, advice=uncalled(one))  # fmt: skip
    return found
