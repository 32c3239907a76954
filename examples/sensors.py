"""Which activity do two and a half seconds of a phone's motion sensors show?

A convolution and two LSTM layers on windows [128, 9], as on the UCI HAR data set. Give its unpacked
folder with --data. Without it the signals are **synthetic**: people who differ in how they walk, sit
and wear the phone are drawn from a seed, so the accuracy says nothing about real people.

usage: python examples/sensors.py --out sensors                            synthetic, a minute
       python examples/sensors.py --data "UCI HAR Dataset" --out sensors
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import measured
import numpy as np

from export import export_bundle
from lstm_edge import load_bundle

ACTIVITIES = ("walking", "walking upstairs", "walking downstairs", "sitting", "standing", "laying")
STEPS, HERTZ = 128, 50
# Each is a file of windows: acceleration in g without and with gravity, turning in rad/s.
CHANNELS = [f"{kind}_{axis}" for kind in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"]


# ---------------------------------------------------------------- UCI HAR's files


def files(folder: Path, split: str) -> list[Path]:
    """The activities' file, then each channel's."""
    signals = folder / split / "Inertial Signals"
    return [folder / split / f"y_{split}.txt", *(signals / f"{c}_{split}.txt" for c in CHANNELS)]


def read(folder: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Signals float32 [N, 128, 9] and activities int64 [N] of ``train`` or ``test``."""
    numbers, *channels = (np.loadtxt(file, ndmin=2) for file in files(folder, split))
    return np.stack(channels, axis=-1).astype(np.float32), numbers[:, 0].astype(np.int64) - 1


# ---------------------------------------------------------------- synthetic signals

# Cadence in Hz, strength of the step in g, share of its second harmonic, strength of turning in rad/s
GAITS = ((1.85, 0.28, 0.5, 0.45), (1.65, 0.26, 0.7, 0.60), (1.95, 0.36, 0.8, 0.55))
# Where gravity pulls while sitting, standing, laying: angles in degrees from the phone's x axis
POSTURES = (32.0, 6.0, 90.0)


def people(count: int, rng: np.random.Generator) -> list[dict[str, Any]]:
    """What is a person's own, whatever they do; all of it normally distributed."""
    return [
        {
            "pace": rng.normal(1, 0.07),
            "vigour": np.exp(rng.normal(0, 0.2)),
            "harmonic": rng.normal(1, 0.2),
            "tilt": rng.normal(0, 8, 2),  # how the phone is worn, degrees
            "seat": rng.normal(0, 10),  # how upright they sit, degrees
            "shares": rng.normal([1, 0.5, 0.4], 0.15),  # of a step in each axis
            "lags": rng.normal(0, 0.4, (3, 3)),  # of the axes, of two harmonics and of turning
        }
        for _ in range(count)
    ]


def window(person: dict[str, Any], activity: int, rng: np.random.Generator) -> np.ndarray:
    """One window [128, 9] of this person at this activity."""
    seconds = np.arange(STEPS)[:, None] / HERTZ
    walks = activity < len(GAITS)
    angle = person["tilt"][0] + (6 if walks else POSTURES[activity - len(GAITS)])
    angle += person["seat"] if ACTIVITIES[activity] == "sitting" else 0
    angle, turn = np.radians([angle + rng.normal(0, 3), person["tilt"][1] + rng.normal(0, 10)])
    gravity = [np.cos(angle), np.sin(angle) * np.sin(turn), np.sin(angle) * np.cos(turn)]
    body, gyro = rng.normal(0, 0.02, (STEPS, 3)), rng.normal(0, 0.05, (STEPS, 3))
    if walks:
        cadence, strength, second, turning = GAITS[activity]
        phase = (
            2 * np.pi * (cadence * person["pace"] * rng.normal(1, 0.03) * seconds + rng.random())
        )
        lags, vigour = person["lags"], person["vigour"] * rng.normal(1, 0.1)
        step = np.sin(phase + lags[0]) + second * person["harmonic"] * np.sin(2 * phase + lags[1])
        body += strength * vigour * person["shares"] * step + rng.normal(0, 0.08, (STEPS, 3))
        gyro += turning * vigour * np.cos(phase + lags[2]) + rng.normal(0, 0.15, (STEPS, 3))
    return np.concatenate([body, gyro, body + gravity], axis=1)


def synthetic(
    persons: int, windows: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Signals float32 [N, 128, 9] and activities int64 [N]: so many windows of each activity."""
    crowd = people(persons, rng)
    activities = np.tile(np.arange(len(ACTIVITIES)), persons * windows)
    owners = np.repeat(np.arange(persons), windows * len(ACTIVITIES))
    signals = [window(crowd[p], a, rng) for p, a in zip(owners, activities, strict=True)]
    return np.array(signals, np.float32), activities


# ---------------------------------------------------------------- the model


def build() -> keras.Model:
    """Convolution, pooling, two LSTM layers; takes the signals as the sensors give them."""
    return keras.Sequential(
        [
            keras.Input((STEPS, len(CHANNELS)), name="signals"),
            keras.layers.Conv1D(32, 5, activation="relu", name="patterns"),
            keras.layers.MaxPooling1D(4, name="every_fourth"),
            keras.layers.LSTM(32, return_sequences=True, name="lstm_1"),
            keras.layers.LSTM(32, name="lstm_2"),
            keras.layers.Dropout(0.3),
            keras.layers.Dense(len(ACTIVITIES), activation="softmax", name="activity"),
        ],
        name="sensors",
    )


def main() -> None:
    parser = measured.parser(__doc__, epochs=15)
    parser.add_argument("--data", type=Path, help="'UCI HAR Dataset' [default: synthetic]")
    parser.add_argument("--people", type=int, default=60, help="synthetic: of whom a third test")
    parser.add_argument("--windows", type=int, default=16, help="synthetic: of each activity")
    options = parser.parse_args()
    keras.utils.set_random_seed(options.seed)

    if options.data is None:
        # nobody is in both parts, as in UCI HAR
        rng, testers = np.random.default_rng(options.seed), options.people // 3
        if testers < 1 or options.windows < 1:
            parser.error("--people must be at least 3, --windows at least 1")
        x_train, y_train = synthetic(options.people - testers, options.windows, rng)
        x_test, y_test = synthetic(testers, options.windows, rng)
    else:
        splits = ("train", "test")
        measured.check_files(parser, (f for s in splits for f in files(options.data, s)))
        (x_train, y_train), (x_test, y_test) = (read(options.data, s) for s in splits)

    model = build()
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, batch_size=64, epochs=options.epochs, verbose=2)

    options.out.mkdir(parents=True, exist_ok=True)
    file, bundle, tested = (options.out / name for name in ("model.keras", "bundle", "test.npz"))
    model.save(file)
    export_bundle(
        file,
        bundle,
        wanted_formats=options.format,
        precisions=options.precision,
        labels=ACTIVITIES,
        inputs={"signals": x_train},  # golden vectors: some of these, with Keras's answers
    )
    np.savez(tested, signals=x_test, activity=y_test)  # by the names of the input and the output
    parity = measured.verify(options.out, "--inputs", tested)

    # all that a device does: no TensorFlow, no Keras
    probabilities = load_bundle(bundle).predict(x_test[:1])["activity"]
    print("\nThe first window:", ACTIVITIES[probabilities[0].argmax()])

    measured.write_result(
        options,
        "sensors",
        "Synthetic signals" if options.data is None else "UCI HAR",
        parity,
        y_test.tolist(),
        len(x_train),
    )


if __name__ == "__main__":
    main()
