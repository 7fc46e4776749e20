# The files of the tree as the rules see them: path, text, and C text without comments or strings.
# Must not know: any rule.
# Reads best next: floors.py.
import os
import re

FOLDERS = ("idl", "runtime", "codegen", "examples", "tests")
SKIPPED_FOLDERS = {"build", "__pycache__"}
# Below a folder of this name lie inputs and outputs that generators are held to: data, whatever their extension.
GOLDEN = "/golden/"
GENERATED = (".pb.c", ".pb.h", ".semel.c", ".semel.h")
SCRIPTS = (".sh", ".py", ".cmake", ".awk")

# A comment, a string or a character: each hides the start of the others.
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.DOTALL)


def blank(text, keep_strings):
    """text with comments (and strings) replaced by blanks, so that lines and columns stay."""

    def replace(match):
        if keep_strings and match.group(0)[0] in "\"'":
            return match.group(0)
        return re.sub(r"[^\n]", " ", match.group(0))

    return TOKEN.sub(replace, text)


class File:
    def __init__(self, root, path):
        self.path = path  # below the root, with "/"
        self.full_path = os.path.join(root, path)
        self.name = os.path.basename(path)
        self.folder = os.path.dirname(path)
        is_data = path.endswith(GENERATED) or GOLDEN in self.folder + "/" and not self.folder.endswith(GOLDEN[:-1])
        self.is_code = path.endswith((".c", ".h")) and not is_data
        self.is_script = path.endswith(SCRIPTS)
        self.is_cmake = self.name == "CMakeLists.txt" or path.endswith(".cmake")
        with open(self.full_path, encoding="utf-8", errors="replace") as stream:
            self.text = stream.read()
        self.lines = self.text.splitlines()
        self.code = blank(self.text, keep_strings=False).splitlines() if self.is_code else []
        self.code_with_strings = blank(self.text, keep_strings=True).splitlines() if self.is_code else []


def is_text(full_path):
    with open(full_path, "rb") as stream:
        return b"\0" not in stream.read(4096)


class Tree:
    def __init__(self, root):
        self.root = root
        self.files = []
        for folder in FOLDERS:
            self._walk(os.path.join(root, folder))
        self.cmake_files = [file for file in self.files if file.is_cmake]
        if os.path.isfile(os.path.join(root, "CMakeLists.txt")):
            self.cmake_files.append(File(root, "CMakeLists.txt"))

    def _walk(self, top):
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS and name[0] != ".")
            for name in sorted(names):
                full_path = os.path.join(folder, name)
                if name[0] != "." and not os.path.islink(full_path) and is_text(full_path):
                    self.files.append(File(self.root, os.path.relpath(full_path, self.root).replace(os.sep, "/")))
