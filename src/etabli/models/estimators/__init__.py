"""scikit-learn estimators on the NumPy layers of ``etabli.nn``."""
