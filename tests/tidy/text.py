# What can be seen in single lines: banned calls, marks, machine paths, long lines, long files, missing headers.
# Must not know: includes and functions.
# Reads best next: functions.py.
import re

FILE_LINES_MAX = 600
LINE_COLUMNS_MAX = 120

BANNED = re.compile(r"\b(strcpy|strcat|sprintf|vsprintf|gets|alloca|strtok|atoi|atol)\s*\(")
# A test waits for what it needs, not for time to pass.
SLEEP_CALL = re.compile(r"\b(sleep|usleep|nanosleep|clock_nanosleep)\s*\(")
SLEEP_COMMAND = re.compile(r"(?:^|[;&|({]|\b(?:do|then|else|while|until)\b)\s*(?:/bin/|/usr/bin/)?sleep\s+[\d.$\"]")
# Written in two parts, so that this file does not find itself.
MARK = re.compile(r"\b(" + "|".join(("TO" "DO", "FIX" "ME", "X" "XX", "HA" "CK")) + r")\b")
MACHINE_PATH = re.compile(r"(?<![\w.}])/(?:work|farm|home|root)/|(?<![\w.}])/tmp/[A-Za-z][\w.-]*/")


def shell_code(line):
    """A line of a script without its comment; a # inside quotes may end it early, which hides, never invents."""
    return re.sub(r"(^|\s)#.*", "", line)


def check_code(file):
    if not file.text.startswith("/*"):
        yield file.path, 1, "header", "starts with no comment that says what the file is"
    for number, line in enumerate(file.lines, 1):
        if len(line.expandtabs(8)) > LINE_COLUMNS_MAX:
            yield file.path, number, "line-length", f"{len(line)} columns, over {LINE_COLUMNS_MAX}"
    for number, line in enumerate(file.code, 1):
        for match in BANNED.finditer(line):
            yield file.path, number, "banned", f"{match.group(1)}: not used here"


def check_sleep(file):
    lines = file.code if file.is_code else [shell_code(line) for line in file.lines]
    for number, line in enumerate(lines, 1):
        if SLEEP_CALL.search(line) or (file.is_script and SLEEP_COMMAND.search(line)):
            yield file.path, number, "sleep", "a test waits for readiness, not for time to pass"


def check_any(file):
    for number, line in enumerate(file.lines, 1):
        if MARK.search(line):
            yield file.path, number, "mark", f"{MARK.search(line).group(1)}: do it, or write it down as a limitation"
        if MACHINE_PATH.search(line):
            yield file.path, number, "path", f"{MACHINE_PATH.search(line).group(0)}: a path of one machine"


def check(tree):
    for file in tree.files:
        yield from check_any(file)
        if file.is_code:
            yield from check_code(file)
        if (file.is_code or file.is_script) and len(file.lines) > FILE_LINES_MAX:
            yield file.path, FILE_LINES_MAX + 1, "file-length", f"{len(file.lines)} lines, over {FILE_LINES_MAX}"
        if file.path.startswith("tests/") and (file.is_code or file.is_script):
            yield from check_sleep(file)
