"""The command `forbear`: arguments in, tables or JSON out.

Heavy imports stand inside the commands, so that --help is quick.
"""

from __future__ import annotations

import sys

from forbear.cli.app import app
from forbear.cli.output import EXIT_CODES, fail
from pipeline.errors import ForbearError


def main() -> None:
    """Entry point; turns errors into one sentence and an exit code."""
    # The commands register themselves on `app` as they are imported.
    import forbear.cli.admin
    import forbear.cli.calls
    import forbear.cli.evaluate
    import forbear.cli.ingest
    import forbear.cli.policy
    import forbear.cli.serve
    import forbear.cli.thresholds
    import forbear.cli.timeline  # noqa: F401

    try:
        app()
    except ForbearError as error:
        fail(f"{error.message} ({error.reason})" if error.reason else error.message, code=error.code)
        sys.exit(next((number for kind, number in EXIT_CODES if isinstance(error, kind)), 1))
    except KeyboardInterrupt:
        fail("stopped; what was accepted is kept and goes on when a worker runs again", code="interrupted")
        sys.exit(130)
    except BrokenPipeError:
        # The reader went away (forbear calls | head); not an error of ours.
        sys.stderr.close()
        sys.exit(0)


__all__ = ["app", "main"]
