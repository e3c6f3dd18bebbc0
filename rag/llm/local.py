"""A language model in this process: a folder that transformers loads, or a `.gguf` file."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import re
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from queue import Empty, Queue
from typing import Any, NamedTuple

from rag import config
from rag.errors import LLMFailed, LLMMissing
from rag.llm.base import LLM, Limits, Message, Piece, Stop, Usage

FORMAT = 1
_MAGIC = b"GGUF"
_LIBRARIES = ("gguf", "accelerate")
_LEAST_ROOM = 64
"""A reply that has room for fewer tokens than this, and than it may have, is not begun."""
_BLANK_LINE = re.compile(r"\n\s*\n")
_REMEDY = "Name a folder with a complete causal language model: config.json, tokenizer, .safetensors"


def load_local(name: str, limits: Limits) -> LLM:
    """A model in this process. It is loaded at the first request, on a GPU where torch finds one.

    A `.gguf` file is dequantised at the first request, once, into the cache of the settings.

    Args:
        name: a folder with a causal language model, or a `.gguf` file. No code in the folder is run, no network is used.
        limits: the bounds of each request; `timeout` counts from when its turn has come.

    Raises:
        LLMMissing: there is no such model, or a library that it needs is not installed.
    """
    path = Path(name).expanduser()
    if path.suffix.lower() != ".gguf":
        _check_folder(path)
        return LocalLLM(f"local:{name}", lambda: path, limits, lambda: _files(path))
    _check_gguf(path)
    cache = config.load().cache
    if not _converted_folder(path, cache).is_dir():
        _check_libraries()
    return LocalLLM(
        f"local:{name}", lambda: converted(path, cache), limits, lambda: _converted_folder(path, cache).name
    )


class _Loaded(NamedTuple):
    """A tokenizer and its model; how many tokens the two texts may have together, None where there is no bound."""

    tokenizer: Any
    model: Any
    context: int | None


class LocalLLM:
    """A causal language model of transformers. One reply is written at a time; other requests wait for their turn.

    Args:
        name: the model, as its user named it.
        folder: gives the model's folder; asked when the model is loaded.
        limits: the bounds of each request.
        files: tells the model's files from others in their place.
    """

    def __init__(
        self, name: str, folder: Callable[[], Path], limits: Limits, files: Callable[[], str] = lambda: ""
    ) -> None:
        self._name = name
        self._files = files
        self._identity: str | None = None
        self._folder = folder
        self._limits = limits
        self._loaded: _Loaded | None = None
        self._closed = False
        self._loading = threading.Lock()
        self._turn = threading.Lock()

    @property
    def name(self) -> str:
        """The model, as its user named it."""
        return self._name

    @property
    def identity(self) -> str:
        """What tells it from other models at the same path: its files, as they were when it was loaded, or are now."""
        return self._identity or self._files_now()

    def stream(self, messages: Sequence[Message]) -> Iterator[Piece]:
        """The reply, word by word as it is written. Closing the iterator ends the request.

        Raises:
            LLMMissing: the model cannot be loaded.
            LLMFailed: the prompt is too long for the model, or the reply took too long or broke off.
        """
        loaded = self._load()
        inputs = _encoded(loaded.tokenizer, messages)
        length = inputs["input_ids"].shape[1]
        room = self._room(length, loaded.context)
        queue: Queue[Any] = Queue()
        stopped = threading.Event()
        # Not a daemon: the interpreter must not end while torch computes. It ends at the next token once nobody reads.
        threading.Thread(target=self._write, args=(loaded, inputs, room, queue, stopped), name=self._name).start()
        try:
            yield from self._read(queue, length, None if loaded.tokenizer.chat_template else _Paragraph(), stopped)
        finally:
            stopped.set()

    def close(self) -> None:
        """Lets go of the model's memory. A reply that is being written is written to its end."""
        with self._loading:
            self._closed, self._loaded = True, None

    def _load(self) -> _Loaded:
        with self._loading:
            if self._closed:
                raise LLMFailed(f"{self._name} has been closed", "Load it again")
            if self._loaded is None:
                try:
                    self._identity = self._files_now()
                    self._loaded = _load(self._folder())
                except LLMMissing:
                    raise
                except Exception as error:  # the libraries raise their own kinds for a model that they cannot use
                    raise LLMMissing(f"{self._name} cannot be loaded: {_reason(error)}", _REMEDY) from error
            return self._loaded

    def _files_now(self) -> str:
        try:
            return self._files() or self._name
        except OSError as error:
            raise LLMMissing(f"{self._name} is not there any more: {error.strerror}", _REMEDY) from error

    def _room(self, length: int, context: int | None) -> int:
        """How many tokens the reply may have."""
        wanted = self._limits.max_tokens
        room = wanted if context is None else min(wanted, context - length)
        if room < min(wanted, _LEAST_ROOM):
            raise LLMFailed(
                f"the prompt has {length} tokens and {self._name} holds {context}, the reply included",
                "Give it fewer passages (llm_passages), or take a model with a longer context",
            )
        return room

    def _read(
        self, queue: Queue[Any], length: int, paragraph: _Paragraph | None, stopped: threading.Event
    ) -> Iterator[Piece]:
        """What the writing thread puts in the queue, as pieces.

        A model that knows no turns is stopped after a paragraph, if given: it would go on with what comes next in such a text.
        """
        queue.get()  # its turn has come
        deadline = time.monotonic() + self._limits.timeout
        while True:
            try:
                item = queue.get(timeout=max(0.0, deadline - time.monotonic()))
            except Empty:
                raise self._late() from None
            match item:
                case Exception():
                    raise item
                case (int(written), stop):
                    yield Piece(stop=stop, usage=Usage(1, length, written, 0.0))
                    return
                case str() if not stopped.is_set():
                    text = paragraph.take(item) if paragraph else item
                    if text:
                        yield Piece(text)
                    if paragraph and paragraph.over:
                        stopped.set()

    def _write(self, loaded: _Loaded, inputs: Any, room: int, queue: Queue[Any], stopped: threading.Event) -> None:
        """Writes a reply: into the queue go None, the reply's words, and at last an error or the count of tokens with why it ended."""
        with self._turn:
            queue.put(None)
            deadline = time.monotonic() + self._limits.timeout
            try:
                tokens = self._generate(
                    loaded, inputs, room, queue, lambda: stopped.is_set() or time.monotonic() > deadline
                )
            except Exception as error:  # noqa: BLE001 - whatever went wrong is the reader's to raise
                failed = LLMFailed(
                    f"{self._name} broke off: {_reason(error)}", "Take a smaller model or fewer passages"
                )
                failed.__cause__ = error
                queue.put(failed)
                return
        ended = stopped.is_set() or (bool(tokens) and tokens[-1] in _end_tokens(loaded))
        stop: Stop = "end" if ended else "length"
        queue.put((len(tokens), stop) if ended or len(tokens) >= room else self._late())

    def _generate(
        self, loaded: _Loaded, inputs: Any, room: int, queue: Queue[Any], over: Callable[[], bool]
    ) -> list[int]:
        """The tokens of a reply; its words go in the queue as they are written."""
        import torch
        from transformers import GenerationConfig, StoppingCriteriaList, TextIteratorStreamer

        ends = _end_tokens(loaded)
        streamer = TextIteratorStreamer(loaded.tokenizer, skip_prompt=True, skip_special_tokens=True)
        streamer.text_queue = queue
        sampled = self._limits.temperature > 0
        generation = GenerationConfig(
            max_new_tokens=room,
            do_sample=sampled,
            **({"temperature": self._limits.temperature} if sampled else {}),
            bos_token_id=loaded.model.generation_config.bos_token_id,
            eos_token_id=ends or None,
            pad_token_id=next(iter([*ends, 0])),
        )

        def criterion(ids: torch.Tensor, _scores: torch.Tensor, **_: Any) -> torch.Tensor:
            return torch.full((ids.shape[0],), over(), dtype=torch.bool, device=ids.device)

        written = loaded.model.generate(
            **inputs.to(loaded.model.device),
            generation_config=generation,
            streamer=streamer,
            stopping_criteria=StoppingCriteriaList([criterion]),
        )
        tokens: list[int] = written[0, inputs["input_ids"].shape[1] :].tolist()
        return tokens

    def _late(self) -> LLMFailed:
        return LLMFailed(
            f"{self._name} took longer than {self._limits.timeout:g} seconds",
            "Allow it more (llm_timeout), or give it fewer passages (llm_passages) or tokens to write (llm_max_tokens)",
        )


