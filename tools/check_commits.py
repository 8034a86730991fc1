#!/usr/bin/env python3
"""Check commit messages: ``type(scope)!: subject``, at most 72 characters, no full stop.

With a file name it checks that message (as a commit-msg hook); without, the last commits of the
branch. Merges and reverts written by git are let through.
"""

import re
import subprocess
import sys

TYPES = (
    "build",
    "chore",
    "ci",
    "docs",
    "feat",
    "fix",
    "perf",
    "refactor",
    "revert",
    "style",
    "test",
)
SUBJECT = re.compile(r"^(%s)(\([a-z0-9_./-]+\))?!?: \S.*[^.\s]$" % "|".join(TYPES))
LONGEST = 72
HOW_MANY = 50


def fault(message):
    """What is wrong with a message, or an empty string."""
    lines = [line for line in message.splitlines() if not line.startswith("#")]
    subject = lines[0] if lines else ""
    if subject.startswith(("Merge ", "Revert ", "fixup! ", "squash! ")):
        return ""
    if not SUBJECT.match(subject):
        return "is not `type(scope): subject` with a type of " + ", ".join(TYPES)
    if len(subject) > LONGEST:
        return "has a subject of %d characters, %d are allowed" % (len(subject), LONGEST)
    if len(lines) > 1 and lines[1].strip():
        return "needs an empty line after the subject"
    return ""


def history():
    """Messages of the last commits, newest first; none outside a repository."""
    command = ["git", "log", "--no-merges", "-n", str(HOW_MANY), "--format=%B%x00"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    text = done.stdout.decode("utf-8", "replace")
    return [message.strip("\n") for message in text.split("\0") if message.strip()]


def main(arguments):
    """Exit status 1 when any message is at fault."""
    if arguments:
        with open(arguments[0], encoding="utf-8") as handle:
            messages = [handle.read()]
    else:
        messages = history()
    faults = [(message.splitlines()[0], fault(message)) for message in messages if fault(message)]
    for subject, why in faults:
        print("commit message %r %s" % (subject, why), file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
