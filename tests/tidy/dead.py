# Dead files: a .c file that no CMakeLists.txt or .cmake names is compiled by nobody.
# Must not know: what the file holds.
# Reads best next: self_test.py.
import os
import re

COMPILED = ("runtime/", "idl/", "codegen/", "examples/", "tests/")
WORD = re.compile(r"[\w./${}-]+\.c\b")


def named_paths(cmake):
    """Every path that a word ending in .c can mean: below the file's folder or, as it may be included, any above."""
    for line in cmake.lines:
        for word in WORD.findall(re.sub(r"#.*", "", line)):
            word = re.sub(r"^\$\{\w+\}/", "", word)  # ${CMAKE_CURRENT_SOURCE_DIR}/
            folder = cmake.folder
            while True:
                yield os.path.normpath(os.path.join(folder, word)).replace(os.sep, "/")
                if not folder:
                    break
                folder = os.path.dirname(folder)


def check(tree):
    named = {path for cmake in tree.cmake_files for path in named_paths(cmake)}
    for file in tree.files:
        if file.is_code and file.path.endswith(".c") and file.path.startswith(COMPILED) and file.path not in named:
            yield file.path, 1, "dead", "no CMakeLists.txt or .cmake names this file"