class _Paragraph:
    """The first paragraph of a text that comes in pieces, without the white space around it."""

    def __init__(self) -> None:
        self.over = False
        self._held = ""
        self._begun = False

    def take(self, piece: str) -> str:
        """What of the paragraph has become sure with this piece."""
        text = self._held + piece
        if not self._begun:
            text = text.lstrip()
        self._begun = self._begun or bool(text)
        kept, *rest = _BLANK_LINE.split(text, maxsplit=1)
        self.over = bool(rest)
        sure = kept if self.over else kept.rstrip()  # white space may yet turn out to be a blank line
        self._held = "" if self.over else text[len(sure) :]
        return sure


def _end_tokens(loaded: _Loaded) -> list[int]:
    """The tokens that end a reply."""
    named = loaded.model.generation_config.eos_token_id
    found = [*(named if isinstance(named, list) else [named]), loaded.tokenizer.eos_token_id]
    return list(dict.fromkeys(token for token in found if token is not None))


def _encoded(tokenizer: Any, messages: Sequence[Message]) -> Any:
    """The tokens of a prompt: in the model's own form of a conversation, or as plain text for a model that has none."""
    plain = _plainer(tokenizer)
    turns = [{"role": message.role, "content": plain(message.text)} for message in messages]
    together = "\n\n".join(text for turn in turns if (text := turn["content"].strip())) or "\n"  # never no tokens
    if not tokenizer.chat_template:
        return tokenizer(together, return_tensors="pt")
    return tokenizer(_conversation(tokenizer, turns, together), return_tensors="pt", add_special_tokens=False)


