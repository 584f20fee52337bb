"""
Scores the versions on the test style. Run once, after everything has been chosen on the development style.
Writes .cache/figures.json, against which parity.ts compares its own.
"""

import json

import torch

from data import CACHE, Corpus
from image_model import encode
from metrics import GAINS, describe, ndcg_per_query
from text_model import encode_texts


def main():
    torch.set_num_threads(1)
    corpus = Corpus()
    texts, grades = corpus.queries()
    right = corpus.pictures("test").pixels
    misread = corpus.pictures("test", background="#000000").pixels.flip(1)  # what 1.1's bundle.json asks for
    figures = {}
    for version, trained_as, pixels in (("0.9", "0.9", right), ("1.0", "1.0", right), ("1.1", "1.0", misread)):
        queries, pictures = torch.load(CACHE / f"{trained_as}.pt")
        with torch.no_grad():
            asked = queries.eval()(encode_texts(texts))
        answers = encode(pictures.eval(), pixels)
        scores = (asked @ answers.T).numpy()
        print(f"{version} test: {describe(scores, grades)}")
        figures[version] = {gain: float(ndcg_per_query(scores, grades, gain).mean()) for gain in GAINS}
    figures["1.2"] = figures["1.0"]
    (CACHE / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
