"""What a story is about: the entity master, and the linking of text to it."""
