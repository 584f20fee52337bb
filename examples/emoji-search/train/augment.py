"""Random changes that stand for what another artist might draw: place, shape, colour, line."""

import torch
from torch.nn import functional as F


def _warp(pixels: torch.Tensor, ground: torch.Tensor, strength: float) -> torch.Tensor:
    count, side = len(pixels), pixels.shape[-1]
    angle = torch.randn(count) * 0.15 * strength
    scale_x = torch.exp(torch.randn(count) * 0.10 * strength + 0.03)
    scale_y = torch.exp(torch.randn(count) * 0.10 * strength + 0.03)
    shear = torch.randn(count) * 0.10 * strength
    cos, sin = torch.cos(angle), torch.sin(angle)
    rows = torch.stack(
        [
            torch.stack([cos * scale_x, (-sin + shear) * scale_y, torch.randn(count) * 0.06 * strength], 1),
            torch.stack([sin * scale_x, cos * scale_y, torch.randn(count) * 0.06 * strength], 1),
        ],
        1,
    )
    grid = F.affine_grid(rows, list(pixels.shape), align_corners=False)
    bend = torch.randn(count, 2, 5, 5) * 0.05 * strength
    grid = grid + F.interpolate(bend, size=(side, side), mode="bicubic", align_corners=True).permute(0, 2, 3, 1)
    return F.grid_sample(pixels - ground, grid, padding_mode="zeros", align_corners=False) + ground


def _recolour(pixels: torch.Tensor, strength: float) -> torch.Tensor:
    count = len(pixels)
    mixing = torch.eye(3) + torch.randn(count, 3, 3) * 0.06 * strength
    mixed = torch.einsum("nij,njhw->nihw", mixing, pixels)
    grey = mixed.mean(1, keepdim=True)
    saturation = torch.exp(torch.randn(count, 1, 1, 1) * 0.3 * strength)
    contrast = torch.exp(torch.randn(count, 1, 1, 1) * 0.15 * strength)
    shift = torch.randn(count, 3, 1, 1) * 0.04 * strength
    return ((grey + (mixed - grey) * saturation) - 0.5) * contrast + 0.5 + shift


def _redraw_lines(pixels: torch.Tensor) -> torch.Tensor:
    """Darkens or lightens along edges, blurs or sharpens: outlines are what styles differ in most."""
    count = len(pixels)
    blurred = F.avg_pool2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), 3, 1)
    edges = (pixels - blurred).abs().mean(1, keepdim=True)
    outline = torch.randn(count, 1, 1, 1) * (torch.rand(count, 1, 1, 1) < 0.4)
    sharpen = torch.randn(count, 1, 1, 1) * 0.5
    return pixels + sharpen * (pixels - blurred) - 2.0 * outline * edges


def augment(pixels: torch.Tensor, ground: torch.Tensor, strength: float = 1.0) -> torch.Tensor:
    """ground is the background colour [3, 1, 1] that moves into the picture at the borders."""
    changed = _recolour(_redraw_lines(pixels), strength)
    keep = (torch.rand(len(pixels), 1, 1, 1) < 0.15).float()
    changed = keep * pixels + (1.0 - keep) * changed
    return _warp(changed, ground, strength).clamp(0.0, 1.0)
