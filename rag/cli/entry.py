"""The two commands' entry points: they turn every error into one line and an exit code."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Callable

from rag.errors import RagError

_INTERRUPTED = 130
_GARBAGE = 100_000  # loading modules makes tens of thousands of objects that stay: not worth collecting over


def ask() -> None:
    """The `ask` command."""
    # One question needs no pool of linear-algebra threads; starting one takes longer than the answer's own arithmetic.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    gc.set_threshold(_GARBAGE)
    try:
        _run(lambda: __import__("rag.cli.ask", fromlist=["app"]).app())
    finally:
        gc.freeze()  # else the interpreter, as it ends, searches all those objects for garbage: 50 ms


def rag() -> None:
    """The `rag` command."""
    _run(lambda: __import__("rag.cli.manage", fromlist=["app"]).app())


def _run(command: Callable[[], None]) -> None:
    debug = "--debug" in sys.argv
    try:
        command()
    except RagError as error:
        _fail(str(error), error.exit_code, debug=debug)
    except KeyboardInterrupt:
        _fail("interrupted", _INTERRUPTED, debug=debug)
    except BrokenPipeError:  # the reader of our output has gone, say `ask … | head`
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        _fail(f"{(error.strerror or str(error)).lower()}. Check the disk and where the output goes", 1, debug=debug)
    except Exception as error:  # noqa: BLE001 - no traceback reaches a user
        name = type(error).__name__
        _fail(f"unexpected {name}: {error}. Run again with --debug and report what it shows", 1, debug=debug)


def _fail(line: str, code: int, *, debug: bool) -> None:
    if debug:
        import traceback

        traceback.print_exc()
    harmless = "".join(char if char.isprintable() else " " for char in line)  # a name in it could steer the terminal
    print(f"error: {' '.join(harmless.split())}", file=sys.stderr)  # noqa: T201
    sys.exit(code)
