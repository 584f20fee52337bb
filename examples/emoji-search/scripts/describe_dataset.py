"""Counts documents, queries and grades of the validation set. An example of a script that run_python_script may run.

It needs nothing but Python's standard library and prints one JSON object as its last line, which the tool hands on.
"""

import json
from collections import Counter
from pathlib import Path

DATASET = Path(__file__).resolve().parent.parent / "dataset"


def main() -> None:
    lines = (DATASET / "qrels" / "test.tsv").read_text(encoding="utf-8").splitlines()[1:]
    judged = [line.split("\t") for line in lines if line]
    per_query = Counter(query for query, _document, _grade in judged)
    print(
        json.dumps(
            {
                "documents": sum(1 for line in (DATASET / "corpus.jsonl").open(encoding="utf-8") if line.strip()),
                "queries": len(per_query),
                "judgements": len(judged),
                "grades": dict(sorted(Counter(grade for _query, _document, grade in judged).items())),
                "single_answer_queries": sum(1 for count in per_query.values() if count == 1),
            }
        )
    )


if __name__ == "__main__":
    main()
