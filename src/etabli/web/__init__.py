"""The playground: reads runs and plays with the models in them; it never trains."""
