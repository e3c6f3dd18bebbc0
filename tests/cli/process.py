"""The two commands as real processes."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TIMEOUT = 120
_COLUMNS = 80


@dataclass(frozen=True)
class Finished:
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Commands:
    """`ask` and `rag` with an index, run from an empty folder."""

    index: Path
    cache: Path
    folder: Path

    def ask(self, *arguments: str, stdin: str = "", **environment: str) -> Finished:
        return self._run("ask", arguments, stdin, environment)

    def rag(self, *arguments: str, stdin: str = "", **environment: str) -> Finished:
        return self._run("rag", arguments, stdin, environment)

    def on_terminal(self, name: str, *arguments: str, typed: str | None = None, **environment: str) -> tuple[int, str]:
        """Exit code and everything a terminal of 80 columns was sent. `typed` goes to standard input, which is else a pipe."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, _COLUMNS, 0, 0))
        with subprocess.Popen(
            _command(name, arguments),
            stdin=subprocess.DEVNULL if typed is None else theirs,
            stdout=theirs,
            stderr=theirs,
            env=self._environment({"TERM": "xterm-256color", **environment}),
            cwd=self.folder,
        ) as process:
            os.close(theirs)
            if typed is not None:
                os.write(ours, typed.encode())
            sent = _everything(ours)
            code = process.wait(_TIMEOUT)
        os.close(ours)
        return code, sent.decode("utf-8").replace("\r\n", "\n")

    def _run(self, name: str, arguments: tuple[str, ...], stdin: str, environment: Mapping[str, str]) -> Finished:
        finished = subprocess.run(
            _command(name, arguments),
            input=stdin.encode(),
            env=self._environment(environment),
            cwd=self.folder,
            capture_output=True,
            timeout=_TIMEOUT,
            check=False,
        )
        return Finished(finished.returncode, finished.stdout.decode("utf-8"), finished.stderr.decode("utf-8"))

    def _environment(self, changes: Mapping[str, str]) -> dict[str, str]:
        ours = {"RAG_INDEX": str(self.index), "RAG_CACHE": str(self.cache), "HF_HUB_OFFLINE": "1"}
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith("RAG_") and name not in {"NO_COLOR", "FORCE_COLOR", "COLUMNS", "TERM"}
        }
        return {**kept, **ours, **changes}


def _command(name: str, arguments: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-c", f"from rag.cli.entry import {name}; {name}()", *arguments]


def _everything(terminal: int) -> bytes:
    """What a terminal is sent until its last writer has gone."""
    sent = b""
    while True:
        try:
            piece = os.read(terminal, 65_536)
        except OSError:  # Linux says EIO where others give an empty read
            return sent
        if not piece:
            return sent
        sent += piece
