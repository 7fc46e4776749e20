#!/usr/bin/env python3
"""Holds that the register of C names knows every name that generated files define.

    register.py PROTOC_GEN_SEMEL SEMEL_PROTO_DIR

For each name found in the C made of a few files of good/, a message of that very name is put beside the file: the plugin must
call it a clash.  So whoever adds a name to an emitter and forgets idl/clash.c is told here.
"""
import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

GOOD = os.path.join(os.path.dirname(os.path.realpath(__file__)), "good")
FILES = ["bank.proto", "errors.proto", "messages.proto", "sized.proto"]

DEFINITIONS = [
    r"^#define (\w+)",
    r"^(?:typedef )?(?:struct|enum|union) (\w+) \{",
    r"^\} (?:pb_packed )?(\w+);",
    r"^typedef [^;{]*?(\w+);",
    r"^typedef void (\w+)\(",
    r"^    (\w+) = \d+,?$",
    r"^(?:extern |static )?const [\w ]*?(\w+)(?:\[\w*\])?(?: =|;)",
    r"^(?:static )?(?:inline )?(?:enum )?\w+ (\w+)\(",
    r"^extern const [\w ]*?(\w+)(?:\[\w*\])?;",
]


def names_of(text):
    names = set()
    for pattern in DEFINITIONS:
        names.update(re.findall(pattern, text, re.MULTILINE))
    for name in re.findall(r"^PB_BIND\((\w+)", text, re.MULTILINE):  # what this macro of nanopb defines
        names.update(name + end for end in ("_msg", "_field_info", "_submsg_info"))
    return names


def generate(stem, work, plugin, protos):
    """The C of one file, as one text."""
    command = ["protoc", "-I" + GOOD, "-I" + protos, "--plugin=protoc-gen-semel=" + plugin, "--semel_out=" + work,
               "--nanopb_out=" + work, "--nanopb_opt=-q", "--nanopb_opt=-sfallback_type:FT_POINTER",
               "--nanopb_opt=-xsemel/options.proto", "--nanopb_opt=-I" + GOOD, stem + ".proto"]
    subprocess.run(command, check=True, cwd=GOOD, stderr=subprocess.DEVNULL)
    texts = []
    for end in ("semel.h", "semel.c", "pb.h", "pb.c"):
        with open(os.path.join(work, "%s.%s" % (stem, end)), encoding="utf-8") as file:
            texts.append(file.read())
    return "\n".join(texts)


def is_known(name, file, folder, plugin, protos):
    """A message of that name must clash, whatever else is wrong with it."""
    probe = os.path.join(folder, name + ".proto")
    with open(probe, "w", encoding="utf-8") as out:
        out.write('syntax = "proto3";\nmessage %s {}\n' % name)
    command = ["protoc", "-I" + GOOD, "-I" + protos, "-I" + folder, "--plugin=protoc-gen-semel=" + plugin,
               "--semel_out=" + folder, os.path.join(GOOD, file), probe]
    run = subprocess.run(command, capture_output=True, text=True)
    return run.returncode != 0 and "needs the C name %s," % name in run.stderr


def main():
    plugin, protos = (os.path.realpath(a) for a in sys.argv[1:3])
    failures = 0
    with tempfile.TemporaryDirectory() as work, concurrent.futures.ThreadPoolExecutor(2) as pool:
        for file in FILES:
            names = sorted(names_of(generate(file[:-len(".proto")], work, plugin, protos)))
            if len(names) < 20:
                print("FAIL: %s: only %d names found, the patterns are out of date" % (file, len(names)))
                failures += 1
            folder = tempfile.mkdtemp(dir=work)
            known = pool.map(lambda name: is_known(name, file, folder, plugin, protos), names)
            missing = [name for name, found in zip(names, known) if not found]
            print("%s: %d names, %d not in the register" % (file, len(names), len(missing)))
            for name in missing:
                print("FAIL:", name)
            failures += len(missing)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
