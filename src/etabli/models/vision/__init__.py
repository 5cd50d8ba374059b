"""Image models: digit classifiers, backbones, linear heads, fine-tuning."""
