"""Trains the reranker that comes with the package, from the default embedding model, and writes `rag/rerank/small/`.

    python eval/train/fit_reranker.py --data DEV_SETS

A question and a sentence (with the first words of its title and the last words before it, `rag.answer.read`) go through the transformer together; the first
token's output and the mean of all go to one number. Trained on the questions of `fit_answer.py` that are not in `held_out.txt`: of each question the sentence that
holds the evidence and some that do not, from the best candidates, in a softmax that also has a fixed 0 for "none of these answers", which is what is right for
unanswerable questions. The embeddings and the lower layers stay as they are. Exported to ONNX with 8-bit weights, about 23 MB.

Takes half an hour on 2 cores with bfloat16 arithmetic, longer without.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from cases import Case, cases
from sentence_transformers import CrossEncoder
from sentence_transformers.base.modules import Dense, Transformer
from sentence_transformers.sentence_transformer.modules import Pooling
from torch import nn

from rag import rerank
from rag.answer.choose import score
from rag.answer.read import text_to_read
from rag.config import DEFAULT_MODEL
from rag.embed.source import folder_of
from rag.evidence import FEATURES as EVIDENCE
from rag.rerank.export import exported
from rag.rerank.quantise import quantise
from rag.weights import weights

EPOCHS = 2
BATCH = 32
RATE, HEAD_RATE = 1.3e-4, 1e-3
FROZEN_LAYERS = 2
WRONG, OFF_COLLECTION_WRONG, FROM_BEST = 4, 2, 10
OFF_COLLECTION_SHARE = 0.08
FIRST_RIGHT = 0.7
TOKENS = 80
READ_TOKENS = 96
_WIDTH = 384
_BEST = 16


class Example(NamedTuple):
    """A question with the texts of its best candidates, and which are right."""

    question: str
    kind: str
    texts: Sequence[str]
    right: Sequence[bool]


def example(case: Case) -> Example:
    """A case as an example, its candidates best first."""
    order = sorted(range(len(case.listed)), key=lambda at: -score(case.listed[at]))[:_BEST]
    texts = [text_to_read(case.listed[at]) for at in order]
    return Example(case.question.text, case.kind, texts, [bool(case.right[at]) for at in order])


def sampled(one: Example, rng: random.Random) -> tuple[list[int], list[int]]:
    """The numbers of the right candidate to train on (none for an unanswerable question) and of wrong ones."""
    right = [number for number, holds in enumerate(one.right) if holds]
    wrong = [number for number, holds in enumerate(one.right) if not holds]
    chosen = [right[0] if rng.random() < FIRST_RIGHT else rng.choice(right)] if right else []
    if one.kind == "off-collection":
        return chosen, wrong[:OFF_COLLECTION_WRONG]
    rest = wrong[2:FROM_BEST]
    return chosen, wrong[:2] + rng.sample(rest, min(len(rest), WRONG - 2))


class Scorer(nn.Module):  # type: ignore[misc]
    """The transformer with one number on top."""

    def __init__(self, backbone: Any) -> None:
        super().__init__()
        self.backbone = backbone
        self.head = nn.Linear(2 * _WIDTH, 1)
        self.dropout = nn.Dropout(0.1)

    def forward(self, tokens: dict[str, torch.Tensor]) -> torch.Tensor:
        """The scores of pairs, shape (pairs,)."""
        outputs = self.backbone(**tokens).last_hidden_state.float()
        kept = tokens["attention_mask"].unsqueeze(-1).float()
        mean = (outputs * kept).sum(1) / kept.sum(1)
        return self.head(self.dropout(torch.cat([outputs[:, 0], mean], 1))).squeeze(-1)


def train(examples: Sequence[Example], folder: Path) -> Scorer:
    """Trains a scorer from an embedding model's folder."""
    from transformers import AutoModel, AutoTokenizer

    torch.manual_seed(0)
    rng = random.Random(0)  # noqa: S311 - nothing secret
    tokenizer = AutoTokenizer.from_pretrained(folder)
    scorer = Scorer(AutoModel.from_pretrained(folder))
    for part in (scorer.backbone.embeddings, *scorer.backbone.encoder.layer[:FROZEN_LAYERS]):
        for parameter in part.parameters():
            parameter.requires_grad = False
    trained = [parameter for parameter in scorer.backbone.parameters() if parameter.requires_grad]
    optimiser = torch.optim.AdamW(
        [{"params": trained}, {"params": scorer.head.parameters(), "lr": HEAD_RATE}], lr=RATE, weight_decay=0.01
    )
    steps = EPOCHS * (len(examples) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, [RATE, HEAD_RATE], total_steps=steps + 2, pct_start=0.1)
    scorer.train()
    shuffled = list(examples)
    for epoch in range(EPOCHS):
        rng.shuffle(shuffled)
        for at in range(0, len(shuffled) - BATCH + 1, BATCH):
            questions: list[str] = []
            texts: list[str] = []
            groups: list[tuple[int, int, bool]] = []
            for one in shuffled[at : at + BATCH]:
                right, wrong = sampled(one, rng)
                groups.append((len(texts), len(texts) + len(right) + len(wrong), bool(right)))
                texts += [one.texts[number] for number in right + wrong]
                questions += [one.question] * (len(texts) - len(questions))
            tokens = tokenizer(
                questions, texts, truncation="longest_first", max_length=TOKENS, padding=True, return_tensors="pt"
            )
            with torch.autocast("cpu", dtype=torch.bfloat16):
                scores = scorer(dict(tokens))
            loss = _loss(scores, groups)
            optimiser.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(scorer.parameters(), 1.0)
            optimiser.step()
            schedule.step()
            print(
                f"epoch {epoch + 1} of {EPOCHS}, question {at} of {len(shuffled)}, loss {loss.item():.3f}", flush=True
            )
    scorer.eval()
    return scorer


