"""What layers with a vocabulary share: it is given, learned by counting, or read from a file.

The layers themselves stand in `lookup`; what is counted and searched in `tables.vocabulary`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, FormatError, expect

from ..tables.strings import as_strings, batches, documents
from ..tables.vocabulary import (
    Counts,
    Special,
    Tokens,
    Vocabulary,
    as_lines,
    from_file,
    from_lines,
    given_tokens,
    weights_in_front,
    without_special,
)
from .encoding import encoded_numbers
from .layer import Layer
from .phase import phase

MODES = ("int", "one_hot", "multi_hot", "count", "tf_idf")
ASSET = "vocabulary.txt"
ARRAY = "idf_weights"


def listed(subject: str, name: str, value: Any) -> Any:
    """Accept a path, or tokens in a list, a tuple, an array or a tensor; these are kept as one."""
    if isinstance(value, (str, os.PathLike)):
        return value
    plain = value.numpy() if isinstance(value, Tensor) else value
    fit = isinstance(plain, (list, tuple)) or hasattr(plain, "tolist")
    expect(fit, subject, f"{name} must be a list or the path of a file", error=ConfigError,
           **{name: value})  # fmt: skip
    return Tokens(plain.tolist() if hasattr(plain, "tolist") else list(plain))


def fewest(least: int) -> Any:
    """Make the rule that accepts whole numbers from `least` on.

    Raises:
        ConfigError: by the rule, for anything else.
    """

    def check(subject: str, name: str, value: Any) -> int:
        whole = hasattr(value, "__index__") and not isinstance(value, bool)
        expect(whole and value >= least, subject, f"{name} must be a whole number from {least} on",
               error=ConfigError, **{name: value})  # fmt: skip
        return int(value)

    return check


class IndexLookup(Layer):
    """A layer that gives tokens their numbers in a vocabulary; subclasses say which tokens."""

    autocast = False
    text = True  # whether tokens are strings, not whole numbers

    max_tokens: Any
    num_oov_indices: int
    mask_token: Any
    oov_token: Any
    vocabulary: Any
    idf_weights: Any
    invert: bool
    output_mode: str
    pad_to_max_tokens: bool
    salt: Any
    encoding: str = "utf-8"

    def prepare(self) -> None:
        """Check what settings say together, and take the vocabulary if there is one.

        Raises:
            ConfigError: settings contradict each other, or the vocabulary is unfit.
            FormatError: a model's file asks for more places than it can fill.
        """
        self.prepare_layer()
        subject, mode = type(self).__name__, self.output_mode
        expect(not self.pad_to_max_tokens or self.max_tokens is not None, subject,
               "pad_to_max_tokens needs max_tokens", error=ConfigError,
               max_tokens=self.max_tokens)  # fmt: skip
        expect(not self.invert or mode == "int", subject, "invert needs output_mode='int'",
               error=ConfigError, output_mode=mode)  # fmt: skip
        expect(self.idf_weights is None or mode == "tf_idf", subject,
               "idf_weights need output_mode='tf_idf'", error=ConfigError,
               output_mode=mode)  # fmt: skip
        expect(phase.budget is None or self.num_oov_indices <= phase.budget, subject,
               "a model's file must not ask for many more places than it has numbers",
               error=FormatError, num_oov_indices=self.num_oov_indices)  # fmt: skip
        numbered = mode == "int"
        self.special = Special(self.mask_token, self.oov_token, self.num_oov_indices, numbered)
        self.table: Vocabulary | None = None
        self.rarities: Tokens | None = None  # the weights of "tf_idf", by number
        self.depth: int | None = None  # how many numbers there are, told before the tokens come
        self.counts = Counts()
        self.has_given = self.vocabulary is not None
        if self.has_given:
            self.set_vocabulary(self.vocabulary, self.idf_weights)

    # -- the vocabulary ------------------------------------------------------------------------

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary in the place of the one there is.

        Args:
            vocabulary: tokens, with all special ones in front or none; or the path of a file with
                one on each line.
            idf_weights: in mode "tf_idf" one weight for each token.
        Raises:
            ConfigError: it is empty, too large, or tokens repeat; weights are missing or too many;
                or a model's file names another file.
        """
        subject = f'layer "{self.name}"'
        path = isinstance(vocabulary, (str, os.PathLike))
        expect(not path or phase.budget is None, subject, "a model's file must not name another "
               "file as vocabulary", error=ConfigError, vocabulary=vocabulary,
               advice="If you trust it, make the layer yourself.")  # fmt: skip
        rare = self.output_mode == "tf_idf"
        expect((idf_weights is not None) == rare, subject, "idf_weights must be given in mode "
               "'tf_idf', and only there", error=ConfigError,
               output_mode=self.output_mode, idf_weights=idf_weights)  # fmt: skip
        given = (
            from_file(subject, vocabulary, self.text) if path
            else given_tokens(subject, vocabulary, self.text, self.encoding)
        )  # fmt: skip
        tokens, found = without_special(subject, given, self.special, self.max_tokens, self.invert)
        if rare:
            most = self.max_tokens if self.pad_to_max_tokens else None
            self.rarities = Tokens(
                weights_in_front(subject, idf_weights, len(given), self.special, found, most)
            )
        self._take(Vocabulary(tokens, self.special))

    def _take(self, table: Vocabulary) -> None:
        self.table, self.depth = table, len(table)

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[Any]:
        """Return the tokens in the order of their numbers; the special ones stand in front."""
        table = self.table or Vocabulary([], self.special)
        return table.listed(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return how many numbers there are, those of special tokens included."""
        return len(self.table or Vocabulary([], self.special))

    # -- learning it ---------------------------------------------------------------------------

    def adapt(self, data: Any, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent tokens come first, ties in falling order.

        In mode "tf_idf" the weight of a token is log(1 + documents / (1 + documents with it)), and
        a document is a row.

        Args:
            data: an array, a list, or an iterable of batches; of a tuple the first entry counts.
            steps: how many batches are looked at; all of them if None.
        Raises:
            ConfigError: the vocabulary was given.
        """
        self.reset_state()
        for batch, whole in batches(f'layer "{self.name}"', data, steps):
            self.count(self.documents(batch, whole))
        self.finalize_state()

    def documents(self, batch: Any, whole: bool) -> list[list[Any]]:
        """Return the rows of a batch; of a vector, as `documents` of `tables.strings` says."""
        return documents(as_strings(f'layer "{self.name}"', batch, self.encoding), whole)

    def update_state(self, data: Any) -> None:
        """Count the tokens of one batch."""
        self.count(self.documents(data, False))

    def count(self, rows: list[list[Any]]) -> None:
        """Count the tokens of rows, each of which is a document.

        Raises:
            ConfigError: the vocabulary was given.
        """
        expect(not self.has_given, f'layer "{self.name}"', "adapt must not replace a given "
               "vocabulary", error=ConfigError, tokens=self.vocabulary_size())  # fmt: skip
        self.counts.add(rows, self.output_mode == "tf_idf")

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        if not self.counts.seen:
            return
        tokens = self.counts.frequent(self.special, self.max_tokens)
        if self.output_mode == "tf_idf":
            most = self.max_tokens if self.pad_to_max_tokens else None
            found = self.counts.rarity(tokens)
            self.rarities = Tokens(
                weights_in_front(
                    f'layer "{self.name}"', found, len(tokens), self.special, False, most
                )
            )
        self._take(Vocabulary(tokens, self.special))
        self.reset_state()

    def reset_state(self) -> None:
        """Forget what was counted; the vocabulary stays until there is another."""
        self.counts = Counts()

    # -- computing -----------------------------------------------------------------------------

    def known(self) -> Vocabulary:
        """Return the vocabulary.

        Raises:
            ConfigError: there is none yet.
        """
        expect(self.table is not None, f'layer "{self.name}"', "the vocabulary must be known "
               "before the call", error=ConfigError, output_mode=self.output_mode,
               advice="Call adapt(data), or pass vocabulary=.")  # fmt: skip
        assert self.table is not None
        return self.table

    @property
    def places(self) -> int:
        """How many entries vectors have.

        Raises:
            ConfigError: that is not known yet.
        """
        if self.pad_to_max_tokens:
            return int(self.max_tokens)
        return self.depth if self.depth is not None else len(self.known())

    def encode(self, numbers: Tensor) -> Tensor:
        """Write numbers as vectors, float32; "int" leaves them as they are."""
        if self.output_mode == "int":
            return numbers
        mode = "count" if self.output_mode == "tf_idf" else self.output_mode
        return self.weighted(encoded_numbers(numbers, mode, self.places, "float32"))

    def weighted(self, counts: Tensor) -> Tensor:
        """In mode "tf_idf" weight counts by how rare tokens are."""
        if self.output_mode != "tf_idf" or str(counts.device) == "meta":
            return counts
        assert self.rarities is not None
        return counts * graftgrad.tensor(self.rarities.tolist(), "float32", counts.device)

    # -- files and configurations --------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        """Return the settings; a vocabulary from a file is told in the model's file instead."""
        config = super().get_config()
        if isinstance(self.vocabulary, (str, os.PathLike)):
            config["vocabulary"] = None
        config["vocabulary_size"] = self.depth
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make a layer from its settings; its vocabulary may follow from the model's file."""
        plain = dict(config)
        size = plain.pop("vocabulary_size", None)
        plain.pop("has_input_vocabulary", None)
        if cls.text:
            plain.pop("vocabulary_dtype", None)
        made = super().from_config(plain)
        if made.table is None and isinstance(size, int):
            made.depth = size
        return made

    def kept_assets(self) -> dict[str, bytes]:
        """Return the files that belong into the model's file: a vocabulary no setting tells."""
        if self.table is None or isinstance(self.vocabulary, Tokens):
            return {}
        subject = f'layer "{self.name}"'
        return {ASSET: as_lines(subject, self.get_vocabulary())}

    def kept_arrays(self) -> dict[str, Any]:
        """Return the arrays that belong into the model's file beside the weights."""
        if self.rarities is None:
            return {}
        return {ARRAY: graftgrad.tensor(self.rarities.tolist(), "float32").numpy()}

    def take_kept(self, assets: Mapping[str, bytes], arrays: Mapping[str, Any]) -> None:
        """Take the vocabulary and its weights from a model's file."""
        if ARRAY in arrays and self.output_mode == "tf_idf":
            self.rarities = Tokens([float(one) for one in arrays[ARRAY].tolist()])
        if ASSET in assets and not isinstance(self.vocabulary, Tokens):
            subject = f'layer "{self.name}"'
            given = from_lines(subject, assets[ASSET], self.text)
            tokens, _ = without_special(subject, given, self.special, self.max_tokens, self.invert)
            self._take(Vocabulary(tokens, self.special))
