"""A run that is told to stop stops its steps first."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType


def exit_when_told() -> None:
    """Turn SIGTERM and SIGHUP into an ordinary exit, so that what must be cleaned up is.

    Handlers of others are left alone, and nothing happens outside the main thread.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, _exit)


def _exit(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)
