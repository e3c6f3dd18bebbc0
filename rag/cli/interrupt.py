"""Ctrl-C: the first one lets what is under way finish, the second one ends it."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType

INTERRUPTED = 130
"""The exit code of a command that Ctrl-C ended."""


class Stop:
    """Whether to stop. Unlike an event it has no lock, on which a signal could wait for the very thread that it interrupts."""

    def __init__(self) -> None:
        self._asked = False

    def set(self) -> None:
        """Asks to stop."""
        self._asked = True

    def is_set(self) -> bool:
        """Whether to stop."""
        return self._asked


@contextlib.contextmanager
def first_interrupt(stop: Callable[[], None]) -> Iterator[None]:
    """Within it, the first Ctrl-C calls a function, and the second one raises KeyboardInterrupt."""
    if threading.current_thread() is not threading.main_thread():  # only the main thread may take signals
        yield
        return
    told = False

    def interrupted(number: int, frame: FrameType | None) -> None:
        nonlocal told
        del number, frame
        if told:
            raise KeyboardInterrupt
        told = True
        stop()

    before = signal.signal(signal.SIGINT, interrupted)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
