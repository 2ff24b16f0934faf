"""An extractive summary: the sentences whose words are the most frequent ones, in the order they were written."""

# ruff: noqa: RUF001 - full-width marks end sentences
from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass

LONGEST_SENTENCE = 2000  # characters; longer runs without an end mark are cut into sentences of this size
SHARE = 0.2  # of the sentences are kept, at least FEWEST and at most MOST
FEWEST, MOST = 3, 50

_SENTENCE_END = re.compile(
    r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)\]])\s+"  # an end mark counts only before white space: 3.14 stays whole
    r"|(?<=[。！？｡])(?![。！？｡」』”）])|(?<=[。！？｡][」』”）])"
    r"|\n+"
)
# Scripts written without spaces are read in pairs of characters: the usual unit where words cannot be split.
_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\u0e00-\u0e7f\uff66-\uff9f"
_WORD = re.compile(rf"[{_UNSPACED}]+|[^\W_{_UNSPACED}]+")
_FIRST_UNSPACED = re.compile(rf"[{_UNSPACED}]")
_COMMON = frozenset(
    [
        "a",
        "an",
        "and",
        "are",
        "as",
        "at",
        "be",
        "been",
        "but",
        "by",
        "can",
        "do",
        "for",
        "from",
        "had",
        "has",
        "have",
        "he",
        "her",
        "his",
        "i",
        "if",
        "in",
        "into",
        "is",
        "it",
        "its",
        "me",
        "my",
        "no",
        "not",
        "of",
        "on",
        "or",
        "our",
        "she",
        "so",
        "such",
        "than",
        "that",
        "the",
        "their",
        "them",
        "then",
        "there",
        "these",
        "they",
        "this",
        "to",
        "was",
        "we",
        "were",
        "what",
        "when",
        "which",
        "who",
        "will",
        "with",
        "would",
        "you",
        "your",
    ]
)


@dataclass(frozen=True, slots=True)
class _Sentence:
    place: int
    text: str
    words: tuple[str, ...]


def summarize(text: str, room: int) -> tuple[str, bool]:
    """At most `room` bytes of UTF-8, and whether all chosen sentences fitted."""
    sentences = _sentences(text)
    chosen = _best(sentences)
    summary = " ".join(sentence.text for sentence in chosen)
    data = summary.encode("utf-8", "replace")
    return data[:room].decode("utf-8", "ignore").rstrip(), len(data) <= room


def _sentences(text: str) -> list[_Sentence]:
    cut = (part for whole in _SENTENCE_END.split(text) for part in _short(whole))
    seen = dict.fromkeys(" ".join(part.split()) for part in cut)  # a repeated sentence counts once
    seen.pop("", None)
    return [_Sentence(place, part, _words(part)) for place, part in enumerate(seen)]


def _short(sentence: str) -> list[str]:
    return [sentence[at : at + LONGEST_SENTENCE] for at in range(0, len(sentence), LONGEST_SENTENCE)]


def _words(sentence: str) -> tuple[str, ...]:
    words: list[str] = []
    for word in _WORD.findall(sentence.lower()):
        if _FIRST_UNSPACED.match(word) and len(word) > 1:
            words.extend(word[at : at + 2] for at in range(len(word) - 1))
        elif word not in _COMMON:
            words.append(word)
    return tuple(words)


def _best(sentences: list[_Sentence]) -> list[_Sentence]:
    frequency = Counter(word for sentence in sentences for word in sentence.words)
    keep = min(MOST, max(FEWEST, math.ceil(len(sentences) * SHARE)))
    ranked = sorted(sentences, key=lambda sentence: (-_score(sentence, frequency), sentence.place))
    return sorted(ranked[:keep], key=lambda sentence: sentence.place)


def _score(sentence: _Sentence, frequency: Counter[str]) -> float:
    # The root keeps long sentences from winning by length alone and short ones by a single frequent word.
    return sum(frequency[word] for word in set(sentence.words)) / math.sqrt(len(sentence.words) or 1)
