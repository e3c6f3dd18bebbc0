"""A value that is worked out later, or in a thread of its own while other work goes on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Later(Generic[Value]):
    """Calls a function once and keeps what it returned or raised; calling the object gives it.

    Args:
        work: the function.
        at_once: begin now, in a thread, rather than at the first call.
    """

    def __init__(self, work: Callable[[], Value], *, at_once: bool = False) -> None:
        self._work = work
        self._lock = threading.Lock()
        self._values: list[Value] = []
        self._error: BaseException | None = None
        if at_once:
            # Not a daemon: a process that ends while a library is being loaded would be aborted.
            threading.Thread(target=self._do).start()

    def __call__(self) -> Value:
        """The value; raises what the function raised."""
        self._do()
        if self._error is not None:
            raise self._error
        return self._values[0]

    def _do(self) -> None:
        with self._lock:
            if self._values or self._error is not None:
                return
            try:
                self._values.append(self._work())
            except Exception as error:  # noqa: BLE001 - kept for whoever asks for the value
                self._error = error
