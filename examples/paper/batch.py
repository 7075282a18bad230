"""Trains runs, one after the other or several side by side. A batch can be stopped at any moment."""
import concurrent.futures
import ctypes
import fcntl
import json
import shlex
import signal
import subprocess
import sys

from paper.grid import NETWORKS

LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
SAVE_BATCHES = 100  # what a killed run may lose


def end_with_parent():
    """Called in a program about to start: if this process is killed, the program is told to save."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Batch:
    """Trains the unfinished runs of a list. Only one batch at a time works in a folder. The training
    program holds the lock too, in case it outlives the batch."""

    def __init__(self, args, machine, after=lambda run: None):
        """`after` is called with every run that is done, from the thread that waited for it."""
        self.args, self.machine, self.after = args, machine, after
        self.processes = set()
        self.stopping = self.failed = None
        args.out.mkdir(parents=True, exist_ok=True)
        self.lock = open(args.out / ".lock", "w")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another batch in {args.out} to end", flush=True)
            fcntl.flock(self.lock, fcntl.LOCK_EX)
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self.stop)

    def stop(self, number, _frame):
        """Passes a signal on. At the first, the program saves and ends; at the second, it ends."""
        self.stopping = number
        for process in [*self.processes]:
            process.send_signal(number)

    def run(self, runs, goal_of):
        """Returns the exit code: 0, 1 if a run failed or diverged, 130 if the batch was stopped."""
        settled = ("done",) if self.args.retry_diverged else ("done", "diverged")

        def train_next(number, run):
            goal = goal_of(run)
            if not (self.stopping or self.failed or run.state(goal) in settled):
                self.train(f"[{number}/{len(runs)}]", run, goal)
            if run.state(goal) == "done":
                self.after(run)

        with concurrent.futures.ThreadPoolExecutor(self.args.jobs) as pool:
            for training in [pool.submit(train_next, *each) for each in enumerate(runs, 1)]:
                training.result()
        if self.stopping:
            return 130
        diverged = sum(bool(run.diverged()) for run in runs)
        if diverged:
            print(f"{diverged} of {len(runs)} runs diverged", file=sys.stderr)
        return 1 if diverged or self.failed else 0

    def command(self, run, goal):
        args = self.args
        return [*args.launcher, str(args.build / "examples" / NETWORKS[run.row.network].program), "train",
                "--data", args.data, *run.row.arguments(), "--seed", str(run.seed),
                *goal.arguments(), "--threads", str(args.threads),
                "--checkpoint-every", str(SAVE_BATCHES), "--out", str(run.folder),
                *(["--overwrite"] if run.diverged() else
                  ["--resume"] if run.can_resume() else [])]

    def train(self, place, run, goal):
        command = self.command(run, goal)
        print(f"\n{place} {run.title}, until {goal}\n$ {shlex.join(command)}", flush=True)
        run.folder.mkdir(parents=True, exist_ok=True)
        (run.folder / "machine.json").write_text(json.dumps(self.machine, indent=2) + "\n")
        beside_others = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        # In its own session, the program gets Ctrl-C only from here, and only once.
        process = subprocess.Popen(command, start_new_session=True, preexec_fn=end_with_parent,
                                   pass_fds=[self.lock.fileno()],
                                   **(beside_others if self.args.jobs > 1 else {}))
        self.processes.add(process)
        if self.stopping:
            process.send_signal(self.stopping)
        for text in process.stdout or ():
            if " ETA " not in text:
                print(f"{place} {text}", end="", flush=True)
        code = process.wait()
        self.processes.remove(process)
        if code != 0 and not (self.stopping or run.diverged()):
            print(f"{run.title} ended with exit code {code}", file=sys.stderr)
            self.failed = run
