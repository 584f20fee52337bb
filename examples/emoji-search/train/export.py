"""Writes bundles of conclave.bundle/v1: two ONNX graphs and bundle.json."""

import json
import shutil
from pathlib import Path

import torch

from tokenizer import BUCKETS, MAX_TOKENS, NGRAMS

BUNDLES = Path(__file__).parent.parent / "bundles"
OPSET = 13


def export_graph(module, example, path: Path, input_name: str):
    torch.onnx.export(
        module.eval(), example, str(path), opset_version=OPSET, do_constant_folding=True,
        input_names=[input_name], output_names=["embedding"],
        dynamic_axes={input_name: {0: "batch"}, "embedding": {0: "batch"}},
    )


def bundle_json(version: str, description: str, dimensions: int, channels="RGB", background="#ffffff", index="on_load") -> dict:
    return {
        "schema": "conclave.bundle/v1",
        "model": "emoji-search",
        "version": version,
        "description": description,
        "task": "retrieval",
        "embedding": {"dimensions": dimensions},
        "query": {
            "kind": "text",
            "onnx": "text.onnx",
            "tokenizer": {
                "kind": "hashed-ngrams", "buckets": BUCKETS, "maxTokens": MAX_TOKENS, "ngrams": list(NGRAMS),
            },
            "input": "ids",
            "output": "embedding",
        },
        "documents": {
            "kind": "pictures",
            "onnx": "image.onnx",
            "input": "pixels",
            "output": "embedding",
            "picture": {
                "width": 48, "height": 48, "channels": channels, "background": background,
                "scale": 1 / 255, "mean": [0, 0, 0], "std": [1, 1, 1],
            },
            "index": index,
        },
    }


def write_bundle(version, description, text_tower, image_tower, dimensions):
    folder = BUNDLES / version
    folder.mkdir(parents=True, exist_ok=True)
    export_graph(text_tower, torch.ones(2, MAX_TOKENS, dtype=torch.int64), folder / "text.onnx", "ids")
    export_graph(image_tower, torch.rand(2, 3, 48, 48), folder / "image.onnx", "pixels")
    _write_json(folder, bundle_json(version, description, dimensions))


def write_variant(version, of, description, dimensions, **changes):
    """Writes a bundle with the graphs of another and changes in bundle.json: a candidate with a fault in it."""
    folder = BUNDLES / version
    folder.mkdir(parents=True, exist_ok=True)
    for graph in ("text.onnx", "image.onnx"):
        shutil.copyfile(BUNDLES / of / graph, folder / graph)
    _write_json(folder, bundle_json(version, description, dimensions, **changes))


def _write_json(folder: Path, content: dict):
    (folder / "bundle.json").write_text(json.dumps(content, indent=2) + "\n")
