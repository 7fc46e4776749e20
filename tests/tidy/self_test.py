# Holds each rule of the style check to what it is there to find: a tree with one fault must give one finding.
# Must not know: this tree.  The fixtures are written to a scratch folder, so that no search of the tree finds them.
# Reads best next: tidy.py.
import os
import subprocess
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import tidy

HEAD = "/* A fixture. */\n"
# In two parts, so that the check does not find them here.
NAP = "sl" + "eep"
MARKS = ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")

# A tree without fault, to which each case adds files or writes over them.
SOUND = {
    "CMakeLists.txt": "add_subdirectory(runtime)\n",
    "runtime/CMakeLists.txt": "include(config/sources.cmake)\nadd_library(x core/frame.c net/loop.c client/call.c\n"
                              "  server/session.c store/memory.c tools/main.c)\n",
    "runtime/config/sources.cmake": "set(SOURCES config/keys.c)\n",
    "runtime/include/semel/status.h": HEAD + "#include <stdint.h>\n#include <pb.h>\n#include <semel/service.h>\n",
    "runtime/core/frame.c": HEAD + '#include "core/frame.h"\n#include <string.h>\n#include <semel/status.h>\n'
                                   "#include <xxhash.h>\n#include <pb_encode.h>\n",
    "runtime/core/frame.h": HEAD,
    "runtime/net/loop.c": HEAD + '#include "core/frame.h"\n#include <ev.h>\n#include <unistd.h>\n',
    "runtime/store/memory.c": HEAD + '#include "core/frame.h"\n',
    "runtime/config/keys.c": HEAD + '#include "core/frame.h"\n#include "config/keys.h"\n#include <stdio.h>\n',
    "runtime/client/call.c": HEAD + '#include "net/loop.h"\n#include "store/store.h"\n#include "config/keys.h"\n',
    "runtime/server/session.c": HEAD + '#include "net/loop.h"\n#include "core/frame.h"\n',
    "runtime/tools/main.c": HEAD + '#include "client/call.h"\n#include "server/session.h"\n',
    "idl/CMakeLists.txt": "add_library(idl ${CMAKE_CURRENT_SOURCE_DIR}/model.c)\n",
    "idl/model.c": HEAD + '#include "idl/model.h"\n#include <stdio.h>\n',
    "codegen/CMakeLists.txt": "add_executable(gen emit.c)\n",
    "codegen/emit.c": HEAD + '#include "idl/model.h"\n#include "codegen/emit.h"\n',
    "examples/bank/CMakeLists.txt": "add_executable(bank bank.c)\n",
    "examples/bank/bank.c": HEAD + '#include <semel/semel.h>\n#include "bank.semel.h"\n#include <unistd.h>\n',
    "tests/unit/CMakeLists.txt": "add_executable(unit frame_test.c)\n",
    "tests/unit/frame_test.c": HEAD + '#include "core/frame.h"\n#include "client/call.h"\n#include <time.h>\n',
    "tests/run.sh": "#!/bin/sh\n# no sleep 5 here\necho asleep 5\n",
}


def function(name, lines):
    """A function of so many lines."""
    return f"{name}\n{{\n" + "    x();\n" * (lines - 3) + "}\n"


