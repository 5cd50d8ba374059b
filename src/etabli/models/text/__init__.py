"""Text models: recurrent language models, n-grams, sampling, word vectors."""
