"""Keras models: files of any age made live, what a lowering needs to know of one, and run folders."""
