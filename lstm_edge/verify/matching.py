"""Settings of texts held against the user's own examples, and others that would fit them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from lstm_edge.base.arrays import Array, Ids, Probabilities
from lstm_edge.bundle.opening import Bundle
from lstm_edge.errors import InputError
from lstm_edge.inputs.batches import Batch, evenly
from lstm_edge.inputs.expected import Expected
from lstm_edge.inputs.label_names import Labels, resolve_labels
from lstm_edge.inputs.preprocessing import (
    CHARACTERS,
    EXAMPLES,
    MODEL,
    TRAINING,
    VOCABULARY,
    Preprocessing,
    spelled,
)
from lstm_edge.inputs.tokenizer import SIDES, TextSettings, splitter
from lstm_edge.inputs.vocabulary import Vocabulary
from lstm_edge.results.answers import classes_of
from lstm_edge.results.parity import Check
from lstm_edge.runtimes.runners import IdsRunner, Runner
from lstm_edge.verify.sense import is_clear

# Numbers that were printed agree to three digits.
SAME_ANSWER = 1e-3
# Labelled texts that settings are held against, each with some twenty others: so many ids in all, but
# enough texts to tell anything.
_LABELLED_IDS, _FEWEST, _MOST = 100_000, 100, 1000
# With labels alone settings are better when they are right on this share more of the examples.
_GAIN = 0.05
SETTINGS = "settings of texts"

# What the words of a text are made of, as tokenisers mostly do it.
_FILTERS = tuple(
    {"filters": CHARACTERS[filters], "deleted": CHARACTERS[deleted]}
    for filters, deleted in (
        *(("keras", "none"), ("none", "none"), ("whitespace", "punctuation")),
        *(("whitespace", "none"), ("keras-and-apostrophe", "none")),
    )
)
_CASES = (
    {"lower": True, "lower_ascii": False},
    {"lower": False, "lower_ascii": False},
    {"lower": True, "lower_ascii": True},
)


@dataclass(frozen=True)
class Match:
    """What examples say of settings.

    Attributes:
        preprocessing: with what they have settled.
        said: sentences for the user.
    """

    preprocessing: Preprocessing
    said: tuple[str, ...]


def hold(
    expected: Expected,
    settings: TextSettings,
    preprocessing: Preprocessing,
    vocabulary: Vocabulary | None,
    reference: IdsRunner,
    *,
    rows: int,
    names: Sequence[str],
    label_values: Sequence[str] | None,
) -> Match:
    """Hold settings against examples, text to answer.

    Args:
        vocabulary: None: the examples are ids.
        reference: Keras on rows of ids.
        rows: of the embedding.
        names, label_values: of the classes.

    Raises:
        InputError: an example differs; the settings that agree with all of them are named.
    """
    if expected.texts is not None and vocabulary is None:
        raise InputError(
            f"the examples {expected.name} are texts, and there is no vocabulary: give `vocab`"
        )
    classes = None
    if expected.labels is not None:
        classes = resolve_labels(expected.labels, names, label_values)
    search = _Search(expected, vocabulary, reference, rows, classes)
    varied = _varied(preprocessing)
    others = list(_others(settings, varied, rows))
    if expected.outputs is None and (expected.ids is None or expected.texts is None):
        return _by_labels(search, settings, preprocessing, others)
    agreeing = search.agreeing([settings, *others])
    total = len(expected)
    if settings in agreeing:
        untold = _untold(preprocessing, settings, agreeing)
        sources = {
            name: EXAMPLES if name in preprocessing.assumed and name not in untold else source
            for name, source in preprocessing.sources.items()
        }
        said = [f"{_many(total)} of {expected.name} agree with these settings"]
        if untold:
            said.append(
                f"none of them tells {', '.join(untold)} from another setting: what was not given of "
                "these stays assumed"
            )
        return Match(Preprocessing(sources, total, untold), tuple(said))
    differing = search.differing(settings)
    used = f"{differing} of your {_many(total)} differ with " + _options(
        settings, agreeing[0] if agreeing else settings, varied, settings
    )
    if not agreeing:
        raise InputError(
            f"{used}; no other setting that was tried ({len(others):,}) agrees with all of them: "
            "make sure that they come from this model and this vocabulary"
        )
    nearest = min(agreeing, key=lambda s: len(_differences(settings, s)))
    changed = _differences(settings, nearest)
    open_names = [n for n in _untold(preprocessing, nearest, agreeing) if n not in changed]
    also = f" (they tell nothing of {', '.join(open_names)})" if open_names else ""
    raise InputError(
        f"{used}; they agree with {_options(settings, nearest, varied, nearest)}{also}: export with "
        "these, if that is how the model was trained"
    )


def _untold(
    preprocessing: Preprocessing, settings: TextSettings, agreeing: Sequence[TextSettings]
) -> tuple[str, ...]:
    """In what others that agree as well differ; what a vocabulary or a run says is not asked."""
    return tuple(
        name
        for name in _varied(preprocessing)
        if preprocessing.sources[name] not in (VOCABULARY, TRAINING)
        and any(getattr(other, name) != getattr(settings, name) for other in agreeing)
    )


def _varied(preprocessing: Preprocessing) -> list[str]:
    """The settings that could be others: all but those of the model itself."""
    sources = preprocessing.sources.items()
    return [name for name, source in sources if source != MODEL and name != "max_length"]


def _many(count: int) -> str:
    return f"{count} example{'s' if count != 1 else ''}"


def _differences(one: TextSettings, other: TextSettings) -> list[str]:
    return [n for n, value in one.to_json().items() if value != getattr(other, n)]


def _options(
    used: TextSettings, other: TextSettings, varied: Sequence[str], shown: TextSettings
) -> str:
    """Settings in which two differ, as arguments; all that were varied where they are the same."""
    names = _differences(used, other) or list(varied)
    return " ".join(f"`{name}={value}`" for name, value in spelled(shown.to_json(), names))


def _others(settings: TextSettings, varied: Sequence[str], rows: int) -> Iterator[TextSettings]:
    """Settings as tokenisers mostly have them, in what may vary."""

    def one_of(name: str, values: Iterable[Any]) -> list[dict[str, Any]]:
        if name not in varied:
            return [{}]
        return [{name: value} for value in dict.fromkeys([getattr(settings, name), *values])]

    def several(name: str, ways: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        if name not in varied or settings.characters or settings.pattern is not None:
            return [{}]
        return [{n: getattr(settings, n) for n in ways[0]}, *ways]

    ids = [i for i in (None, 1, 2, rows - 1) if i is None or i < rows]
    choices = [
        several("filters", _FILTERS),
        several("lower", _CASES),
        one_of("first_word_id", [i for i in range(5) if i < rows]),
        one_of("unknown_id", ids),
        one_of("start_id", ids[:3]),
        one_of("truncating", SIDES),
        one_of("padding", SIDES),
    ]
    seen = {settings}
    for changes in itertools.product(*choices):
        other = replace(settings, **{k: v for change in changes for k, v in change.items()})
        if other not in seen:
            seen.add(other)
            yield other


class _Search:
    """Answers of examples under settings; what several settings share is made once."""

    def __init__(
        self,
        expected: Expected,
        vocabulary: Vocabulary | None,
        reference: IdsRunner,
        rows: int,
        classes: Labels | None,
    ) -> None:
        self.expected, self.vocabulary, self.reference = expected, vocabulary, reference
        self.rows, self.classes = rows, classes
        self._words: dict[Any, list[list[str]]] = {}
        self._ids: dict[int, dict[str, int]] = {}
        self._answers: dict[bytes, Probabilities] = {}

    def agreeing(self, candidates: Sequence[TextSettings]) -> list[TextSettings]:
        """Those that agree with every example; most fall at the first few."""
        left = list(candidates)
        for at in range(len(self.expected)):
            right = self._right(left, at)
            left = [candidate for candidate, ok in zip(left, right, strict=True) if ok]
            if not left:
                break
        return left

    def differing(self, settings: TextSettings) -> int:
        """How many examples differ."""
        return sum(not self._right([settings], at)[0] for at in range(len(self.expected)))

    def right(self, settings: TextSettings) -> npt.NDArray[np.bool_]:
        """Which labels Keras gives with these settings: bool [N]."""
        rows = [self._row(settings, at) for at in range(len(self.expected))]
        return np.asarray(classes_of(self._run(rows)) == self.classes)

    def _right(self, candidates: Sequence[TextSettings], at: int) -> list[bool]:
        expected = self.expected
        if expected.texts is not None and expected.ids is not None:
            right = [self._same_ids(candidate, at) for candidate in candidates]
        else:
            right = [True] * len(candidates)
        if expected.outputs is None:
            return right
        rows = [self._row(candidate, at) for candidate in candidates]
        answers = self._run(rows)
        return [
            ok and _same_answer(answer, expected.outputs[at])
            for ok, answer in zip(right, answers, strict=True)
        ]

    def _same_ids(self, settings: TextSettings, at: int) -> bool:
        """Whether they are the user's: padded, or cut only, or as the text has them."""
        theirs = self.expected.ids[at] if self.expected.ids is not None else None
        every = self._every_id(settings, at)
        if theirs is None:
            raise AssertionError(self.expected.name)
        if len(theirs) == settings.max_length:
            return bool(np.array_equal(settings.padded([every])[0], theirs))
        ours = every if len(theirs) > settings.max_length else settings.kept(every)
        return bool(np.array_equal(ours, theirs))

    def _every_id(self, settings: TextSettings, at: int) -> Any:
        if self.expected.texts is None:
            return self.expected.ids[at] if self.expected.ids is not None else []
        vocabulary = self.vocabulary
        if vocabulary is None:
            raise AssertionError(self.expected.name)
        # what makes words of texts does not look at the other settings
        way = replace(settings, max_length=1, start_id=None, unknown_id=None, first_word_id=0)
        way = replace(way, padding="pre", truncating="pre")
        if way not in self._words:
            words = splitter(way)
            self._words[way] = [words(text) for text in self.expected.texts]
        shift = settings.first_word_id - vocabulary.settings.first_word_id
        if shift not in self._ids:
            moved = {word: i + shift for word, i in vocabulary.words.items()}
            self._ids[shift] = {w: i for w, i in moved.items() if 0 <= i < self.rows}
        ids, unknown = self._ids[shift], settings.unknown_id
        found = (ids.get(word, unknown) for word in self._words[way][at])
        start = [] if settings.start_id is None else [settings.start_id]
        return start + [i for i in found if i is not None]

    def _row(self, settings: TextSettings, at: int) -> Ids:
        every = self._every_id(settings, at)
        free = self.reference.pads == "none"
        row: Ids = settings.kept(every) if free else settings.padded([every])[0]
        return row

    def _run(self, rows: Sequence[Ids]) -> Probabilities:
        missing = {row.tobytes(): row for row in rows if row.tobytes() not in self._answers}
        if missing:
            # a row that is whole is neither cut nor padded
            outputs = self.reference.run_sequences(list(missing.values()))
            self._answers |= zip(missing, outputs, strict=True)
        return np.stack([self._answers[row.tobytes()] for row in rows])


