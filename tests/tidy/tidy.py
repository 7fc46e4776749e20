# The style check: walks the tree and prints "file:line: rule: text" for whatever breaks a house rule.
# Must not know: the rules themselves.
# Reads best next: floors.py, text.py, functions.py, dead.py (a rule each, or a few), self_test.py.
"""Usage: tidy.py ROOT.  Exit code 0: nothing found; 1: something found; 2: the check could not run."""
import sys

sys.dont_write_bytecode = True  # the tree stays as it was

import dead
import floors
import functions
import text
from tree import Tree

RULES = (floors.check, text.check, functions.check, dead.check)


def findings(root):
    """Everything that is wrong, as sorted (path, line, rule, text)."""
    tree = Tree(root)
    return sorted(found for rule in RULES for found in rule(tree)), tree


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    found, tree = findings(arguments[0])
    for path, line, rule, what in found:
        print(f"{path}:{line}: {rule}: {what}")
    print(f"tidy: {len(tree.files)} files, {len(found)} findings")
    if not any(file.is_code for file in tree.files):
        print(f"tidy: no code below {arguments[0]}: is this the root of the tree?", file=sys.stderr)
        return 2
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
