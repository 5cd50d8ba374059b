"""The data sets: what exists, where it is stored, how it is downloaded, verified and imported."""
