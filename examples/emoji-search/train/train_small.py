"""Trains version 0.9: linear discriminants over fixed features, and a text tower that ranks their class means."""

import torch

from augment import augment
from data import CACHE, Corpus, Pictures
from export import write_bundle
from image_model import LdaTower, class_means, encode
from metrics import describe
from text_model import TextTower, encode_texts, fit_ranker

DIMENSIONS = 128


def fit_lda_tower(trained: Pictures, ground: torch.Tensor, seed: int = 0) -> LdaTower:
    torch.manual_seed(seed)
    copies = [trained.pixels] + [augment(trained.pixels, ground, strength=0.7) for _ in range(2)]
    return LdaTower(dimensions=DIMENSIONS).fit(torch.cat(copies), trained.classes.repeat(len(copies)))


def train_small(corpus: Corpus, ground: torch.Tensor):
    trained, development = corpus.pictures("train"), corpus.pictures("develop")
    images = fit_lda_tower(trained, ground)
    means = class_means(encode(images, trained.pixels), trained.classes, len(corpus.ids))
    torch.manual_seed(0)
    texts = TextTower(DIMENSIONS)
    fit_ranker(texts.parameters(), lambda ids: 16.0 * texts(ids) @ means.T, corpus.terms, corpus.term_grades, epochs=40)
    texts.eval()
    queries, grades = corpus.queries()
    with torch.no_grad():
        asked = texts(encode_texts(queries))
    answers = encode(images, development.pixels)
    print("0.9 development:", describe((asked @ answers.T).numpy(), grades))
    torch.save((texts, images), CACHE / "0.9.pt")
    write_bundle(
        "0.9", "Linear discriminants over gradients and colours; the version in service before 1.0.",
        texts, images, DIMENSIONS,
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    train_small(Corpus(), torch.ones(3, 1, 1))
