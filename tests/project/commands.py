"""What the tests of the project share: commands that must succeed, and tests that cannot run here."""
import shutil
import subprocess
import sys

SKIPPED = 77


def run(*command, **options):
    """What the command printed; a failure prints all it said and ends the test."""
    command = [str(part) for part in command]
    result = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if result.returncode:
        sys.exit(f"{' '.join(command)}\n{result.stdout}{result.stderr}exit code {result.returncode}")
    return result.stdout


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIPPED)


def need(*tools):
    """Skips the test unless all tools are installed."""
    for tool in tools:
        if not shutil.which(tool):
            skip(f"there is no {tool}")
