# The floors: an include may only point downward, and core knows neither sockets, clocks, threads nor files.
# Must not know: anything but #include lines and the names that core may not say.
# Reads best next: text.py.
import re

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# A floor, by the folder it lives in, and the prefixes it may include; the longest matching folder counts.
# "" stands for a header of one's own folder, named without a slash.
BELOW = {
    "runtime/include/semel": {"semel"},
    "runtime/core": {"semel", "core"},
    "runtime/net": {"semel", "core", "net"},
    "runtime/store": {"semel", "core", "store"},
    "runtime/config": {"semel", "core", "config"},
    "runtime/client": {"semel", "core", "net", "store", "config", "client"},
    "runtime/server": {"semel", "core", "net", "store", "config", "server"},
    "runtime/sim": {"semel", "core", "net", "store", "config", "sim"},
    "runtime/tools": {"semel", "core", "net", "store", "config", "client", "server", "tools"},
    "idl": {"semel", "idl"},
    "codegen": {"semel", "idl", "codegen"},
    "examples": {"semel"},
}
PREFIXES = {"semel", "core", "net", "store", "config", "client", "server", "sim", "tools", "idl", "codegen"}

NANOPB = {"pb.h", "pb_common.h", "pb_decode.h", "pb_encode.h"}
# The part of the C library that neither waits, measures time, nor touches the world outside.
PLAIN_C = {"assert.h", "ctype.h", "errno.h", "float.h", "inttypes.h", "limits.h", "stdalign.h", "stdarg.h",
           "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h", "stdio.h", "stdlib.h", "stdnoreturn.h", "string.h"}
# Floors that may include nothing else from outside.
OUTSIDE = {
    "runtime/include/semel": NANOPB | PLAIN_C,
    "runtime/core": NANOPB | PLAIN_C | {"endian.h", "xxhash.h"},
}

# stdio is there for snprintf, stdlib for memory: what else they offer reaches outside.
IMPURE = re.compile(r"\b(FILE|stdin|stdout|stderr)\b"
                    r"|\b(fopen|fdopen|tmpfile|remove|rename|printf|vprintf|puts|putchar|perror|getchar|scanf"
                    r"|getenv|setenv|system|rand|random|srand|time|clock|clock_gettime|getrandom)\s*\(")


def floor_of(path):
    matches = [floor for floor in BELOW if path.startswith(floor + "/")]
    return max(matches, key=len, default=None)


def check_include(file, floor, quote, target):
    """What is wrong with one include, or None."""
    if ".." in target.split("/"):
        return f'"{target}" climbs up: name it from the include root'
    if floor is None:
        return None
    prefix = target.split("/")[0] if "/" in target else ""
    if prefix in PREFIXES and prefix not in BELOW[floor]:
        return f'{floor} may not include "{target}": an include points downward only'
    outside = OUTSIDE.get(floor)
    if outside and prefix not in PREFIXES and quote == "<" and target not in outside:
        return f"{floor} may not know <{target}>"
    if outside and prefix not in PREFIXES and quote == '"':
        return f'{floor} names its headers from the include root: "{target}"'
    return None


def check(tree):
    for file in tree.files:
        if not file.is_code:
            continue
        floor = floor_of(file.path)
        for number, line in enumerate(file.code_with_strings, 1):
            include = INCLUDE.match(line)
            wrong = check_include(file, floor, *include.groups()) if include else None
            if wrong:
                yield file.path, number, "floors", wrong
        if floor == "runtime/core":
            for number, line in enumerate(file.code, 1):
                for match in IMPURE.finditer(line):
                    yield file.path, number, "floors", f"core may not use {match.group(0).rstrip('( ')}"
