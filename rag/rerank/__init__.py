"""A question and a text, read together, to a score. Queries never import torch: they run the exported model."""

from rag.rerank.base import Reranker, RerankerInfo, Scores
from rag.rerank.runtime import OnnxReranker, load

__all__ = ["OnnxReranker", "Reranker", "RerankerInfo", "Scores", "load"]
