"""``python -m lstm_edge.cli``."""

from lstm_edge.cli import main

main()
