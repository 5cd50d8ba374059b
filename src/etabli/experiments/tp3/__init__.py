"""Practical 3: transfer learning and fine-tuning on PASCAL VOC."""
