"""Exercises of practical 5."""

from etabli.exercises.spec import Exercise

EXERCISES: tuple[Exercise, ...] = ()