def _loss(scores: torch.Tensor, groups: Sequence[tuple[int, int, bool]]) -> torch.Tensor:
    """Cross-entropy of each question's softmax over a fixed 0 (nothing answers) and its sentences, the right one first."""
    losses = []
    for first, last, answerable in groups:
        odds = torch.log_softmax(torch.cat([torch.zeros(1), scores[first:last]]), 0)
        losses.append(-odds[int(answerable)])
    return torch.stack(losses).mean()


def write(scorer: Scorer, folder: Path, out: Path) -> None:
    """Exports a scorer as a cross-encoder of sentence-transformers, and that as the 8-bit reranker."""
    from transformers import AutoTokenizer

    with tempfile.TemporaryDirectory() as temporary:
        backbone, full = Path(temporary) / "backbone", Path(temporary) / "full"
        scorer.backbone.save_pretrained(backbone)
        AutoTokenizer.from_pretrained(folder).save_pretrained(backbone)
        head = Dense(
            2 * _WIDTH,
            1,
            activation_function=nn.Identity(),
            module_input_name="sentence_embedding",
            module_output_name="scores",
        )
        head.linear.load_state_dict(scorer.head.state_dict())
        modules = [
            Transformer(str(backbone), max_seq_length=READ_TOKENS),
            Pooling(_WIDTH, pooling_mode=("cls", "mean")),
            head,
        ]
        CrossEncoder(modules=modules, device="cpu", activation_fn=nn.Identity()).save(str(full))
        provenance = {"script": "eval/train/fit_reranker.py", "data_and_licences": "eval/train/README.md"}
        quantise(exported(str(full), Path(temporary)), out, name="ask-small", provenance=provenance)


def main() -> None:
    """Trains and writes the reranker."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the dev sets")
    parser.add_argument("--cache", type=Path, default=None, help="folder for the sets' indexes (default: temporary)")
    parser.add_argument("--out", type=Path, default=rerank.SMALL, help="where to write the reranker")
    arguments = parser.parse_args()
    passage = weights("passage", EVIDENCE)
    rng = random.Random(0)  # noqa: S311 - nothing secret
    examples = []
    with tempfile.TemporaryDirectory() as temporary:
        for case in cases(arguments.data, arguments.cache or Path(temporary)):
            if case.held_out or (case.kind == "off-collection" and rng.random() > OFF_COLLECTION_SHARE):
                continue
            case.rank(passage)
            one = example(case)
            if any(one.right) or case.kind != "answerable":
                examples.append(one)
    folder = folder_of(DEFAULT_MODEL)
    write(train(examples, folder), folder, arguments.out)


if __name__ == "__main__":
    main()
