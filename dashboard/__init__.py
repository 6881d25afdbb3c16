"""The pages: what was scored, as it stands now. Reads the store and writes nothing."""
