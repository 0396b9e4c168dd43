"""`python -m ragsvc` and the `ragsvc` command."""

from __future__ import annotations


def main() -> int:
    """Run the command line on `sys.argv`; gives the exit code."""
    # Not at the top: a spawned worker imports this module again and needs no command line.
    from ragsvc.cli.main import main as run

    return run()


if __name__ == "__main__":
    raise SystemExit(main())
