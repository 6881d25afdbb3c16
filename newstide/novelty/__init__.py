"""Is a story new, or does it tell what another has told? Pure; the store keeps what it needs to know.

`text` takes the dressing off a headline and writes its numbers in one way, `signature` gives MinHash bands by
which similar texts find each other, `guard` breaks a match where the fact differs, `cluster` puts stories together
and counts. docs/novelty.md has the formulas, their sources and the figures.
"""
