"""Practical 4: recurrent nets and word vectors."""
