"""Reads what render.ts left in .cache and in ../dataset."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

HERE = Path(__file__).parent
CACHE = HERE / ".cache"
DATASET = HERE.parent / "dataset"

# Pictures keep their transparency; they are flattened on this colour (chosen on the development style; grey was worse).
BACKGROUND = "#ffffff"

# Styles that share their drawings leave the class means together, or leaving one out would hide nothing.
FAMILIES = {"fluent-emoji": "fluent", "fluent-emoji-flat": "fluent", "fluent-emoji-3d": "fluent"}


def flatten(rgba: np.ndarray, background: str) -> torch.Tensor:
    """[n, h, w, 4] bytes -> [n, 3, h, w] floats in 0..1, on whole byte values as sharp's flatten gives them."""
    ground = np.array([int(background[at : at + 2], 16) for at in (1, 3, 5)], dtype=np.float32)
    alpha = rgba[..., 3:].astype(np.float32) / 255.0
    flat = np.floor(rgba[..., :3] * alpha + ground * (1.0 - alpha))
    return torch.from_numpy(flat.transpose(0, 3, 1, 2).copy()) / 255.0


@dataclass
class Pictures:
    pixels: torch.Tensor  # [n, 3, 48, 48]
    classes: torch.Tensor  # [n], index into the corpus
    families: torch.Tensor  # [n]


class Corpus:
    """The emoji ids in order, the pictures by role and the training terms with their grades."""

    def __init__(self):
        summary = json.loads((CACHE / "corpus.json").read_text())
        self.ids = summary["ids"]
        self.side = summary["side"]
        self.styles = summary["styles"]
        self._drawn = summary["drawn"]
        self._position = {emoji_id: index for index, emoji_id in enumerate(self.ids)}
        self.terms = [term["text"] for term in summary["terms"]]
        self.term_grades = self._grade_matrix([term["grades"] for term in summary["terms"]])

    def _grade_matrix(self, rows) -> np.ndarray:
        grades = np.zeros((len(rows), len(self.ids)), dtype=np.float32)
        for row, graded in enumerate(rows):
            for emoji_id, grade in graded.items():
                if emoji_id in self._position:
                    grades[row, self._position[emoji_id]] = grade
        return grades

    def pictures(self, role: str, background: str = BACKGROUND) -> Pictures:
        pixels, classes, families = [], [], []
        names = [style["name"] for style in self.styles if style["role"] == role]
        family_names = sorted({FAMILIES.get(name, name) for name in names})
        for name in names:
            rgba = np.fromfile(CACHE / f"{name}.rgba", np.uint8).reshape(-1, self.side, self.side, 4)
            pixels.append(flatten(rgba, background))
            classes += [self._position[emoji_id] for emoji_id in self._drawn[name]]
            families += [family_names.index(FAMILIES.get(name, name))] * len(rgba)
        return Pictures(torch.cat(pixels), torch.tensor(classes), torch.tensor(families))

    def queries(self) -> tuple[list[str], np.ndarray]:
        """Returns the texts of the fixed queries and their grades [queries, corpus]."""
        rows = [json.loads(line) for line in (DATASET / "queries.jsonl").read_text().splitlines()]
        graded = {row["_id"]: {} for row in rows}
        with (DATASET / "qrels" / "test.tsv").open() as file:
            for line in csv.DictReader(file, delimiter="\t"):
                graded[line["query-id"]][line["corpus-id"]] = float(line["score"])
        return [row["text"] for row in rows], self._grade_matrix([graded[row["_id"]] for row in rows])
