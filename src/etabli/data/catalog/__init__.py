"""The catalog of data sets: registry, inventory, download, import and installation."""
