"""Describes one handler, and ends with the process.

``python -m temporal_lambda.describe_handler module.attribute`` imports the handler as Lambda would
and prints one line of JSON: ``{"deployment_name": ..., "build_id": ..., "connects": ...}``, or
``{"error": ...}``.
With ``--configuration`` it also runs the configure callback and says what came of it; with
``--path DIR`` modules are looked for in that directory, too, after all others.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from typing import NoReturn

from temporal_lambda.describe_handler import MARK, describe


def main() -> NoReturn:
    """Describe the handler named on the command line; then exit, with any threads it started."""
    parser = argparse.ArgumentParser(prog="python -m temporal_lambda.describe_handler")
    parser.add_argument("handler")
    parser.add_argument("--configuration", action="store_true")
    parser.add_argument("--path")
    options = parser.parse_args()
    if options.path:
        sys.path.append(options.path)
    found = describe(options.handler, configuration=options.configuration)
    print(f"\n{MARK}{json.dumps(found)}", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
