"""The plots in an executed notebook."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator


def pictures(executed: bytes) -> Iterator[bytes]:
    """Every PNG among the outputs of an executed notebook, in order."""
    for cell in json.loads(executed)["cells"]:
        for output in cell.get("outputs", ()):
            png = output.get("data", {}).get("image/png")
            if png is not None:
                yield base64.b64decode(png if isinstance(png, str) else "".join(png))
