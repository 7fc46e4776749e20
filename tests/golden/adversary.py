#!/usr/bin/env python3
"""Makes small .proto files with names meant to break C, and holds that each gives a clean error or C that compiles.

    adversary.py PROTOC_GEN_SEMEL SEMEL_PROTO_DIR RUNTIME_INCLUDE_DIR [COUNT [SEED]]

The names come from a seeded generator, so a failure comes again.  Each file is judged alone by the plugin; those it
accepts go to nanopb in one run, and each result to gcc.
"""
import concurrent.futures
import os
import random
import re
import subprocess
import sys
import tempfile

TYPES = ["A", "B", "Foo", "Foo_size", "Foo_fields", "Foo_msg", "Foo_bar_tag", "Foo_init_zero", "Bool", "Float32", "int",
         "delete", "size_t", "uint32_t", "linux", "EOF", "index", "semel_call", "pb_msgdesc_t", "Get_error", "Call", "S",
         "S_Get", "S_Get_errors", "S_handlers", "Entry", "MapEntry", "user", "request", "out", "_Foo_MIN", "Foo_A",
         "class", "Generic", "_private", "NONE", "which", "as", "Foo_bar_MSGTYPE", "Foo_CALLBACK", "LP64", "Complex"]
FIELDS = ["a", "X", "bar", "has_bar", "bar_count", "which_pick", "has_a", "a_count", "size", "funcs", "arg", "bytes",
          "extensions", "dummy_field", "int", "linux", "unix", "errno", "class", "bool", "true", "asm", "restrict",
          "SIZE_MAX", "NULL", "offsetof", "Foo", "A", "tag", "a_tag", "size_t", "STATIC", "INT32", "_x", "_Bool", "__x",
          "EOF", "struct", "typeof", "default", "register", "pb_size_t", "uint32_t", "memset", "strdupa", "this"]
VALUES = ["ZERO", "MIN", "MAX", "ARRAYSIZE", "NULL", "int", "EOF", "linux", "A", "tag", "size", "_X"]
ONEOFS = ["pick", "union", "bar2", "which_bar2", "int", "namespace", "u", "funcs2"]
METHODS = ["Get", "Get_start", "Get_error", "Call", "errno", "assert", "delete", "handlers", "service", "methods", "Foo",
           "A", "index", "options", "linux", "serve", "Get_errors", "Get_raise_A", "offsetof", "INT8_C", "int", "method",
           "method_count", "strndupa", "memset", "main", "_x", "X"]
PACKAGES = ["", "", "", "a", "a.b", "Foo", "S", "a_b", "semel", "pb", "std", "max", "linux", "int", "_", "x.y.z"]
SCALARS = ["int32", "string", "bytes", "bool", "double", "sint64", "fixed32"]

C_FLAGS = ["-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-unused-function"]


class Maker:
    """One .proto file."""

    def __init__(self, chance):
        self.chance = chance
        self.lines = []
        self.types = []  # full names of what fields may refer to, with what they are
        self.package = chance.choice(PACKAGES if chance.random() < 0.4 else ["demo", "demo.sub"])
        self.proto3 = chance.random() < 0.7
        self.nasty = chance.choice([0.05, 0.1, 0.3])

    def some(self, words, most):
        """A few different names, some of them nasty."""
        names = []
        for place in range(self.chance.randint(1, most)):
            name = self.chance.choice(words) if self.chance.random() < self.nasty else "%s%d" % (words[0], place + 7)
            if name not in names:
                names.append(name)
        return names

    def label(self):
        if self.proto3:
            return self.chance.choice(["", "", "optional ", "repeated "])
        return self.chance.choice(["optional ", "required ", "repeated "])

    def enum(self, name, scope):
        self.lines.append("enum %s {" % name)
        numbers = iter(self.chance.sample(range(-3 if not self.proto3 else 1, 20), 8))
        for place, value in enumerate(self.some(VALUES, 4)):
            unique = "%s_%s" % (name, value) if self.chance.random() < 0.5 else value
            self.lines.append("  %s = %d;" % (unique, 0 if place == 0 and self.proto3 else next(numbers)))
        self.lines.append("}")
        self.types.append(scope + name)

    def fields(self, number, words, labelled):
        for name in words:
            kind = self.chance.choice(SCALARS + ["."+t for t in self.types[-4:]])
            if labelled and self.chance.random() < 0.1:
                self.lines.append("  map<string, %s> %s = %d;" % (kind, name, number))
            else:
                self.lines.append("  %s%s %s = %d;" % (self.label() if labelled else "", kind, name, number))
            number += 1
        return number

    def message(self, name, scope, depth):
        self.lines.append("message %s {" % name)
        inner = scope + name + "."
        if depth < 2 and self.chance.random() < 0.4:
            for nested in self.some(TYPES, 2):
                self.message(nested, inner, depth + 1)
        if self.chance.random() < 0.2:
            self.enum(self.some(["Kind", "Foo", "A", "int"], 1)[0], inner)
        words = self.some(FIELDS, 4)[:self.chance.randint(0, 4)]
        number = self.fields(1, words, True)
        if self.chance.random() < 0.3:
            self.lines.append("  oneof %s {" % self.some(ONEOFS, 1)[0])
            rest = [w for w in self.some(FIELDS, 3) if w not in words] or ["rest"]
            self.fields(number, rest, False)
            self.lines.append("  }")
        if not self.proto3 and self.chance.random() < 0.2:
            self.lines.append("  extensions 100 to 199;")
        self.lines.append("}")
        self.types.append(scope + name)
        return scope + name

    def service(self, name, messages):
        self.lines.append("service %s {" % name)
        for method in self.some(METHODS, 4):
            errors = self.chance.sample(messages, min(len(messages), self.chance.randint(0, 3)))
            option = ""
            if errors and self.chance.random() < 0.5:
                names = ", ".join('"%s"' % e for e in errors)
                option = " { option (semel.method) = { errors: [ %s ] }; }" % names
            self.lines.append("  rpc %s(.%s) returns (.%s)%s" % (method, self.chance.choice(messages),
                                                              self.chance.choice(messages), option or ";"))
        self.lines.append("}")

    def text(self):
        self.lines.append('syntax = "proto%d";' % (3 if self.proto3 else 2))
        if self.package:
            self.lines.append("package %s;" % self.package)
        self.lines.append('import "semel/options.proto";')
        scope = self.package + "." if self.package else ""
        names = self.some(TYPES, 5)
        services = [n for n in self.some(["S", "Get", "Foo", "A", "delete", "user", "memcpy", "semel"], 2) if n not in names]
        if self.chance.random() < 0.5 and len(names) > 1:
            self.enum(names.pop(), scope)
        messages = [self.message(n, scope, 0) for n in names]
        for name in services:
            self.service(name, messages)
        return "\n".join(self.lines) + "\n"


