"""Exercises of practical 4."""

from etabli.exercises.spec import Exercise

EXERCISES: tuple[Exercise, ...] = ()