def _conversation(tokenizer: Any, turns: Sequence[dict[str, str]], together: str) -> str:
    from jinja2 import TemplateError

    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    try:
        return str(tokenizer.apply_chat_template(turns, **options))
    except TemplateError:  # some models know no system's role
        return str(tokenizer.apply_chat_template([{"role": "user", "content": together}], **options))


def _plainer(tokenizer: Any) -> Callable[[str], str]:
    """What breaks up, in a text, the names of the model's control tokens: an article cannot end a turn or begin one."""
    control = {token.content for token in tokenizer.added_tokens_decoder.values() if token.special}
    names = sorted((name for name in control | set(tokenizer.all_special_tokens) if len(name) > 1), key=len)
    if not names:
        return lambda text: text
    pattern = re.compile("|".join(re.escape(name) for name in reversed(names)))
    return lambda text: pattern.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)


def _load(folder: Path) -> _Loaded:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    with _silent():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model, report = AutoModelForCausalLM.from_pretrained(
            folder,
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            dtype="auto",
            output_loading_info=True,
        )
    if lacking := sorted(report["missing_keys"]):  # the library would give these random weights
        raise LLMMissing(f"{folder} is no complete causal language model: it has no weights for {lacking[0]}", _REMEDY)
    model = model.eval().to("cuda" if torch.cuda.is_available() else "cpu")
    return _Loaded(tokenizer, model, getattr(model.config.get_text_config(), "max_position_embeddings", None))


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    """Without progress bars, warnings and log messages of the libraries."""
    from transformers.utils import logging

    from rag.embed.export import quiet

    shown = logging.get_verbosity()
    logging.set_verbosity(logging.CRITICAL)
    try:
        with quiet():
            yield
    finally:
        logging.set_verbosity(shown)


def _check_folder(path: Path) -> None:
    if not path.is_dir():
        raise LLMMissing(f"there is no model in {path}: no such folder", _REMEDY)
    if not (path / "config.json").is_file() or not any(path.glob("*.safetensors")):
        raise LLMMissing(f"there is no model in {path}: it has no config.json or no .safetensors", _REMEDY)


def _check_gguf(path: Path) -> None:
    try:
        with path.open("rb") as file:
            magic = file.read(len(_MAGIC))
    except OSError as error:
        raise LLMMissing(f"{path} cannot be read: {error.strerror}", "Name a .gguf file or a folder") from error
    if magic != _MAGIC:
        raise LLMMissing(f"{path} is no .gguf file", "Name a .gguf file, complete, or a folder with a model")


def _check_libraries() -> None:
    lacking = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if lacking:
        raise LLMMissing(f"a .gguf file needs {' and '.join(lacking)}", "pip install 'ask-rag[local]'")


def converted(path: Path, cache: Path) -> Path:
    """The folder of a `.gguf` file's model as transformers keeps it, made if it is not there yet: complete or not there.

    Args:
        path: the file.
        cache: the folder of all models that were made ready.

    Raises:
        LLMMissing: a library that it needs is not installed.
    """
    folder = _converted_folder(path, cache)
    if folder.is_dir():
        return folder
    _check_libraries()
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from rag.embed.export import in_one_step

    given = {"gguf_file": path.name, "local_files_only": True, "trust_remote_code": False}
    with in_one_step(folder) as work, _silent():
        AutoTokenizer.from_pretrained(path.parent, **given).save_pretrained(work)
        dense = GgufConfig(dequantize=True)
        model = AutoModelForCausalLM.from_pretrained(path.parent, quantization_config=dense, dtype="auto", **given)
        model.save_pretrained(work)
    return folder


def _converted_folder(path: Path, cache: Path) -> Path:
    """Where the model of a `.gguf` file is kept; its hash is computed again only when the file has changed."""
    stat = path.stat()
    seen = f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}"
    memory = cache / "llm" / "hashes" / hashlib.sha256(seen.encode()).hexdigest()
    if memory.is_file() and len(known := memory.read_text(encoding="ascii")) == hashlib.sha256().digest_size * 2:
        return cache / "llm" / f"{known}-{FORMAT}"
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    with contextlib.suppress(OSError):  # a cache that cannot be written costs time, nothing else
        memory.parent.mkdir(parents=True, exist_ok=True)
        memory.write_text(sha256, encoding="ascii")
    return cache / "llm" / f"{sha256}-{FORMAT}"


def _files(folder: Path) -> str:
    """The names, sizes and times of change of a folder's files, as a hash: reading weights of gigabytes would take longer than many a reply."""
    stats = ((path.name, path.stat()) for path in sorted(folder.iterdir()) if path.is_file())
    seen = [f"{name} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns}" for name, stat in stats]
    return hashlib.sha256("\n".join(seen).encode("utf-8", "surrogateescape")).hexdigest()


def _reason(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
