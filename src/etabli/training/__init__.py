"""Training loops, optimizers, checkpoints, devices and processes."""
