"""Projections of high-dimensional points to the plane: PCA and t-SNE."""
