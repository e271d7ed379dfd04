"""Runs a member of `servers` as a process of its own: python server_process.py NAME FOLDER WORKERS PORT.

Says the URL on a line of its own once requests are answered, or `error: ...`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from mvops import backends
from mvops.errors import MvopsError

if __name__ == "__main__":
    name, folder, workers, port = sys.argv[1:]
    try:
        backends.load("servers", name).serve(
            Path(folder),
            host="127.0.0.1",
            port=int(port),
            workers=int(workers),
            on_ready=lambda url: print(url, flush=True),
        )
    except MvopsError as error:
        sys.exit(f"error: {error}")
