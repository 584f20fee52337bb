"""Hashed words and character n-grams: a tokenizer without a vocabulary file (`hashed-ngrams` of conclave.bundle/v1)."""

import unicodedata

BUCKETS = 6144
MAX_TOKENS = 64
NGRAMS = (3, 4, 5)

FNV_OFFSET = 0x811C9DC5
FNV_PRIME = 0x01000193


def fnv1a_32(data: bytes) -> int:
    """FNV-1a, 32 bits (Fowler, Noll, Vo)."""
    value = FNV_OFFSET
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & 0xFFFFFFFF
    return value


def split_words(text: str) -> list[str]:
    """Returns the runs of letters and digits (Unicode L* and N*) of the normalised, lower-cased text."""
    normalised = unicodedata.normalize("NFKC", text).lower()
    spaced = "".join(char if unicodedata.category(char)[0] in "LN" else " " for char in normalised)
    return spaced.split(" ") if spaced else []


def tokenize(text: str, buckets: int = BUCKETS, max_tokens: int = MAX_TOKENS, ngrams=NGRAMS) -> list[int]:
    """Returns at most `max_tokens` ids in 1..buckets; 0 is left for padding."""
    ids = []
    for word in filter(None, split_words(text)):
        ids.append(f"w:{word}")
        marked = f"<{word}>"
        for size in ngrams:
            ids.extend(f"g:{marked[start:start + size]}" for start in range(len(marked) - size + 1))
    return [1 + fnv1a_32(token.encode("utf-8")) % buckets for token in ids[:max_tokens]]


def pad(ids: list[int], max_tokens: int = MAX_TOKENS) -> list[int]:
    return ids + [0] * (max_tokens - len(ids))