class Judge:
    def __init__(self, work, plugin, protos, runtime):
        self.work, self.plugin, self.protos, self.runtime = work, plugin, protos, runtime
        self.problems = []
        self.c_only = set()  # of those the plugin says that they will not serve C++

    def protoc(self, out, files, *options):
        command = ["protoc", "-I.", "-I" + self.protos, *options, *files]
        os.makedirs(os.path.join(self.work, out), exist_ok=True)
        return subprocess.run(command, cwd=self.work, capture_output=True, text=True)

    def accepts(self, name):
        """None: protoc itself refuses the file.  Else whether the plugin takes it."""
        syntax = self.protoc(".", [name], "--descriptor_set_out=%s.pb" % name[:-len(".proto")])
        if syntax.returncode != 0:
            return None
        run = self.protoc("out", [name], "--plugin=protoc-gen-semel=" + self.plugin, "--semel_out=out")
        said = run.stderr
        if run.returncode == 0:
            if "will serve C only" in said:
                self.c_only.add(name[:-len(".proto")])
            return True
        if not re.search(r"error: ", said) or "ERROR: AddressSanitizer" in said or "runtime error" in said:
            self.problems.append("%s: no clean error: %s" % (name, said))
        return False

    def generate(self, stems):
        """One run of nanopb over separate files: together they would not make one program."""
        command = ["nanopb_generator.py", "-q", "-sfallback_type:FT_POINTER", "-xsemel/options.proto", "-Dout"]
        run = subprocess.run(command + [s + ".pb" for s in stems], cwd=self.work, capture_output=True, text=True)
        if run.returncode != 0:
            self.problems.append("nanopb: %s" % run.stderr[-3000:])

    def fails(self, stem, command):
        run = subprocess.run([*command, "-I" + self.runtime, "-Iout"], cwd=self.work, capture_output=True, text=True)
        if run.returncode == 0:
            return None
        with open(os.path.join(self.work, stem + ".proto"), encoding="utf-8") as proto:
            return "%s:\n%s\n%s" % (" ".join(command), run.stderr[:1500], proto.read())

    def compile(self, stem):
        """What is wrong with the C of a file; the header must serve C++ too unless the plugin said otherwise."""
        commands = [["gcc", "-std=" + mode, "-fsyntax-only", *C_FLAGS, "out/%s.%s.c" % (stem, kind)]
                    for mode in ("c11", "gnu11") for kind in ("semel", "pb")]
        if stem not in self.c_only:
            commands.append(["g++", "-std=c++17", "-fsyntax-only", "-w", "-xc++", "out/%s.semel.h" % stem])
        for command in commands:
            problem = self.fails(stem, command)
            if problem:
                return problem
        return None


def main():
    plugin, protos, runtime = (os.path.realpath(a) for a in sys.argv[1:4])
    count = int(sys.argv[4]) if len(sys.argv) > 4 else 200
    seed = int(sys.argv[5]) if len(sys.argv) > 5 else 1
    with tempfile.TemporaryDirectory() as work:
        judge = Judge(work, plugin, protos, runtime)
        stems = ["f%d" % i for i in range(count)]
        for place, stem in enumerate(stems):
            with open(os.path.join(work, stem + ".proto"), "w", encoding="utf-8") as file:
                file.write(Maker(random.Random(seed * 1000003 + place)).text())
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            verdicts = dict(zip(stems, pool.map(lambda s: judge.accepts(s + ".proto"), stems)))
            good = [s for s in stems if verdicts[s]]
            judge.generate(good)
            judge.problems += [p for p in pool.map(judge.compile, good) if p]
        refused = sum(v is False for v in verdicts.values())
        print("%d files: %d not protobuf, %d refused with a clean error, %d compiled" %
              (count, sum(v is None for v in verdicts.values()), refused, len(good)))
        for problem in judge.problems:
            print("FAIL:", problem)
        if not good or not refused:
            print("FAIL: the names are too wild or too tame")
        return 1 if judge.problems or not good or not refused else 0


if __name__ == "__main__":
    sys.exit(main())
