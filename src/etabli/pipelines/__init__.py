"""Tools for users' own data, one file each."""
