"""Names and values in a line, and the shorter forms of it for terminals in which it would break."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FINISHED = (
    "{desc}: {percentage:3.0f}%|{bar:10}| {n_fmt}/{total_fmt} [{elapsed}, {rate_fmt}{postfix}]"
)
WITHOUT_BAR = "{desc}: {n_fmt}/{total_fmt} [{elapsed}{postfix}]"
WITHOUT_COUNT = "{desc} [{elapsed}{postfix}]"
LONGEST_NAME = 14
# What long names end in, and what people who know them write.
SHORT = {
    "sparse_top_k_categorical_accuracy": "top_k", "top_k_categorical_accuracy": "top_k",
    "sparse_categorical_accuracy": "acc", "categorical_accuracy": "acc", "binary_accuracy": "acc",
    "accuracy": "acc", "precision": "prec", "learning_rate": "lr",
    "sparse_categorical_crossentropy": "ce", "categorical_crossentropy": "ce",
    "binary_crossentropy": "bce", "root_mean_squared_error": "rmse",
    "mean_absolute_percentage_error": "mape", "mean_squared_logarithmic_error": "msle",
    "mean_absolute_error": "mae", "mean_squared_error": "mse", "cosine_similarity": "cosine",
}  # fmt: skip


def told(logs: Mapping[str, Any], joint: str, between: str) -> str:
    """Write names and values in a line."""
    return between.join(f"{name}{joint}{shown(value)}" for name, value in logs.items())


def shown(value: Any) -> str:
    """Write a value with four digits, very large and very small ones with an exponent."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.3e}"


def briefly(value: Any) -> str:
    """Write a value with three digits that count."""
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if 1e3 <= abs(value) < 1e5 else f"{value:.3g}"


def finish(bar: Any, logs: Mapping[str, Any]) -> None:
    """Close a bar of tqdm and leave one line, the fullest that the terminal does not break.

    Args:
        bar: counts what was done.
        logs: values by name.
    """
    columns = bar.format_dict["ncols"]  # no number where nobody knows
    bar.total = bar.n
    bar.ncols = bar.dynamic_ncols = None  # what does not fit is shortened here, not cut
    for form, values in forms(logs):
        bar.bar_format = form
        bar.set_postfix_str(values, refresh=False)
        if not isinstance(columns, int) or len(str(bar)) <= columns:
            break
    bar.close()


def forms(logs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield how a line may be written, each time shorter: the form of the bar, and the values."""
    whole, pairs = told(logs, "=", ", "), ", ".join(paired(logs))
    yield FINISHED, whole
    yield WITHOUT_BAR, whole
    yield WITHOUT_BAR, pairs
    yield WITHOUT_COUNT, pairs
    short = abbreviated(logs)
    yield WITHOUT_COUNT, ", ".join(paired(short))
    brief = paired(short, briefly)
    yield WITHOUT_COUNT, ", ".join(brief)
    least = [text.replace(" val=", "/") for text in brief]
    for count in range(len(least), 0, -1):
        left_out = len(least) - count
        yield WITHOUT_COUNT, ", ".join(least[:count] + [f"+{left_out}"] * bool(left_out))
    yield "{desc}", ""


def paired(logs: Mapping[str, Any], write: Any = shown) -> list[str]:
    """Write each value beside that of validation: loss=0.5779 val=0.1678."""
    found = []
    for name, value in logs.items():
        if name.startswith("val_") and name[4:] in logs:
            continue
        beside = f" val={write(logs[f'val_{name}'])}" if f"val_{name}" in logs else ""
        found.append(f"{name}={write(value)}{beside}")
    return found


def abbreviated(logs: Mapping[str, Any]) -> dict[str, Any]:
    """Shorten names as far as they stay different."""
    made: dict[str, str] = {}
    for name in logs:
        head, rest = ("val_", name[4:]) if name.startswith("val_") else ("", name)
        for long, short in SHORT.items():
            if rest == long or rest.endswith(f"_{long}"):
                rest = rest.removesuffix(long) + short
                break
        made[name] = head + (rest if len(rest) <= LONGEST_NAME else f"{rest[: LONGEST_NAME - 1]}~")
    alike = [one for one in made.values() if list(made.values()).count(one) > 1]
    return {(name if made[name] in alike else made[name]): value for name, value in logs.items()}
