"""A question and a text, read together, to a score. Queries never import torch: they run the exported model.

An entailment model is read in the same way: a premise and a claim, read together, to a probability.
"""

from pathlib import Path

from rag.rerank.base import Reranker, RerankerInfo, Scores
from rag.rerank.runtime import OnnxReranker, load

SMALL = Path(__file__).with_name("small")
"""The reranker that comes with this package, trained to read sentences (`eval/train/README.md`)."""

__all__ = ["SMALL", "OnnxReranker", "Reranker", "RerankerInfo", "Scores", "load"]
