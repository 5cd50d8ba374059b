"""Errors, translation, atomic files, hashing, seeding, environment: what every other package may import."""
