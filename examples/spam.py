"""Is a text message spam? All of it by commands; the script only cuts the file in two.

--data is the SMS Spam Collection (Almeida, Hidalgo and Yamakami, 2011): label<TAB>message, no heading.
`lstm-edge train --data SMSSpamCollection.tsv --text-column 2 --label-column 1` takes it as it is and
cuts off a test part itself. But 403 messages are copies of others (chain letters, the same
advertisement), and `verify` is to see none of what was trained on: so the file is cut here, copies on
one side, into the folder with train.tsv and test.tsv that both commands take.

usage: python examples/spam.py --data SMSSpamCollection.tsv --out spam
"""

from __future__ import annotations

from pathlib import Path

import measured
import numpy as np

TEST_SHARE = 0.2


def cut(file: Path, folder: Path, seed: int) -> tuple[list[str], list[str]]:
    """Write train.tsv and test.tsv; the lines of both."""
    # not splitlines: some messages hold further characters that it takes for ends of lines
    lines = [line for line in file.read_text(encoding="utf-8").split("\n") if line]
    messages = sorted({line.partition("\t")[2] for line in lines})
    count = round(TEST_SHARE * len(messages))
    drawn = np.random.default_rng(seed).permutation(len(messages))[:count]
    tested = {messages[i] for i in drawn}
    train = [line for line in lines if line.partition("\t")[2] not in tested]
    test = [line for line in lines if line.partition("\t")[2] in tested]
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("train.tsv", train), ("test.tsv", test)):
        (folder / name).write_text("".join(f"{line}\n" for line in part), encoding="utf-8")
    return train, test


def main() -> None:
    parser = measured.parser(__doc__, epochs=6)
    parser.add_argument("--data", type=Path, required=True, help="SMSSpamCollection.tsv")
    options = parser.parse_args()
    measured.check_files(parser, [options.data])

    data, run, bundle = (options.out / name for name in ("data", "run", "bundle"))
    train, test = cut(options.data, data, options.seed)
    source = ["--data", data, "--text-column", "2", "--label-column", "1"]

    size = "--words 5000 --length 60 --embedding 32 --lstm 32 --dropout 0.3".split()
    how = ["--epochs", str(options.epochs), "--seed", str(options.seed)]
    measured.lstm_edge("train", *source, *size, *how, "--out", run)
    # its golden vectors are messages too, which then say on a device whether the files are right
    measured.lstm_edge("export", run, *source, *measured.chosen(options), "--out", bundle)
    parity = measured.verify(options.out, *source)
    measured.lstm_edge("predict", bundle, "WINNER! Claim your free prize now, call 09061234567")
    measured.lstm_edge("predict", bundle, "are you coming home for dinner tonight?")

    measured.write_result(
        options,
        "spam",
        "SMS Spam Collection, a fifth of its different messages for testing",
        parity,
        [line.partition("\t")[0] for line in test],
        len(train),
    )


if __name__ == "__main__":
    main()
