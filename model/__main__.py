"""`python -m model` says where the commands are: they live in `newstide model`, above this package."""

import sys

if __name__ == "__main__":
    sys.stderr.write("run `newstide model --help`\n")
    sys.exit(2)
