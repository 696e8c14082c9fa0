"""Hashes of strings against those of TensorFlow, whose values never change."""

import json

import numpy as np

from graftwork.tables.hashing import buckets, column_of, crossed
from support.golden import FOLDER

TOLD = json.loads((FOLDER / "tables.json").read_text(encoding="utf-8"))
HASHES = TOLD["hashes"]


def test_strings_of_every_length_have_the_fingerprint_of_farmhash() -> None:
    assert buckets(HASHES["strings"], HASHES["buckets"]) == HASHES["farmhash"]


def test_under_a_key_it_is_siphash() -> None:
    assert buckets(HASHES["strings"], HASHES["buckets"], HASHES["key"]) == HASHES["siphash"]


def test_a_string_keeps_its_place_among_others() -> None:
    shuffled = HASHES["strings"][::-1]
    assert buckets(shuffled, HASHES["buckets"]) == HASHES["farmhash"][::-1]
    assert buckets([], 7) == []
    assert buckets(["a", "a"], 10**6)[0] == buckets(["a"], 10**6)[0]


def test_negative_salts_are_whole_words() -> None:
    assert buckets(["a"], 2**62, [-1, 3]) == buckets(["a"], 2**62, [2**64 - 1, 3])


def test_columns_are_crossed_in_order() -> None:
    numbers = np.array(TOLD["crossed"]["numbers"])
    columns = [column_of(HASHES["strings"]), column_of(numbers)]
    wanted = np.array(TOLD["crossed"]["places"])[:, 0]
    np.testing.assert_array_equal(crossed(columns, TOLD["crossed"]["buckets"]), wanted)
    assert (crossed(columns[::-1], TOLD["crossed"]["buckets"]) != wanted).any()
