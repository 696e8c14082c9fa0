"""Good or bad: raw sentences about films, read by a recurrent network, padding masked.

python examples/text_classification.py
python examples/text_classification.py --data folder/of/rt-polarity --epochs 3
"""

import argparse
from pathlib import Path

import numpy as np

import graftwork as gw
from graftwork import layers

GOOD, BAD = "charming warm funny clever moving fresh".split(), "dull flat tired clumsy loud".split()
THINGS = "plot cast film story ending music dialogue direction".split()

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, help="folder with rt-polarity.pos and rt-polarity.neg")
parser.add_argument("--epochs", type=int, default=3)
parser.add_argument("--length", type=int, default=24, help="words that are read of a sentence")
parser.add_argument("--words", type=int, default=8000, help="words that are told apart")
arguments = parser.parse_args()


def written(draw: np.random.Generator, count: int) -> list[str]:
    """Make sentences up of which half are good, for those who have no others."""
    made = []
    for i in range(count):
        words = [draw.choice(BAD if i % 2 else GOOD) for _ in range(2)]
        a, b = draw.choice(THINGS, 2, replace=False)
        made.append(f"the {a} is {words[0]} and the {b} is {words[1]}")
    return made


gw.set_random_seed(0)
draw = np.random.default_rng(0)
if arguments.data is None:
    sentences = written(draw, 800)
    labels = np.arange(len(sentences)) % 2 == 0
else:
    files = [(arguments.data / f"rt-polarity.{end}") for end in ("pos", "neg")]
    parts = [file.read_text(encoding="latin-1").splitlines() for file in files]
    sentences = [line for part in parts for line in part]
    labels = np.repeat([True, False], [len(part) for part in parts])

order = draw.permutation(len(sentences))
texts, targets = np.array(sentences)[order], labels[order].astype("float32")[:, None]
cut = len(texts) * 9 // 10

words = layers.TextVectorization(arguments.words, output_sequence_length=arguments.length)
words.adapt(texts[:cut])
numbers = words(texts).numpy()  # 0 is no word, 1 one that is unknown

model = gw.Sequential(
    [
        layers.Embedding(arguments.words, 32, mask_zero=True),
        layers.SpatialDropout1D(0.3),
        layers.Bidirectional(layers.LSTM(32)),
        layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
model.fit(numbers[:cut], targets[:cut], epochs=arguments.epochs, batch_size=32, verbose=2)
loss, accuracy = model.evaluate(numbers[cut:], targets[cut:], verbose=0)
print(f"{accuracy:.1%} right on {len(texts) - cut} sentences that were not trained on")

whole = gw.Sequential([gw.Input((1,), dtype="string"), words, model])  # for others: text goes in
for sentence in ("the plot is charming and the cast is funny", "a dull story, tired dialogue"):
    print(f"{whole.predict([sentence], verbose=0).item():.2f} {sentence}")
