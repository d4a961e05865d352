"""Where ``loa`` begins: commands that need no station go their short way, all others to `web.cli`."""

import sys


def main() -> int:
    """Run what the command line asks for; returns the exit code."""
    if sys.argv[1:2] == ["read"]:
        from web import cli_read  # noqa: PLC0415  a third of a second instead of three

        return cli_read.main(sys.argv[2:])
    from web import cli  # noqa: PLC0415  imports database and page

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
