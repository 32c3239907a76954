"""Which of nine men said /ae/? Utterances of 7 to 29 frames, each of 12 LPC cepstrum coefficients.

Masking in front of a bidirectional GRU, with time left free: shorter utterances are padded with zeros,
which the mask skips, or answered at their own length, which gives the same. The data are UCI's Japanese
Vowels (Kudo, Toyama and Shimbo, 1999); --data is the folder with ae.train and ae.test.

usage: python examples/vowels.py --data japanese_vowels --out vowels
"""

from __future__ import annotations

from pathlib import Path

import keras
import measured
import numpy as np

from lstm_edge import load_bundle

COEFFICIENTS = 12
# Utterances of each speaker, one speaker after the other; the files themselves do not say
SPEAKERS = {"train": [30] * 9, "test": [31, 35, 88, 44, 29, 24, 40, 50, 29]}
PAD = 0.0  # no frame is 0 in all of its coefficients


def read(folder: Path, split: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Utterances float32 [frames, 12] of different lengths and their speakers int64 [N], from 0 on."""
    utterances, frames = [], []
    for line in (folder / f"ae.{split}").read_text(encoding="ascii").splitlines():
        numbers = [float(word) for word in line.split()]
        if numbers and numbers != [1.0] * COEFFICIENTS:
            frames.append(numbers)
        elif frames:  # an empty line, or one that is all 1, ends an utterance
            utterances.append(np.array(frames, np.float32))
            frames = []
    if frames:
        utterances.append(np.array(frames, np.float32))
    return utterances, np.repeat(np.arange(9), SPEAKERS[split])


def padded(utterances: list[np.ndarray]) -> np.ndarray:
    """All utterances behind one another, float32 [N, longest, 12], short ones followed by pads."""
    longest = max(map(len, utterances))
    return np.stack(
        [np.pad(u, ((0, longest - len(u)), (0, 0)), constant_values=PAD) for u in utterances]
    )


def build() -> keras.Model:
    """Masking, a bidirectional GRU, softmax over the speakers; any number of frames."""
    return keras.Sequential(
        [
            keras.Input((None, COEFFICIENTS), name="frames"),
            keras.layers.Masking(PAD, name="mask"),
            keras.layers.Bidirectional(keras.layers.GRU(32), name="gru"),
            keras.layers.Dropout(0.4),
            keras.layers.Dense(9, activation="softmax", name="speaker"),
        ],
        name="vowels",
    )


def main() -> None:
    parser = measured.parser(__doc__, epochs=60)
    parser.add_argument("--data", type=Path, required=True, help="folder of ae.train and ae.test")
    options = parser.parse_args()
    measured.check_files(parser, (options.data / f"ae.{split}" for split in SPEAKERS))
    keras.utils.set_random_seed(options.seed)

    (train, y_train), (test, y_test) = (read(options.data, split) for split in SPEAKERS)
    x_train, x_test = padded(train), padded(test)

    model = build()
    model.compile(
        keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(x_train, y_train, batch_size=32, epochs=options.epochs, verbose=2)

    options.out.mkdir(parents=True, exist_ok=True)
    file, bundle, tested = (options.out / name for name in ("model.keras", "bundle", "test.npz"))
    model.save(file)
    # no inputs given: those that are drawn are masked in front, behind, in the middle and wholly
    names = ",".join(f"speaker {i}" for i in range(1, 10))
    measured.lstm_edge(
        "export", file, "--labels", names, *measured.chosen(options), "--out", bundle
    )
    np.savez(tested, frames=x_test, speaker=y_test)  # by the names of the input and the output
    parity = measured.verify(options.out, "--inputs", tested)

    # all that a device does: no TensorFlow, no Keras, and no padding of a single utterance
    predictor = load_bundle(bundle)
    alone = [predictor.predict(utterance[None])["speaker"][0] for utterance in test]
    off = np.abs(alone - predictor.predict(x_test)["speaker"]).max()
    print(f"\nAt its own length an utterance is answered as padded: max |Δp| {off:.1g}")

    measured.write_result(
        options,
        "vowels",
        "Japanese Vowels, its own test set",
        parity,
        y_test.tolist(),
        len(x_train),
    )


if __name__ == "__main__":
    main()
