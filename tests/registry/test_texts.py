"""The texts of generated files, kept by digest."""

from __future__ import annotations

import pytest

from mvops.core.regeneration import sha256
from mvops.registry.texts import drop_texts, find_text, keep_texts

pytestmark = [
    pytest.mark.real("registry", "sqlite", "texts of generated files"),
    pytest.mark.real("registry", "postgresql", "texts of generated files"),
]


def test_a_text_comes_back_to_the_byte(registry):
    texts = ["", "one\n", "no end", "zwölf\r\n\ttabs\r", "日本 🎈", "%s ' \" ; --"]
    keep_texts(registry, texts)
    keep_texts(registry, [*texts, "later"])
    assert [find_text(registry, sha256(text.encode())) for text in texts] == [text.encode() for text in texts]
    assert find_text(registry, sha256(b"never")) is None
    keep_texts(registry, [])


def test_a_text_that_the_database_cannot_hold_is_as_good_as_none(registry):
    keep_texts(registry, ["with \x00"])
    assert find_text(registry, sha256(b"with \x00")) is None


def test_what_is_no_longer_named_goes(registry):
    texts = [f"text {n}" for n in range(1200)]
    keep_texts(registry, texts)
    named = {sha256(text.encode()) for text in texts[:2]}
    drop_texts(registry, but=named)
    assert [find_text(registry, sha256(text.encode())) is not None for text in texts[:4]] == [True, True, False, False]
    drop_texts(registry, but=named)
    drop_texts(registry, but=())
    assert find_text(registry, sha256(texts[0].encode())) is None
