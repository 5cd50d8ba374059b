"""Sample data that the project generates."""
