"""Runs a program with a defect: it must end in failure, with the sanitizer's message. Without a
message, it must end well and say nothing but its result.

usage: notices.py PROGRAM DEFECT [MESSAGE]
"""

import subprocess
import sys

if len(sys.argv) not in (3, 4):
    sys.exit(__doc__)
program, defect, *message = sys.argv[1:]
result = subprocess.run([program, defect, "1000"], capture_output=True, text=True, check=False)
print(f"exit code {result.returncode}\n{result.stdout}{result.stderr}")
if message:
    sys.exit(0 if result.returncode != 0 and message[0] in result.stderr else 1)
sys.exit(0 if result.returncode == 0 and result.stdout == "999\n" and not result.stderr else 1)
