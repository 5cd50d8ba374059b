"""Bytes in, arrays out: the only room that downloads or reads a data set."""
