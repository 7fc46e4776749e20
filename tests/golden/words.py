#!/usr/bin/env python3
"""Holds that idl/reserved.c knows what the headers of generated code take on this machine.

    words.py PROTOC_GEN_SEMEL RUNTIME_INCLUDE_DIR

Every macro that stands for something must be refused as the name of a field, every macro with arguments as the name of a method,
and every function and type as the name of a message without a package.
"""
import os
import re
import subprocess
import sys
import tempfile

MODES = [["gcc", "-std=c11"], ["gcc", "-std=gnu11"], ["g++", "-std=gnu++17", "-xc++"]]
RUNTIME_OWN = re.compile(r"(PB|SEMEL|pb|semel)_")


def preprocess(mode, include, option, work):
    source = os.path.join(work, "headers.c")
    with open(source, "w", encoding="utf-8") as file:
        file.write("#include <semel/semel.h>\n")
    return subprocess.run([*mode, "-I" + include, "-E", *option, source], check=True, capture_output=True, text=True).stdout


def macros(include, work):
    """Names of macros without arguments, and of those with."""
    plain, called = set(), set()
    for mode in MODES:
        for name, open_ in re.findall(r"^#define (\w+)(\(?)", preprocess(mode, include, ["-dM"], work), re.MULTILINE):
            (called if open_ else plain).add(name)
    return plain, called


def declarations(include, work):
    """Functions and types of the C library."""
    text = preprocess(MODES[1], include, ["-P"], work)
    names = set(re.findall(r"^typedef [^;{}()]*?(\w+);", text, re.MULTILINE))
    names.update(re.findall(r"^extern [^;{}()]*?(\w+) ?\(", text, re.MULTILINE))
    return {n for n in names if not n.startswith("_") and not RUNTIME_OWN.match(n)}


def said(plugin, work, lines):
    path = os.path.join(work, "words.proto")
    with open(path, "w", encoding="utf-8") as file:
        file.write('syntax = "proto2";\n' + "\n".join(lines) + "\n")
    run = subprocess.run(["protoc", "-I" + work, "--plugin=protoc-gen-semel=" + plugin, "--semel_out=" + work, path],
                         capture_output=True, text=True)
    return run.stderr


def main():
    plugin, include = (os.path.realpath(a) for a in sys.argv[1:3])
    failures = []
    with tempfile.TemporaryDirectory() as work:
        plain, called = macros(include, work)
        text = said(plugin, work, ["package demo;", "message Words {"] +
                    ["  optional int32 %s = %d;" % (name, i + 1) for i, name in enumerate(sorted(plain))] + ["}"])
        failures += ["field " + n for n in plain if not RUNTIME_OWN.match(n) and 'field name "%s" is' % n not in text]
        text = said(plugin, work, ["package demo;", "message M {}", "service Words {"] +
                    ["  rpc %s(M) returns (M);" % name for name in sorted(called)] + ["}"])
        failures += ["method " + n for n in called if not RUNTIME_OWN.match(n) and 'method name "%s" is' % n not in text]
        declared = declarations(include, work)
        text = said(plugin, work, ["message %s {}" % name for name in sorted(declared)])
        failures += ["message " + n for n in declared if "needs the C name %s," % n not in text]
    print("%d macros, %d with arguments, %d declarations" % (len(plain), len(called), len(declared)))
    for failure in sorted(failures):
        print("FAIL: not refused:", failure)
    if min(len(plain), len(called), len(declared)) < 20:
        failures.append("too few")
        print("FAIL: too few words found, the patterns are out of date")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
