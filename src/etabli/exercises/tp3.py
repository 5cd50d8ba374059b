"""Exercises of practical 3."""

from etabli.exercises.spec import Exercise

EXERCISES: tuple[Exercise, ...] = ()
