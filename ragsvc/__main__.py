"""`python -m ragsvc` and the `ragsvc` command."""

from __future__ import annotations


def main() -> int:
    """Run the command line on `sys.argv`; gives the exit code."""
    try:
        # Not at the top: a spawned worker imports this module again and needs no command line.
        from ragsvc.cli.main import main as run
        from ragsvc.priority import give_way

        return run(give_way=give_way)
    except KeyboardInterrupt:
        # Before the command line stood, or again while it was ending.
        return 130


if __name__ == "__main__":
    raise SystemExit(main())
