"""Pages of findings: what is wrong with a classifier, with images, and why it predicts a class."""
