"""Fuzz one reader guided by coverage: `python -m fuzz.with_atheris TARGET [libFuzzer options]`.

Needs the extra `fuzz`. The valid files of the target are written into the folder of the corpus,
fuzz_corpus/TARGET, where what reaches new lines is added. Useful options: -max_total_time=600,
-rss_limit_mb=2048, -timeout=20.
"""

from __future__ import annotations

import sys
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["graftgrad.formats", "graftwork.saving"]):
    from fuzz.targets import Target, every
    from graftgrad import formats

    for deferred in formats.__all__:  # what is imported later would be no guide
        getattr(formats, deferred)


def main() -> None:
    """Take the target's name off the arguments, and hand the rest to libFuzzer."""
    targets = every()
    if len(sys.argv) < 2 or sys.argv[1] not in targets:
        sys.exit(f"TARGET must be one of: {', '.join(targets)}")
    name = sys.argv.pop(1)
    target: Target = targets[name]
    corpus = Path("fuzz_corpus") / name.replace(" ", "-")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(target.seeds()):
        (corpus / f"seed{number}").write_bytes(seed)

    def one(content: bytes) -> None:
        try:
            target.read(content)
        except target.refuses:
            pass

    atheris.Setup([*sys.argv, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
