"""Layers that look strings or whole numbers up in a vocabulary."""

from __future__ import annotations

from typing import Any

import graftgrad
from graftgrad import Tensor, ops
from graftgrad.errors import ConfigError, DataError, expect
from graftgrad.spec import is_floating

from ..registry import declared, layers, setting
from ..rules import one_of, optional
from ..tables.hashing import buckets
from ..tables.strings import STRING, Blank, Strings, as_strings
from ..tables.vocabulary import Vocabulary
from .encoding import output_mode
from .hashing import blank_like, salted, without_values
from .index_lookup import MODES, IndexLookup, fewest, listed
from .rules import only


@declared(layers)
class StringLookup(IndexLookup):
    """Strings as their numbers in a vocabulary, or numbers as strings.

    The numbers: 0 for the mask token where there is one and `output_mode` is "int"; then
    `num_oov_indices` for unknown strings, which share them by their hash; then the tokens.
    Looking up is done on the host: a model's step that does so is not recorded.

    Args:
        max_tokens: how many numbers `adapt` may give, special ones included; no limit if None.
        num_oov_indices: how many numbers unknown strings share; with 0 they are errors.
        mask_token: the string that stands for nothing.
        oov_token: the string that stands for unknown ones where numbers become strings.
        vocabulary: the tokens, or the path of a file with one on each line.
        idf_weights: in mode "tf_idf" one weight for each token.
        invert: make strings of numbers: a host array.
        output_mode: "int" for numbers, int64; for vectors, float32, "one_hot", "multi_hot",
            "count", or "tf_idf": counts weighted by how rare tokens are.
        pad_to_max_tokens: make vectors `max_tokens` long.
        sparse: only False.
        encoding: that of bytes.
        salt: one or two whole numbers: hash unknown strings by SipHash under them.
        oov_method: kept for Keras' configurations; strings are always hashed.
    Raises:
        ConfigError: settings contradict each other, or there is no vocabulary yet.
        DataError: a string is unknown and `num_oov_indices` is 0, or the input holds no text.
    """

    max_tokens: Any = setting(optional(fewest(2)), default=None)
    num_oov_indices: int = setting(fewest(0), default=1)
    mask_token: Any = setting(default=None)
    oov_token: Any = setting(default="[UNK]")
    vocabulary: Any = setting(optional(listed), default=None)
    idf_weights: Any = setting(optional(listed), default=None)
    invert: bool = setting(default=False)
    output_mode: str = setting(output_mode(*MODES), default="int")
    pad_to_max_tokens: bool = setting(default=False)
    sparse: bool = setting(only(False), default=False)
    encoding: str = setting(default="utf-8")
    salt: Any = setting(optional(salted), default=None)
    oov_method: str = setting(one_of("floormod", "farmhash"), default="floormod", kw_only=True)

    takes_text = True

    @property
    def entrance_dtype(self) -> str | None:
        """Text, unless numbers become text."""
        return None if self.invert else STRING

    def call(self, inputs: Any) -> Any:
        """Return numbers or vectors of strings, or strings of numbers."""
        if self.invert:
            return self._strings(inputs)
        if isinstance(inputs, Blank):
            return self.encode(blank_like(inputs))
        given = as_strings(f'layer "{self.name}"', inputs, self.encoding)
        return self.encode(self.numbers(given))

    def numbers(self, given: Strings) -> Tensor:
        """Return the number of every string; those without one get −1 where vectors are made."""
        found = self.known().numbered(f'layer "{self.name}"', given.flat, -1, self.salt)
        return ops.reshape(graftgrad.tensor(found, "int64"), given.shape)

    def _strings(self, inputs: Any) -> Any:
        x = graftgrad.as_tensor(inputs)
        expect(not without_values(x), f'layer "{self.name}"', "strings must not be made inside of "
               "a functional model", error=ConfigError, invert=True,
               advice="Apply the layer to what predict returns.")  # fmt: skip
        flat = ops.reshape(x.to("int64"), (-1,)).numpy().tolist()
        return Strings(x.shape, self.known().named(flat)).array()


