"""What all tests share."""

from __future__ import annotations

import signal
import threading

# A shell that starts this run in the background has Ctrl-C ignored, and every child would inherit that.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)
