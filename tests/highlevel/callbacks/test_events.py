"""The order of events and the contents of logs are Keras'."""

import importlib.util
import json
from pathlib import Path

import graftwork

GOLDEN = Path(__file__).resolve().parents[2] / "golden"


def test_events_come_as_keras_tells_them() -> None:
    spec = importlib.util.spec_from_file_location("make_events", GOLDEN / "make_events.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    wanted = json.loads((GOLDEN / "events.json").read_text(encoding="utf-8"))
    assert len(wanted) > 30
    assert module.events(graftwork) == wanted
