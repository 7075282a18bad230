"""Times all contenders of all rows, round after round, so that a slow minute of the machine affects
all of them."""
import sys

from comparison.contenders import Failed

# Peers that never came within this factor of a row's best peer in the first rounds are skipped in the
# others: they would not become the best, and they take most of the time.
FIRST_ROUNDS = 2
HOPELESS = 1.3


class Progress:
    """Shows progress: one line that changes on a terminal, one line per measurement elsewhere."""

    def __init__(self, rounds):
        self.rounds = rounds
        self.live = sys.stderr.isatty()

    def show(self, number, row, contender, done, count):
        text = (f"round {number + 1}/{self.rounds}, row {done}/{count}: {row.part} {row.name}, "
                f"{contender.describe()}")
        print(f"\r\033[K{text}" if self.live else text, end="" if self.live else "\n",
              file=sys.stderr, flush=True)

    def end(self):
        if self.live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def run_rounds(rows, rounds, wrapper):
    progress = Progress(rounds)
    for number in range(rounds):
        for done, row in enumerate(rows, 1):
            contenders = [row.ours, *hopeful(row.peers, number)]
            # A different one starts each round: the first after a pause may find a cooler machine.
            first = number % len(contenders)
            for contender in contenders[first:] + contenders[:first]:
                progress.show(number, row, contender, done, len(rows))
                measure(row, contender, wrapper)
    progress.end()


def measure(row, contender, wrapper):
    try:
        contender.measure(wrapper)
    except Failed as failure:
        if contender is row.ours:
            sys.exit(f"\n{row.name}: {failure}")
        contender.failure = str(failure)


def hopeful(peers, number):
    """The peers worth another round."""
    running = [peer for peer in peers if not peer.failure]
    if number < FIRST_ROUNDS or not running:
        return running
    best = min(min(peer.figures) for peer in running)
    return [peer for peer in running if min(peer.figures) <= HOPELESS * best]
