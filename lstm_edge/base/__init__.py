"""What every room may use: files, progress, extras, the machine, and what arrays are called."""
