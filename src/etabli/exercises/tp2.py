"""Exercises of practical 2."""

from etabli.exercises.spec import Exercise

EXERCISES: tuple[Exercise, ...] = ()
