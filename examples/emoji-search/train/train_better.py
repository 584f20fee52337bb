"""Trains version 1.0 and writes it with its two faulty successors, 1.1 and 1.2."""

import torch

from data import CACHE, Corpus
from export import write_bundle, write_variant
from image_model import encode
from meaning import PictureMeaning, QueryMeaning
from metrics import describe
from text_model import encode_texts, fit_ranker
from train_small import fit_lda_tower


def train_queries(corpus: Corpus, epochs: int = 24, seed: int = 1) -> QueryMeaning:
    torch.manual_seed(seed)
    queries = QueryMeaning(len(corpus.ids))
    fit_ranker(queries.parameters(), queries.logits, corpus.terms, corpus.term_grades, epochs, batch=64)
    return queries.eval()


def train_better(corpus: Corpus, ground: torch.Tensor):
    trained, development = corpus.pictures("train"), corpus.pictures("develop")
    tower = fit_lda_tower(trained, ground)
    pictures = PictureMeaning(tower, encode(tower, trained.pixels), trained.classes).eval()
    queries = train_queries(corpus)
    texts, grades = corpus.queries()
    with torch.no_grad():
        asked = queries(encode_texts(texts))
    print("1.0 development:", describe((asked @ encode(pictures, development.pixels).T).numpy(), grades))
    torch.save((queries, pictures), CACHE / "1.0.pt")
    return queries, pictures


def write_versions(queries, pictures, dimensions: int):
    write_bundle(
        "1.0", "Says how likely a picture is to be each emoji; answers by the gain a query can expect.",
        queries, pictures, dimensions,
    )
    write_variant(
        "1.1", "1.0", "A faulty candidate: 1.0 behind a decoder that gives BGR and drops alpha, as OpenCV's imread does.",
        dimensions, channels="BGR", background="#000000",
    )
    write_variant(
        "1.2", "1.0", "A faulty candidate: 1.0 that encodes all pictures for every query instead of keeping an index.",
        dimensions, index="per_query",
    )


if __name__ == "__main__":
    torch.set_num_threads(1)
    corpus = Corpus()
    queries, pictures = train_better(corpus, torch.ones(3, 1, 1))
    write_versions(queries, pictures, len(corpus.ids) + 1)
