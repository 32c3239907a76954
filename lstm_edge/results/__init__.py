"""What was measured, as values and as JSON: parity, latency, and what a device sent back."""