@declared(layers)
class IntegerLookup(IndexLookup):
    """Whole numbers as their places in a vocabulary, or places as whole numbers.

    The places: 0 for the mask token where there is one and `output_mode` is "int"; then
    `num_oov_indices` for unknown numbers; then the tokens.

    Args:
        max_tokens: how many places `adapt` may give, special ones included; no limit if None.
        num_oov_indices: how many places unknown numbers share; with 0 they are errors.
        mask_token: the number that stands for nothing.
        oov_token: the number that stands for unknown ones where places become numbers.
        vocabulary: the tokens, or the path of a file with one on each line.
        vocabulary_dtype: only "int64".
        idf_weights: in mode "tf_idf" one weight for each token.
        invert: make numbers of places.
        output_mode: "int" for places, int64; for vectors, float32, "one_hot", "multi_hot",
            "count", or "tf_idf": counts weighted by how rare tokens are.
        sparse: only False.
        pad_to_max_tokens: make vectors `max_tokens` long.
        oov_method: an unknown number's place by the rest of a division, "floormod", or by the hash
            of its digits, "farmhash".
        salt: for "farmhash" one or two whole numbers: hash by SipHash under them.
    Raises:
        ConfigError: settings contradict each other, or there is no vocabulary yet.
        DataError: a number is unknown and `num_oov_indices` is 0, or the input holds fractions.
    """

    max_tokens: Any = setting(optional(fewest(2)), default=None)
    num_oov_indices: int = setting(fewest(0), default=1)
    mask_token: Any = setting(default=None)
    oov_token: Any = setting(default=-1)
    vocabulary: Any = setting(optional(listed), default=None)
    vocabulary_dtype: str = setting(only("int64"), default="int64")
    idf_weights: Any = setting(optional(listed), default=None)
    invert: bool = setting(default=False)
    output_mode: str = setting(output_mode(*MODES), default="int")
    sparse: bool = setting(only(False), default=False)
    pad_to_max_tokens: bool = setting(default=False)
    oov_method: str = setting(one_of("floormod", "farmhash"), default="floormod")
    salt: Any = setting(optional(salted), default=None)

    text = False

    def prepare(self) -> None:
        """Check that a salt is used; find tokens by a sorted row of them."""
        expect(self.salt is None or self.oov_method == "farmhash", "IntegerLookup",
               "salt needs oov_method='farmhash'", error=ConfigError, salt=self.salt,
               oov_method=self.oov_method)  # fmt: skip
        for name in ("mask_token", "oov_token"):
            token = getattr(self, name)
            setattr(self, name, None if token is None else int(token))
        self.sorted: tuple[Tensor, Tensor] | None = None
        super().prepare()

    def _take(self, table: Vocabulary) -> None:
        super()._take(table)
        order = sorted(table.numbers.items())
        self.sorted = (
            graftgrad.tensor([token for token, _ in order], "int64"),
            graftgrad.tensor([place for _, place in order], "int64"),
        )

    def documents(self, batch: Any, whole: bool) -> list[list[Any]]:
        """Return the rows of a batch; of a vector, each number or all of them."""
        x = self._whole(batch)
        if x.ndim < 2:
            x = ops.reshape(x, (-1, 1) if whole else (1, -1))
        rows: list[list[Any]] = ops.reshape(x, (x.shape[0], -1)).numpy().tolist()
        return rows

    def call(self, inputs: Any) -> Tensor:
        """Return places or vectors of numbers, or numbers of places."""
        x = self._whole(inputs)
        if without_values(x):
            return blank_like(x) if self.output_mode == "int" else self.encode(blank_like(x))
        if self.invert:
            return self._inverted(x)
        self.known()
        assert self.sorted is not None
        keys, places = (one.to(x.device) for one in self.sorted)
        nearest = ops.minimum(ops.searchsorted(keys, x), keys.shape[0] - 1)
        hit = ops.equal(ops.take(keys, nearest), x)
        found = ops.where(hit, ops.take(places, nearest), self._unknown(x, hit))
        if self.mask_token is not None:
            dropped = 0 if self.special.masks else -1
            found = ops.where(ops.equal(x, self.mask_token), dropped, found)
        return self.encode(found)

    def _whole(self, inputs: Any) -> Tensor:
        x = graftgrad.as_tensor(inputs)
        expect(not is_floating(x.dtype) or x.size == 0, f'layer "{self.name}"',
               "the input must hold whole numbers", error=DataError, dtype=x.dtype,
               advice="Numbers become whole ones with array.astype('int64').")  # fmt: skip
        return x.to("int64")

    def _unknown(self, x: Tensor, hit: Tensor) -> Any:
        """Return the places of numbers that are in no vocabulary."""
        count, first = self.num_oov_indices, self.special.masks
        if count == 1:
            return first
        if count == 0:
            sound = hit if self.mask_token is None else hit | ops.equal(x, self.mask_token)
            found = x.numpy()[~sound.numpy()].tolist()
            expect(not found, f'layer "{self.name}"', "every input must be in the vocabulary "
                   "while num_oov_indices is 0", error=DataError, unknown=found[:5])  # fmt: skip
            return -1
        if self.oov_method == "floormod":
            return x % count + first
        digits = [str(one) for one in ops.reshape(x, (-1,)).numpy().tolist()]
        places = graftgrad.tensor(buckets(digits, count, self.salt), "int64", x.device)
        return ops.reshape(places, x.shape) + first

    def _inverted(self, x: Tensor) -> Tensor:
        tokens = graftgrad.tensor(self.known().listed(False), "int64", x.device)
        behind = x - self.special.start
        last = tokens.shape[0] - 1
        token = ops.take(tokens, ops.minimum(ops.maximum(behind, 0), last))
        hit = (behind >= 0) & (behind <= last)
        found = ops.where(hit, token, -1 if self.oov_token is None else self.oov_token)
        if self.mask_token is not None:
            found = ops.where(ops.equal(x, 0), self.mask_token, found)
        return found
