# Function length, measured by universal-ctags: where a function starts and ends is for a parser to say.
# Must not know: anything else about a file.
# Reads best next: dead.py.
import subprocess
import sys

FUNCTION_LINES_MAX = 70

# Headers are C here, not C++; the output is one tag a line: name, path, pattern, fields.
CTAGS = ["ctags", "--options=NONE", "--map-C++=-.h", "--map-C=+.h", "--languages=C", "--kinds-C=f", "--fields=ne",
         "--sort=no", "-o", "-", "-L", "-"]


def run_ctags(paths):
    """The tags of all files; ends the program where ctags can not run, since no tags would look like no findings."""
    try:
        result = subprocess.run(CTAGS, input="\n".join(paths), capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"tidy: universal-ctags can not run: {error}", file=sys.stderr)
        sys.exit(2)
    return result.stdout.splitlines()


def fields_of(tag):
    """The "name:value" fields at the end of a tag line."""
    return dict(field.split(":", 1) for field in tag.split("\t")[3:] if ":" in field)


def check(tree):
    files = {file.full_path: file for file in tree.files if file.is_code}
    for tag in run_ctags(files):
        if tag.startswith("!"):
            continue
        name, path = tag.split("\t")[:2]
        fields = fields_of(tag)
        if "end" not in fields:
            yield files[path].path, int(fields["line"]), "function-length", f"can not see where {name} ends"
            continue
        start, end = int(fields["line"]), int(fields["end"])
        if end - start + 1 > FUNCTION_LINES_MAX:
            yield (files[path].path, start, "function-length",
                   f"{name} has {end - start + 1} lines, over {FUNCTION_LINES_MAX}")
