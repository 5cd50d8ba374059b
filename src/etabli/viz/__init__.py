"""Arrays in, matplotlib ``Axes`` out: a function draws on ``ax`` and returns it; it never shows and never saves."""