def _same_answer(ours: Array, theirs: Array) -> bool:
    if len(ours) == 1 and len(theirs) == 2:  # of one sigmoid unit, both classes' shares
        theirs = theirs[1:]
    return len(ours) == len(theirs) and bool(np.abs(ours - theirs).max() <= SAME_ANSWER)


# Settings that go together; else one at a time is changed, where only labels tell.
_TOGETHER = (
    *({"padding", "truncating"}, {"filters", "deleted"}, {"lower", "lower_ascii"}),
    {"start_id", "first_word_id"},
)


def _is_near(differences: Sequence[str]) -> bool:
    return len(differences) == 1 or any(set(differences) <= group for group in _TOGETHER)


def _by_labels(
    search: _Search,
    settings: TextSettings,
    preprocessing: Preprocessing,
    others: Sequence[TextSettings],
) -> Match:
    """Labels tell less: which of the settings that differ in one thing is right most often."""
    best = _better(search, settings, others)
    if best is not None:
        raise InputError(
            f"{_rather(search, settings, best, 'your ')}; or give examples with ids or probabilities, "
            "which tell more"
        )
    used = search.right(settings)
    count, share = len(used), used.mean()
    said = (
        f"Keras is right on {share:.1%} of {_many(count)} of {search.expected.name}, and not clearly on "
        "more with other settings; labels alone do not settle what is assumed",
    )
    return Match(preprocessing, said)


