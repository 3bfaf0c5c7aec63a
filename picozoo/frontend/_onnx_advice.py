"""What to do about node types that no network on a chip can have: one sentence each."""

from __future__ import annotations

from collections.abc import Iterable

_PIXELS = (
    "picozoo decodes no pictures: cut the model behind it and give it pixels (an input of uint8 stays uint8 in the C)"
)
_TEXT = "text must become numbers before it reaches the model: cut the model behind it and give it those"
_OPTIONAL = "there are no optional values, only tensors: export the model without them"
_RANDOM = "its result is drawn at random: make it an input of the model"
_EXTENSIONS = (
    "operators of onnxruntime-extensions prepare data on a computer: export the model without pre- and postprocessing, "
    "or write them in ONNX's own operators (Cast, Resize, Sub, Div, Transpose)"
)
_BY_DOMAIN = {"ai.onnx.contrib": _EXTENSIONS, "com.microsoft.extensions": _EXTENSIONS}
_BY_START = {
    "ImageDecoder": _PIXELS,
    "String": _TEXT,
    "RegexFullMatch": _TEXT,
    "Tokenizer": _TEXT,
    "WordConvEmbedding": _TEXT,
    "CategoryMapper": _TEXT,
    "DictVectorizer": "there are no maps: give its numbers as columns of a tensor, in the order of the vocabulary",
    "CastMap": "there are no maps: give its numbers as columns of a tensor",
    "Optional": _OPTIONAL,
    "Random": _RANDOM,
    "Bernoulli": _RANDOM,
    "Multinomial": _RANDOM,
}


def advice(nodes: Iterable[tuple[str, str]]) -> str:
    """What to do about (domain, node type) pairs, each thing once, as the end of a sentence; "" if nothing is known.

    Example:
        >>> advice([("ai.onnx.ml", "CastMap"), ("", "Frobnicate")])
        '. There are no maps: give its numbers as columns of a tensor'
    """
    found: dict[str, None] = {}
    for domain, kind in nodes:
        told = _BY_DOMAIN.get(domain) or next((v for k, v in _BY_START.items() if kind.startswith(k)), "")
        if told:
            found[told] = None
    return "".join(f". {told[0].upper()}{told[1:]}" for told in found)
