"""The folder that export writes: its manifest, its golden vectors, and opening it."""