def _rather(search: _Search, settings: TextSettings, best: TextSettings, whose: str = "") -> str:
    """What is said where other settings are right far more often."""
    used, right = search.right(settings), search.right(best)
    return (
        f"Keras is right on {used.mean():.1%} of {whose}{_many(len(used))} with "
        f"{_options(settings, best, (), settings)}, and on {right.mean():.1%} with "
        f"{_options(settings, best, (), best)}: export with these, if that is how the model was trained"
    )


def _better(
    search: _Search, settings: TextSettings, others: Sequence[TextSettings]
) -> TextSettings | None:
    """Of settings that differ in one thing those that are right far more often, where any are."""
    near = [other for other in others if _is_near(_differences(settings, other))]
    best = max(near, key=lambda other: int(search.right(other).sum()), default=settings)
    ours, theirs = search.right(settings), search.right(best)
    more, less = int((theirs & ~ours).sum()), int((ours & ~theirs).sum())
    gains = more - less >= _GAIN * len(ours)
    return best if gains and is_clear(more, less, math.log(len(near) or 1)) else None


def check_labels(bundle: Bundle, batch: Batch, reference: Runner) -> list[Check]:
    """Whether other settings than those that are assumed fit labelled texts far better.

    Args:
        batch: texts with their classes, of which some are looked at; any other says nothing.
        reference: Keras on rows of ids.
    """
    described = bundle.described_preprocessing()
    if described is None or batch.texts is None or batch.classes is None:
        return []
    preprocessing, length = Preprocessing.from_json(described), described["settings"]["max_length"]
    places = evenly(len(batch), min(max(_LABELLED_IDS // length, _FEWEST), _MOST))
    texts, classes = tuple(batch.texts[i] for i in places), batch.classes[places]
    if not preprocessing.assumed or len(np.unique(classes)) < 2:
        return []
    tokenizer = bundle.tokenizer()  # a vocabulary is read: not for every window that tells nothing
    if tokenizer is None:
        return []
    settings, rows = tokenizer.settings, described["num_ids"]
    first = settings.first_word_id
    words = {word: i for i, word in enumerate(tokenizer.tokens[first:], first)}
    search = _Search(
        Expected("data", texts, None, None, None),
        Vocabulary("of the bundle", words, settings, {}),
        cast(IdsRunner, reference),
        rows,
        classes,
    )
    others = list(_others(settings, _varied(preprocessing), rows))
    best = _better(search, settings, others)
    if best is None:
        detail = f"no others are right far more often on {_many(len(texts))}"
        return [Check(SETTINGS, True, detail)]
    return [Check(SETTINGS, False, _rather(search, settings, best))]
