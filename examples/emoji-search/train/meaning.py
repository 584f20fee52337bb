"""
Version 1.0's space: one dimension per emoji of the vocabulary, and one for what a picture leaves open.

A picture's vector is the probability that it is each emoji, a query's is the share of the gain it gives to each.
Their dot product is the gain that the query can expect of the picture: a picture that might be either of two emoji
answers for both, half as strongly. The last dimension keeps an unsure picture's vector as short as it should be where
it counts, though the bundle's contract asks for unit vectors; queries have 0 there.
"""

import torch
from torch import nn
from torch.nn import functional as F

from image_model import unit
from text_model import TextTower


ABSENT = -1e4


class PictureMeaning(nn.Module):
    """
    [n, 3, 48, 48] pixels -> [n, emoji + 1], L2-normalised: how near a picture is to what each training style drew.
    Every drawing is kept apart (a mixture per emoji), since two styles' mean may look like neither.
    """

    def __init__(self, tower: nn.Module, drawn: torch.Tensor, classes: torch.Tensor, sharpness=20.0, temperature=1.0):
        super().__init__()
        self.tower, self.sharpness, self.temperature = tower, sharpness, temperature
        self.count, self.slots = int(classes.max()) + 1, int(torch.bincount(classes).max())
        vectors = torch.zeros(self.count, self.slots, drawn.shape[1])
        absence = torch.full((self.count, self.slots), ABSENT)
        for index in range(self.count):
            rows = drawn[classes == index]
            vectors[index, : len(rows)] = rows
            absence[index, : len(rows)] = -torch.log(torch.tensor(float(len(rows))))
        self.register_buffer("vectors", vectors.view(-1, drawn.shape[1]).T.contiguous())
        self.register_buffer("absence", absence)

    def logits(self, embedded: torch.Tensor) -> torch.Tensor:
        near = self.sharpness * (embedded @ self.vectors).view(-1, self.count, self.slots) + self.absence
        return torch.logsumexp(near, dim=2) / self.temperature

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        chances = F.softmax(self.logits(self.tower(pixels)), dim=1)
        open_part = torch.sqrt((1.0 - (chances * chances).sum(1, keepdim=True)).clamp(min=1e-6))
        return unit(torch.cat([chances, open_part], dim=1))


class QueryMeaning(nn.Module):
    """ids [n, 64] -> [n, emoji + 1], L2-normalised: text tower, then a softmax over learned emoji vectors."""

    def __init__(self, count: int, dimensions: int = 128, scale: float = 16.0):
        super().__init__()
        self.tower, self.scale = TextTower(dimensions), scale
        self.emoji = nn.Parameter(torch.randn(dimensions, count))

    def logits(self, ids: torch.Tensor) -> torch.Tensor:
        return self.scale * self.tower(ids) @ (self.emoji / self.emoji.norm(dim=0, keepdim=True))

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        shares = F.softmax(self.logits(ids), dim=1)
        return unit(torch.cat([shares, torch.zeros_like(shares[:, :1])], dim=1))