class SelfTest(unittest.TestCase):
    def run_on(self, changes):
        with tempfile.TemporaryDirectory() as root:
            for path, text in {**SOUND, **changes}.items():
                full_path = os.path.join(root, path)
                os.makedirs(os.path.dirname(full_path), exist_ok=True)
                with open(full_path, "w", encoding="utf-8") as stream:
                    stream.write(text)
            found, _ = tidy.findings(root)
        return found

    def expect(self, changes, *expected):
        """Exactly these (path, line, rule) are found."""
        found = self.run_on(changes)
        self.assertEqual([(path, line, rule) for path, line, rule, _ in found], sorted(expected), found)

    def expect_include(self, path, include, wrong=True):
        """An include, put at the end of a sound file, is found (or is not)."""
        line = SOUND[path].count("\n") + 1
        self.expect({path: SOUND[path] + f"#include {include}\n"}, *([(path, line, "floors")] if wrong else []))

    def test_sound_tree(self):
        self.expect({})

    def test_core_knows_nothing_outside(self):
        for header in ("ev.h", "sys/socket.h", "netinet/in.h", "pthread.h", "unistd.h", "time.h", "sys/time.h",
                       "fcntl.h", "signal.h", "threads.h", "sys/random.h", "lmdb.h"):
            self.expect_include("runtime/core/frame.c", f"<{header}>")
            self.expect_include("runtime/core/frame.h", f"<{header}>")

    def test_public_headers_need_only_c_and_nanopb(self):
        for include in ("<ev.h>", "<pthread.h>", "<xxhash.h>", '"core/frame.h"', '"status.h"'):
            self.expect_include("runtime/include/semel/status.h", include)

    def test_core_uses_nothing_outside(self):
        for line in ("FILE *f;", 'x = fopen("a", "b");', 'printf("x");', "fputs(x, stderr);", "now = time (NULL);",
                     "rand();", 'getenv("A");'):
            self.expect({"runtime/core/frame.c": HEAD + line + "\n"}, ("runtime/core/frame.c", 2, "floors"))
        fine = 'snprintf(a, 1, "printf(%d)", 1); /* FILE, time(2) */ run_time(1); x.timeout(1);\n'
        self.expect({"runtime/core/frame.c": HEAD + fine})

    def test_includes_point_downward(self):
        for path, include in (
                ("runtime/core/frame.c", '"net/loop.h"'), ("runtime/core/frame.c", '"client/call.h"'),
                ("runtime/core/frame.h", '"config/keys.h"'), ("runtime/net/loop.c", '"client/call.h"'),
                ("runtime/net/loop.c", '"config/keys.h"'), ("runtime/net/loop.c", "<server/session.h>"),
                ("runtime/store/memory.c", '"net/loop.h"'), ("runtime/config/keys.c", '"net/loop.h"'),
                ("runtime/config/keys.c", '"store/store.h"'), ("runtime/client/call.c", '"server/session.h"'),
                ("runtime/server/session.c", '"client/call.h"'), ("runtime/server/session.c", '"tools/main.h"'),
                ("runtime/tools/main.c", '"codegen/emit.h"'), ("idl/model.c", '"codegen/emit.h"'),
                ("idl/model.c", '"core/frame.h"'), ("codegen/emit.c", '"core/frame.h"'),
                ("examples/bank/bank.c", '"core/frame.h"'), ("examples/bank/bank.c", '"client/call.h"'),
                ("examples/bank/bank.c", "<net/loop.h>"), ("examples/bank/bank.c", '"idl/model.h"')):
            self.expect_include(path, include)
        self.expect_include("runtime/client/call.c", '"core/frame.h"', wrong=False)

    def test_includes_do_not_climb(self):
        self.expect_include("tests/unit/frame_test.c", '"../support.h"')
        self.expect_include("idl/model.c", '"x/../../y.h"')

    def test_commented_include_does_not_count(self):
        self.expect({"runtime/core/frame.h": HEAD + "/*\n#include <ev.h>\n*/\n// #include <ev.h>\n"})

    def test_function_length(self):
        path = "runtime/core/frame.c"
        self.expect({path: HEAD + function("static int a(int b)", 70)})
        self.expect({path: HEAD + function("static int a(int b)", 71)}, (path, 2, "function-length"))
        header = "runtime/core/frame.h"
        self.expect({header: HEAD + function("static inline int a(void)", 71)}, (header, 2, "function-length"))
        test = "tests/unit/frame_test.c"
        self.expect({test: HEAD + function("Test(frame, long_one)", 71)}, (test, 2, "function-length"))
        self.expect({"examples/bank/bank.pb.c": HEAD + function("int a(void)", 500),
                     "examples/bank/CMakeLists.txt": "add_executable(bank bank.c bank.pb.c)\n"})

    def test_file_length(self):
        self.expect({"runtime/core/frame.h": HEAD + "\n" * 599})
        self.expect({"runtime/core/frame.h": HEAD + "\n" * 600}, ("runtime/core/frame.h", 601, "file-length"))
        self.expect({"tests/x.py": "\n" * 601}, ("tests/x.py", 601, "file-length"))

    def test_banned_calls(self):
        for name in ("strcpy", "strcat", "sprintf", "vsprintf", "gets", "alloca", "strtok", "atoi", "atol"):
            self.expect({"idl/model.c": HEAD + f"\n{name} (x);\n"}, ("idl/model.c", 3, "banned"))
            self.expect({"idl/model.c": HEAD + f'/* {name}(x) */ my_{name}(x); y = "{name}(";\n'})
        self.expect({"idl/model.c": HEAD + "snprintf(x); fgets(x); strtok_r(x); strncpy(x);\n"})

    def test_sleeping_tests(self):
        for name in ("sleep", "usleep", "nanosleep"):
            self.expect({"tests/unit/frame_test.c": HEAD + f"{name}(1);\n"}, ("tests/unit/frame_test.c", 2, "sleep"))
            self.expect({"examples/bank/bank.c": HEAD + f"{name}(1);\n"})
        for line in ("NAP 1", "  NAP 0.1", "x; NAP $n", "while a; do NAP 1; done", 'a || NAP "$x"'):
            line = line.replace("NAP", NAP)
            self.expect({"tests/run.sh": f"#!/bin/sh\n{line}\n"}, ("tests/run.sh", 2, "sleep"))
        self.expect({"tests/x.py": f"import time\ntime.{NAP}(1)\n"}, ("tests/x.py", 2, "sleep"))

    def test_marks(self):
        for mark in MARKS:
            for path in ("idl/model.c", "tests/run.sh", "runtime/CMakeLists.txt", "runtime/net/README.md"):
                before = SOUND.get(path, "")
                self.expect({path: before + f"# /* {mark}: later */\n"}, (path, before.count("\n") + 1, "mark"))
        self.expect({"idl/model.c": HEAD + f'x("{MARKS[2]}{MARKS[2]}"); {MARKS[0]}S();\n'})

    def test_line_length(self):
        self.expect({"idl/model.c": HEAD + "x" * 120 + "\n"})
        self.expect({"idl/model.c": HEAD + "\n" + "x" * 121 + "\n"}, ("idl/model.c", 3, "line-length"))
        self.expect({"idl/model.c": HEAD + "\u00e4" * 120 + "\n"})

    def test_header_comment(self):
        self.expect({"idl/model.c": "\n" + HEAD}, ("idl/model.c", 1, "header"))
        self.expect({"runtime/core/frame.h": "#ifndef A\n#endif\n"}, ("runtime/core/frame.h", 1, "header"))
        self.expect({"idl/model.c": ""}, ("idl/model.c", 1, "header"))

    def test_machine_paths(self):
        for path in ("wo" + "rk/main/x", "ho" + "me/me/x", "ro" + "ot/x", "tm" + "p/build/x"):
            self.expect({"tests/run.sh": f"#!/bin/sh\ncd /{path}\n"}, ("tests/run.sh", 2, "path"))
            self.expect({"idl/model.c": HEAD + f'x("/{path}");\n'}, ("idl/model.c", 2, "path"))
        self.expect({"tests/run.sh": "#!/bin/sh\ncd $x/wo" "rk/main /usr/share/x /etc/x\n"})

    def test_dead_files(self):
        for path in ("runtime/core/dead.c", "idl/dead.c", "codegen/dead.c", "examples/bank/dead.c", "tests/dead.c"):
            self.expect({path: HEAD}, (path, 1, "dead"))
        self.expect({"runtime/net/frame.c": HEAD}, ("runtime/net/frame.c", 1, "dead"))  # core's is named, not net's
        self.expect({"runtime/config/sources.cmake": "# config/keys.c\n"}, ("runtime/config/keys.c", 1, "dead"))

    def test_golden_files_are_data(self):
        self.expect({"tests/golden/good/x.c": "sprintf(x);" * 200})
        self.expect({"tests/golden/bad/x.proto": MARKS[0] + "\n"}, ("tests/golden/bad/x.proto", 1, "mark"))
        self.expect({"tests/golden/check.c": HEAD}, ("tests/golden/check.c", 1, "dead"))

    def test_command_line(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tidy.py")

        def run(root):
            return subprocess.run([sys.executable, "-B", script, root], capture_output=True, text=True, check=False)

        with tempfile.TemporaryDirectory() as root:
            self.assertEqual(run(root).returncode, 2)  # nothing to look at is not a pass
            os.makedirs(os.path.join(root, "idl"))
            with open(os.path.join(root, "idl", "a.h"), "w", encoding="utf-8") as stream:
                stream.write(HEAD)
            self.assertEqual(run(root).returncode, 0)
            with open(os.path.join(root, "idl", "a.h"), "a", encoding="utf-8") as stream:
                stream.write('#include "../b.h"\n')
            result = run(root)
            self.assertEqual(result.returncode, 1)
            self.assertIn('idl/a.h:2: floors: "../b.h" climbs up: name it from the include root\n', result.stdout)


if __name__ == "__main__":
    unittest.main()
