"""Train a model and keep its best epoch."""
