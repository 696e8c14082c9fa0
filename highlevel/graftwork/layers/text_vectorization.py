"""Text as numbers: standardized, split into words, looked up in a vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import graftgrad
from graftgrad import Tensor
from graftgrad.errors import ConfigError, expect

from ..registry import Rule, declared, layers, setting
from ..rules import one_of, optional, positive_integer
from ..tables.strings import STRING, Blank, Strings, as_strings, batches
from ..tables.words import SPLITS, STANDARDS, Rows, counted, ngrams, padded, split, standardized
from .encoding import encoded_numbers, output_mode
from .index_lookup import MODES, fewest, listed
from .layer import Layer
from .lookup import StringLookup
from .rules import only


def word_or_function(*choices: str) -> Rule:
    """Make the rule that accepts one of several words, or a function.

    Raises:
        ConfigError: by the rule, for anything else.
    """

    def check(subject: str, name: str, value: Any) -> Any:
        return value if callable(value) else one_of(*choices)(subject, name, value)

    return check


def widths(subject: str, name: str, value: Any) -> Any:
    """Accept the longest run of words, or the lengths of all runs.

    Raises:
        ConfigError: it is neither.
    """
    several = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    for one in several:
        positive_integer(subject, name, one)
    return several if isinstance(value, (tuple, list)) else value


def dense(subject: str, name: str, value: Any) -> bool:
    """Accept False: rows of different lengths are filled up with 0.

    Raises:
        ConfigError: rows of different lengths are asked for.
    """
    expect(value is False, subject, f"{name} must be False: tensors have rows of one length",
           error=ConfigError, advice="Rows are filled up with 0; mask it with "
           "Embedding(mask_zero=True).", **{name: value})  # fmt: skip
    return False


@declared(layers)
class TextVectorization(Layer):
    """Text as numbers of its words, or as vectors that tell which words it holds.

    text → standardize → split → n-grams → numbers in a vocabulary. In mode "int", 0 fills rows up,
    1 stands for unknown words, and the words follow. All of it is done on the host: a model's step
    that does so is not recorded.

    Shapes: (N,) or (N, 1) -> (N, T) in mode "int", (N, V) else.

    Args:
        max_tokens: how many numbers `adapt` may give; no limit if None.
        standardize: "lower_and_strip_punctuation", "lower", "strip_punctuation" (letters and
            punctuation of ASCII), None, or a function of a host array of text.
        split: "whitespace" (of ASCII), "character", None where rows hold words already, or a
            function of a host array, (N,), that returns one list of words for each string.
        ngrams: also runs of up to so many words; a tuple names the lengths.
        output_mode: "int" for numbers, int64; for vectors, float32, "multi_hot", "count",
            "tf_idf", or "one_hot", where every row has the same number of words.
        output_sequence_length: T; rows are cut off or filled up. That of the longest if None.
        pad_to_max_tokens: make vectors `max_tokens` long.
        vocabulary: the words, or the path of a file with one on each line.
        idf_weights: in mode "tf_idf" one weight for each word.
        sparse: only False.
        ragged: only False.
        encoding: that of bytes.
    Raises:
        ConfigError: settings contradict each other, or there is no vocabulary yet.
        DataError: the input holds no text.
        ShapeError: the input has more than one column.
    """

    max_tokens: Any = setting(optional(fewest(2)), default=None)
    standardize: Any = setting(
        optional(word_or_function(*STANDARDS)), default="lower_and_strip_punctuation"
    )
    split: Any = setting(optional(word_or_function(*SPLITS)), default="whitespace")
    ngrams: Any = setting(optional(widths), default=None)
    output_mode: str = setting(output_mode(*MODES), default="int")
    output_sequence_length: Any = setting(optional(positive_integer), default=None)
    pad_to_max_tokens: bool = setting(default=False)
    vocabulary: Any = setting(optional(listed), default=None)
    idf_weights: Any = setting(optional(listed), default=None)
    sparse: bool = setting(only(False), default=False)
    ragged: bool = setting(dense, default=False)
    encoding: str = setting(default="utf-8")

    autocast = False
    takes_text = True

    def prepare(self) -> None:
        """Make the layer that looks words up."""
        self.prepare_layer()
        expect(self.output_mode == "int" or self.output_sequence_length is None,
               "TextVectorization", "output_sequence_length needs output_mode='int'",
               error=ConfigError, output_mode=self.output_mode,
               output_sequence_length=self.output_sequence_length)  # fmt: skip
        self._lookup_layer = StringLookup(
            max_tokens=self.max_tokens, vocabulary=self.vocabulary, idf_weights=self.idf_weights,
            pad_to_max_tokens=self.pad_to_max_tokens, mask_token="", output_mode=self.output_mode,
            encoding=self.encoding,
        )  # fmt: skip

    @property
    def entrance_dtype(self) -> str | None:
        """Text."""
        return STRING

    def adapt(self, data: Any, batch_size: int | None = None, steps: int | None = None) -> None:
        """Learn the vocabulary: the most frequent words come first, ties in falling order.

        Args:
            data: an array, a list, or an iterable of batches; of a tuple the first entry counts.
            batch_size: kept for Keras' signature.
            steps: how many batches are looked at; all of them if None.
        Raises:
            ConfigError: the vocabulary was given.
        """
        self.reset_state()
        for batch, whole in batches(f'layer "{self.name}"', data, steps):
            given = as_strings(f'layer "{self.name}"', batch, self.encoding)
            if whole and len(given.shape) == 1:  # each string is a document
                given = Strings((*given.shape, 1), given.flat)
            self._lookup_layer.count(self._split(given).rows)
        self.finalize_state()

    def update_state(self, data: Any) -> None:
        """Count the words of one batch."""
        self._lookup_layer.count(self._words(data).rows)

    def finalize_state(self) -> None:
        """Make the vocabulary of what was counted."""
        self._lookup_layer.finalize_state()

    def reset_state(self) -> None:
        """Forget what was counted."""
        self._lookup_layer.reset_state()

    def get_vocabulary(self, include_special_tokens: bool = True) -> list[str]:
        """Return the words in the order of their numbers; the special ones stand in front."""
        return self._lookup_layer.get_vocabulary(include_special_tokens)

    def vocabulary_size(self) -> int:
        """Return how many numbers there are, those of special tokens included."""
        return self._lookup_layer.vocabulary_size()

    def set_vocabulary(self, vocabulary: Any, idf_weights: Any = None) -> None:
        """Take a vocabulary in the place of the one there is: see `StringLookup`."""
        self._lookup_layer.set_vocabulary(vocabulary, idf_weights)

    def call(self, inputs: Any) -> Tensor:
        """Return numbers of words, or vectors."""
        if isinstance(inputs, Blank):
            return self._blank(inputs)
        lookup = self._lookup_layer
        words = self._words(inputs)
        known, subject = lookup.known(), f'layer "{self.name}"'
        numbers = [known.numbered(subject, row, -1, None) for row in words.rows]
        if self.output_mode == "int":
            return graftgrad.as_tensor(padded(numbers, words.outer, self.output_sequence_length))
        if self.output_mode == "one_hot":
            lengths = sorted({len(row) for row in numbers})
            expect(len(lengths) < 2, subject, "every row must have the same number of words in "
                   "mode 'one_hot'", error=ConfigError, lengths=lengths[:5],
                   advice="Use output_mode='multi_hot', or 'int' and Embedding.")  # fmt: skip
            whole = graftgrad.tensor(numbers, "int64").reshape((*words.outer, -1))
            return lookup.encode(whole)
        found = graftgrad.as_tensor(counted(numbers, words.outer, lookup.places))
        return lookup.weighted(found.minimum(1) if self.output_mode == "multi_hot" else found)

    def _words(self, inputs: Any) -> Rows:
        subject = f'layer "{self.name}"'
        return self._split(as_strings(subject, inputs, self.encoding))

    def _split(self, given: Strings) -> Rows:
        subject = f'layer "{self.name}"'
        words = split(subject, standardized(subject, given, self.standardize), self.split)
        if self.ngrams is None:
            return words
        return ngrams(
            words, range(1, self.ngrams + 1) if isinstance(self.ngrams, int) else self.ngrams
        )

    def _blank(self, x: Blank) -> Tensor:
        column = self.split is None or (len(x.shape) > 1 and x.shape[-1] == 1)
        outer = x.shape[:-1] if column else x.shape
        if self.output_mode != "int":
            outer = (*outer, x.unknown) if self.output_mode == "one_hot" else (*outer, 2)
            numbers = graftgrad.empty(outer, dtype="int64", device="meta")
            mode = "one_hot" if self.output_mode == "one_hot" else "count"
            return encoded_numbers(numbers, mode, self._lookup_layer.places, "float32")
        words = self.output_sequence_length or x.unknown
        if self.split is None and self.ngrams is None and self.output_sequence_length is None:
            words = x.shape[-1]
        return graftgrad.empty((*outer, words), dtype="int64", device="meta")

    def get_config(self) -> dict[str, Any]:
        """Return the settings."""
        config = super().get_config()
        config["vocabulary"] = self._lookup_layer.get_config()["vocabulary"]
        config["vocabulary_size"] = self._lookup_layer.depth
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Make a layer from its settings; its vocabulary may follow from the model's file."""
        plain = dict(config)
        size = plain.pop("vocabulary_size", None)
        plain.pop("has_input_vocabulary", None)
        made = super().from_config(plain)
        if made._lookup_layer.table is None and isinstance(size, int):
            made._lookup_layer.depth = size
        return made

    def kept_assets(self) -> dict[str, bytes]:
        """Return the files that belong into the model's file: a vocabulary no setting tells."""
        return self._lookup_layer.kept_assets()

    def kept_arrays(self) -> dict[str, Any]:
        """Return the arrays that belong into the model's file beside the weights."""
        return self._lookup_layer.kept_arrays()

    def take_kept(self, assets: Mapping[str, bytes], arrays: Mapping[str, Any]) -> None:
        """Take the vocabulary and its weights from a model's file."""
        self._lookup_layer.take_kept(assets, arrays)
