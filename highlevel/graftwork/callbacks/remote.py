"""The logs of every epoch, sent to a server."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from typing import Any

from .callback import Callback, Logs


class RemoteMonitor(Callback):
    """Posts number and values of every epoch; a server that does not answer is warned of.

    Args:
        root: the address of the server.
        path: where on it.
        field: the field of the form that holds the JSON, if a form is sent.
        headers: headers of the request.
        send_as_json: send JSON itself instead of a form.
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root = root
        self.path = path
        self.field = field
        self.headers = headers
        self.send_as_json = send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send the values."""
        # here, since they are slow to import and most programs send nothing
        import urllib.parse
        import urllib.request

        values: dict[str, Any] = {"epoch": epoch}
        for name, value in (logs or {}).items():
            values[name] = value.tolist() if hasattr(value, "tolist") else value
        text = json.dumps(values)
        if self.send_as_json:
            body, kind = text, "application/json"
        else:
            body = urllib.parse.urlencode({self.field: text})
            kind = "application/x-www-form-urlencoded"
        headers = {"Content-Type": kind, **(self.headers or {})}
        request = urllib.request.Request(self.root + self.path, body.encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=10):
                pass
        except OSError as error:
            warnings.warn(
                f"RemoteMonitor: the server must answer; got {error} from {self.root}. The values "
                f"of epoch {epoch + 1} are not sent.", stacklevel=2,
            )  # fmt: skip
