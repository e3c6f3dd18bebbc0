"""Texts to vectors. Queries never import torch: they run the exported model."""

from rag.embed.base import Embedder, ModelInfo, TextVectors
from rag.embed.runtime import OnnxEmbedder, load

__all__ = ["Embedder", "ModelInfo", "OnnxEmbedder", "TextVectors", "load"]
