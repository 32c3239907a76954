"""How texts become ids, setting by setting, and what says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from lstm_edge.base import gate
from lstm_edge.errors import InputError
from lstm_edge.inputs.tokenizer import KERAS_FILTERS, SIDES, TextSettings, portable_pattern

# What says a setting.
OPTION, MODEL, VOCABULARY, TRAINING, EXAMPLES, ASSUMED = (
    *("option", "model", "vocabulary", "training"),
    *("examples", "assumed"),
)
# Settings that count without a vocabulary too.
SIDE_SETTINGS = ("padding", "truncating")
# Ways that most tokenisers do not go: named only where one does.
_OTHER_WAYS = ("lower_ascii", "deleted", "characters", "pattern")
# What TextVectorization deletes, and where it splits.
PUNCTUATION = "!\"#$%&()*+,-./:;<=>?@[\\]^_`{|}~'"
WHITESPACE = "\t\n\v\f\r"
_DEFAULTS = {field.name: field.default for field in fields(TextSettings)}


@dataclass(frozen=True)
class Preprocessing:
    """What says each setting of a :class:`TextSettings`.

    Attributes:
        sources: by setting; one that is not named makes no difference.
        examples: how many of the user's own examples agree with the settings; 0: none were given.
        untold: settings of which these examples would have agreed with others, too.
    """

    sources: Mapping[str, str]
    examples: int = 0
    untold: tuple[str, ...] = ()

    @property
    def state(self) -> str:
        """``matched`` on examples, ``assumed`` where any setting is, else ``told``."""
        if self.examples:
            return "matched"
        return "assumed" if self.assumed else "told"

    @property
    def assumed(self) -> tuple[str, ...]:
        """The settings that nothing says."""
        return tuple(name for name, source in self.sources.items() if source == ASSUMED)

    def to_json(self) -> dict[str, Any]:
        return {
            "state": self.state,
            "sources": dict(self.sources),
            "examples": self.examples,
            "untold": list(self.untold),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Preprocessing:
        return cls(dict(value["sources"]), int(value["examples"]), tuple(value["untold"]))


# Of bundles that were written before this was recorded.
UNRECORDED = Preprocessing(dict.fromkeys(SIDE_SETTINGS, ASSUMED))


def sources_of(
    settings: TextSettings,
    length: str,
    told: Mapping[str, str],
    *,
    texts: bool = True,
    free: bool = False,
) -> dict[str, str]:
    """What says each setting.

    Args:
        length: what says ``max_length``.
        told: what says the others; those that are not there are assumed.
        texts: whether there is a vocabulary.
        free: whether the model takes each example at its own length, without pads.
    """
    every = settings.to_json()
    names = [name for name in every if name not in ("pad_id", "max_length", *_OTHER_WAYS)]
    names += [name for name in _OTHER_WAYS if every[name] != _DEFAULTS[name]]
    if settings.characters or settings.pattern is not None:
        names.remove("split")
    if not texts:
        names = list(SIDE_SETTINGS)
    if free:
        names.remove("padding")
    return {"max_length": length, **{name: told.get(name, ASSUMED) for name in names}}


# Sets of characters that tokenisers mostly take, by the names that stand for them.
CHARACTERS = {
    "keras": KERAS_FILTERS,
    "keras-and-apostrophe": KERAS_FILTERS + "'",
    "whitespace": WHITESPACE,
    "punctuation": PUNCTUATION,
    "none": "",
}
_LOWER = {
    "yes": {"lower": True, "lower_ascii": False},
    "no": {"lower": False, "lower_ascii": False},
    "ascii": {"lower": True, "lower_ascii": True},
}


def spelled(settings: Mapping[str, Any], names: Iterable[str]) -> list[tuple[str, str]]:
    """Settings as a user gives them: pairs of a name and a value in words.

    Args:
        settings: by name, as :meth:`TextSettings.to_json` gives them.
        names: those that are wanted; ``lower_ascii`` is part of ``lower``.
    """
    sets = {characters: name for name, characters in CHARACTERS.items()}
    pairs = {}
    for name in names:
        value = settings[name]
        if name in ("lower", "lower_ascii"):
            both = {key: settings[key] for key in ("lower", "lower_ascii")}
            pairs["lower"] = next((word for word, pair in _LOWER.items() if pair == both), "no")
        elif name in ("filters", "deleted"):
            pairs[name] = sets.get(value) or repr(value)
        elif value is None:
            pairs[name] = "none"
        elif isinstance(value, bool):
            pairs[name] = "yes" if value else "no"
        else:
            pairs[name] = str(value) if isinstance(value, int) or value in SIDES else repr(value)
    return list(pairs.items())


def check_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a user gives them, by name, as :class:`TextSettings` has them.

    ``lower`` may be ``yes``, ``no`` or ``ascii``, ``filters`` and ``deleted`` a name of
    :data:`CHARACTERS`.

    Raises:
        InputError: a name that is none, or a value that it cannot have.
    """
    options = {
        name: CHARACTERS.get(value, value)
        if name in ("filters", "deleted") and isinstance(value, str)
        else value
        for name, value in options.items()
    }
    if isinstance(options.get("lower"), str) and options["lower"] in _LOWER:
        options |= _LOWER[options["lower"]]
    for name, value in options.items():
        if name not in _DEFAULTS or name in ("max_length", "pad_id"):
            names = ", ".join(n for n in _DEFAULTS if n not in ("max_length", "pad_id"))
            raise InputError(f"text setting {name!r} is not known; expected {names}")
        default = _DEFAULTS[name]
        if name in SIDE_SETTINGS and value not in SIDES:
            raise InputError(f"`{name}` is {value!r}; expected {' or '.join(SIDES)}")
        if name.endswith("_id"):
            most = gate.MOST["num_words"]
            whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
            if not whole and (value is not None or name == "first_word_id"):
                said = f"`{name}` is {gate.shown(repr(value))}"
                raise InputError(f"{said}; expected a whole number from 0 on, to {most:,} at most")
        elif isinstance(default, bool) and not isinstance(value, bool):
            raise InputError(f"`{name}` is {value!r}; expected True or False")
        elif (isinstance(default, str) or (name == "pattern" and value is not None)) and (
            not isinstance(value, str)
        ):
            raise InputError(f"`{name}` is {value!r}; expected a text")
    if options.get("split") == "":
        raise InputError("`split` is empty; for one word a character give `characters`")
    ways = [name for name in ("characters", "pattern", "split") if options.get(name)]
    if len(ways) > 1:
        both = " and ".join(f"`{name}`" for name in ways)
        raise InputError(f"{both} are two ways to find words: give one of them")
    checked = dict(options)
    if options.get("pattern") is not None:
        checked["pattern"] = portable_pattern(options["pattern"])
    if ways and ways[0] != "split":  # as Keras's Tokenizer(char_level=True): nothing is filtered
        checked.setdefault("filters", "")
    if options.get("lower_ascii"):
        checked.setdefault("lower", True)
    return checked
