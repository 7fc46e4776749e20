#!/usr/bin/env python3
"""Every suite::test that tests/README.md names must exist among the tests.

It must not know what the lines mean.  Reads best next: tests/README.md."""
import pathlib
import re
import sys

NAMED = re.compile(r"`(?:\w+ )?(\w+)::(\w+)`")
DEFINED = re.compile(r"^(?:Test|ParameterizedTest|Theory)\(\s*(\w+)\s*,\s*(\w+)", re.M)


def main(root):
    defined = set()
    for path in (root / "tests").rglob("*_test.c"):
        defined.update(DEFINED.findall(path.read_text(encoding="utf-8")))
    named = NAMED.findall((root / "tests/README.md").read_text(encoding="utf-8"))
    missing = [pair for pair in named if pair not in defined and pair != ("suite", "test")]
    for suite, test in missing:
        print(f"tests/README.md: there is no test {suite}::{test}")
    print(f"conformance: {len(set(named))} names, {len(missing)} findings")
    return 1 if missing or not named else 0


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
