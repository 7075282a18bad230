"""examples/plot.py draws a history and sample predictions, and says what it misses."""
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import matplotlib.image
    import numpy
except ImportError:
    sys.exit(77)

PLOT = pathlib.Path(os.environ["CNNRNN_SOURCE_DIR"]) / "examples" / "plot.py"


def plot(folder):
    return subprocess.run([sys.executable, PLOT, folder], text=True, capture_output=True, check=False)


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    nothing = plot(folder)
    assert nothing.returncode == 1 and "found neither" in nothing.stderr, nothing
    (folder / "history.csv").write_text(
        "epoch,train_loss,train_accuracy,test_loss,test_accuracy,seconds,images_per_second\n"
        "1,2.1,0.2,1.9,0.3,10,500\n2,1.5,0.4,1.6,0.42,10,500\n")
    (folder / "samples").mkdir()
    matplotlib.image.imsave(folder / "samples/0.png", numpy.zeros((32, 32, 3)))
    (folder / "samples.csv").write_text(
        "file,label,prediction,probability\nsamples/0.png,cat,dog,0.7\n")
    done = plot(folder)
    assert done.returncode == 0, done
    for picture in ("history.png", "predictions.png"):
        assert matplotlib.image.imread(folder / picture).std() > 0, picture
