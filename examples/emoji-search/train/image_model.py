"""The picture tower: linear discriminants over fixed features. Linear, so it fits in seconds and transfers well."""

import torch
from torch import nn

from features import HogAndColour, fit_lda


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """L2-normalises rows; written out so that ONNX opset 13 gets plain operators."""
    return vectors / (vectors.norm(dim=1, keepdim=True) + 1e-6)


class LdaTower(nn.Module):
    """[n, 3, 48, 48] pixels in 0..1 -> [n, dimensions], L2-normalised."""

    def __init__(self, features: nn.Module | None = None, dimensions: int = 128):
        super().__init__()
        self.features = features or HogAndColour()
        with torch.no_grad():
            size = self.features(torch.zeros(1, 3, 48, 48)).shape[1]
        self.project = nn.Linear(size, dimensions)

    def fit(self, pixels: torch.Tensor, classes: torch.Tensor, shrinkage: float = 0.05) -> "LdaTower":
        with torch.no_grad():
            weight, mean = fit_lda(encode(self.features, pixels), classes, self.project.out_features, shrinkage)
            self.project.weight.copy_(weight)
            self.project.bias.copy_(-weight @ mean)
        return self

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return unit(self.project(self.features(pixels)))


def class_means(embeddings: torch.Tensor, classes: torch.Tensor, count: int) -> torch.Tensor:
    return unit(torch.zeros(count, embeddings.shape[1]).index_add_(0, classes, embeddings))


@torch.no_grad()
def encode(module: nn.Module, pixels: torch.Tensor, batch: int = 256) -> torch.Tensor:
    return torch.cat([module(pixels[start : start + batch]) for start in range(0, len(pixels), batch)])
