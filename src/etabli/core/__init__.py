"""Errors, translation, atomic files, hashing, seeding, environment: imported by all packages."""
