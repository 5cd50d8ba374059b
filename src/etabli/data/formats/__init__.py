"""File formats: bytes to arrays."""
