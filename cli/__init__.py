"""The command `newstide`: the only package that reaches all programs, each inside its own command, lazily."""
