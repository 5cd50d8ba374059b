"""File formats: from files to arrays."""
