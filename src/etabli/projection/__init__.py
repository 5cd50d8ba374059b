"""Points of many dimensions in, points of a plane out: PCA and t-SNE."""
