"""excerpts.py ROOT: every code block in a README must stand in a file that is built, word for word.

A block of c, proto or cmake needs a line "<!-- excerpt: FILE -->" before it; FILE must hold the block's lines in one
piece.  READMEs under tests/golden are data.  Exit 1 with file:line for each block that does not.
"""
import pathlib
import re
import sys

CODE = {"c", "proto", "cmake"}
FENCE = re.compile(r"^```(\w*)\s*$")
EXCERPT = re.compile(r"^<!-- excerpt: (\S+) -->$")


def blocks(lines):
    """Yields (line number, language, excerpt path or None, text) for each fenced block."""
    source = None
    at = 0
    while at < len(lines):
        match = EXCERPT.match(lines[at])
        if match:
            source = match.group(1)
        fence = FENCE.match(lines[at])
        if not fence:
            if lines[at].strip() and not match:
                source = None
            at += 1
            continue
        end = at + 1
        while end < len(lines) and lines[end].rstrip() != "```":
            end += 1
        yield at + 1, fence.group(1), source, "\n".join(lines[at + 1 : end])
        source = None
        at = end + 1


def check(root, readme):
    findings = []
    for line, language, source, text in blocks(readme.read_text(encoding="utf-8").splitlines()):
        where = f"{readme.relative_to(root)}:{line}"
        if language in CODE and source is None:
            findings.append(f"{where}: this {language} block names no file it is an excerpt of")
        if source is None:
            continue
        file = root / source
        if not file.is_file():
            findings.append(f"{where}: there is no file {source}")
        elif "\n" + text + "\n" not in "\n" + file.read_text(encoding="utf-8"):
            findings.append(f"{where}: this block does not stand in {source}")
    return findings


def main():
    root = pathlib.Path(sys.argv[1]).resolve()
    readmes = [root / "README.md"]
    for folder in ("idl", "codegen", "runtime", "examples"):
        readmes += sorted((root / folder).rglob("README.md"))
    findings = [finding for readme in readmes for finding in check(root, readme)]
    print("\n".join(findings + [f"excerpts: {len(readmes)} READMEs, {len(findings)} findings"]))
    return 1 if findings or len(readmes) < 2 else 0


sys.exit(main())
