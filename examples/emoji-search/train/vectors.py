"""Writes ../tokenizer-vectors.json, against which other implementations of the tokenizer are tested."""

import json
from pathlib import Path

from tokenizer import tokenize

TEXTS = [
    "", " \t\n", "cat", "Cat", "CRÈME brûlée", "cafe\u0301", "naïve Ærøskøbing", "o’clock 12:30", "hot-dog, ketchup & fries!",
    "🐱", "🐱 cat", "日本語", "寿司 sushi", "かな カナ", "ｆｕｌｌ ｗｉｄｔｈ", "ﬁre ﬂy", "Ⅻ ½ x²", "İstanbul ISPARTA", "straße STRASSE",
    "ΣΊΣΥΦΟΣ", "привет мир", "हिन्दी", "under_score", "a", "ab", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢", "𐐀𐐨",
    "a very long description of a picture that goes on and on past every limit of sixty four tokens",
    "pneumonoultramicroscopicsilicovolcanoconiosis pneumonoultramicroscopicsilicovolcanoconiosis",
]

if __name__ == "__main__":
    lines = [json.dumps({"text": text, "ids": tokenize(text)}, ensure_ascii=False) for text in TEXTS]
    path = Path(__file__).parent.parent / "tokenizer-vectors.json"
    path.write_text("[\n  " + ",\n  ".join(lines) + "\n]\n", encoding="utf-8")
    print(f"{len(TEXTS)} vectors")
