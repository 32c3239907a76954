"""A bundle -> labels and probabilities, or outputs by name."""
