"""How a model is exported and judged: as one of texts, or of arrays."""
