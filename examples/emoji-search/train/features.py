"""Fixed features that need no training: histograms of oriented gradients and a grid of colours, inside the graph."""

import math

import torch
from torch import nn
from torch.nn import functional as F

ORIENTATIONS = 8


class HogAndColour(nn.Module):
    """[n, 3, 48, 48] pixels in 0..1 -> [n, size] features."""

    def __init__(self, side: int = 48, hog_cells: int = 8, colour_cells: int = 6):
        super().__init__()
        self.side, self.hog_cells, self.colour_cells = side, hog_cells, colour_cells
        sobel = torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]) / 8.0
        luma = torch.tensor([0.299, 0.587, 0.114])
        directions = []
        for step in range(ORIENTATIONS):
            angle = 2.0 * math.pi * step / ORIENTATIONS
            kernel = math.cos(angle) * sobel + math.sin(angle) * sobel.T
            directions.append(luma[:, None, None] * kernel)
        self.register_buffer("directions", torch.stack(directions))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        gradients = F.relu(F.conv2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), self.directions))
        cell = self.side // self.hog_cells
        histogram = torch.sqrt(F.avg_pool2d(gradients, cell) + 1e-4).flatten(1)
        histogram = histogram / (histogram.norm(dim=1, keepdim=True) + 1e-6)
        colour = F.avg_pool2d(pixels, self.side // self.colour_cells).flatten(1)
        return torch.cat([4.0 * histogram, 0.5 * colour], dim=1)


def fit_lda(features: torch.Tensor, classes: torch.Tensor, dimensions: int, shrinkage: float = 0.1):
    """
    Linear discriminant analysis: returns (weight [dimensions, size], mean [size]) of the directions in which
    classes differ most against how styles differ within a class; shrinkage is the share of the mean variance added.
    """
    features = features.double()
    count = int(classes.max()) + 1
    sums = torch.zeros(count, features.shape[1], dtype=torch.float64).index_add_(0, classes, features)
    sizes = torch.bincount(classes, minlength=count).clamp(min=1).double()[:, None]
    means = sums / sizes
    centred = features - means[classes]
    within = centred.T @ centred / len(features)
    within += shrinkage * torch.trace(within) / len(within) * torch.eye(len(within), dtype=torch.float64)
    between = (means - means.mean(0)).T @ (means - means.mean(0)) / count
    values, vectors = torch.linalg.eigh(within)
    whiten = vectors @ torch.diag(values.rsqrt()) @ vectors.T
    _, axes = torch.linalg.eigh(whiten @ between @ whiten)
    weight = (whiten @ axes[:, -dimensions:].flip(1)).T
    return weight.float(), means.mean(0).float()
