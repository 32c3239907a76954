"""What is in a model file, without running it."""
