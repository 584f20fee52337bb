"""The query tower: hashed tokens -> weighted mean -> small MLP -> unit vector."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tokenizer import BUCKETS, MAX_TOKENS, pad, tokenize


class TextTower(nn.Module):
    """ids [n, 64] (0 is padding) -> [n, dimensions], L2-normalised."""

    def __init__(self, dimensions: int, width: int = 128, hidden: int = 256):
        super().__init__()
        self.tokens = nn.Embedding(BUCKETS + 1, width, padding_idx=0)
        self.weights = nn.Embedding(BUCKETS + 1, 1)
        nn.init.normal_(self.tokens.weight, std=0.3)
        nn.init.zeros_(self.weights.weight)
        self.hidden = nn.Linear(width, hidden)
        self.out = nn.Linear(hidden, dimensions)
        self.skip = nn.Linear(width, dimensions, bias=False)
        self.dropout = nn.Dropout(0.1)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        present = (ids > 0).float()
        weight = torch.exp(self.weights(ids).squeeze(2)) * present
        mean = (self.tokens(ids) * weight.unsqueeze(2)).sum(1) / (weight.sum(1, keepdim=True) + 1e-6)
        mean = self.dropout(mean)
        raw = self.out(F.relu(self.hidden(mean))) + self.skip(mean)
        return raw / (raw.norm(dim=1, keepdim=True) + 1e-6)


def encode_texts(texts: list[str]) -> torch.Tensor:
    return torch.tensor([pad(tokenize(text)) for text in texts], dtype=torch.int64).view(-1, MAX_TOKENS)


def listwise_loss(logits: torch.Tensor, grades: torch.Tensor) -> torch.Tensor:
    """Cross-entropy between the softmax of the scores and the share each document has of the gain."""
    target = grades / grades.sum(1, keepdim=True).clamp(min=1e-6)
    return -(target * F.log_softmax(logits, dim=1)).sum(1).mean()


def fit_ranker(parameters, logits, terms: list[str], grades: np.ndarray, epochs: int, seed: int = 0, batch: int = 256):
    """Fits `parameters` so that `logits(ids)` [n, documents] rank the terms' documents by their grades."""
    torch.manual_seed(seed)
    ids, graded = encode_texts(terms), torch.from_numpy(grades)
    usable = (graded.sum(1) > 0).nonzero().squeeze(1)
    optimiser = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-3)
    per_epoch = len(usable) // batch
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=epochs * per_epoch + 1)
    for epoch in range(epochs):
        order, total = usable[torch.randperm(len(usable))], 0.0
        for rows in order.split(batch)[:per_epoch]:
            loss = listwise_loss(logits(ids[rows]), graded[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        if epoch % 10 == 9:
            print(f"text epoch {epoch + 1}: loss {total / per_epoch:.4f}", flush=True)
