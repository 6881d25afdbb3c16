"""The entry point: so light that an interruption finds somebody who answers it, from the first moment."""

from __future__ import annotations


def run() -> None:
    try:
        from cli.app import answer  # what all commands need takes a quarter of a second to import
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    answer()


if __name__ == "__main__":
    run()
