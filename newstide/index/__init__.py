"""From opinions to indices: sums that merge, and formulas over them. Pure; docs/indices.md has each formula."""
