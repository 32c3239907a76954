"""What runs a file: one class for each runtime, and what is done around a call, written once."""
