"""Checks the site that target `docs` has built: every link within it leads to a page and an anchor
that are there, no command of Doxygen is left in the text, all of it is small enough for a browser;
and, with --browser, that Chromium shows pages and its search finds a class by name."""

import argparse
import functools
import html.parser
import http.server
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.parse

SKIPPED = 77
LARGEST_SITE = 40 << 20  # bytes
LARGEST_PAGE = 4 << 20


class Page(html.parser.HTMLParser):
    """The anchors of a page, and what it links to."""

    def __init__(self, text):
        super().__init__()
        self.anchors, self.links, self.words = set(), set(), []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.anchors |= {attrs[name] for name in ("id", "name") if attrs.get(name)}
        self.links |= {attrs[name] for name in ("href", "src") if attrs.get(name)}

    def handle_data(self, data):
        self.words.append(data)


def check_links(site):
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}
    for path, page in sorted(pages.items()):
        for link in sorted(page.links):
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = path if not parts.path else path.parent / urllib.parse.unquote(parts.path)
            target = target.resolve()
            if not target.is_file():
                yield f"{path.name}: the link {link} leads nowhere"
            elif parts.fragment and target in pages and parts.fragment not in pages[target].anchors:
                yield f"{path.name}: the link {link} leads to no place of that page"


def check_text(site):
    """Commands that Doxygen has not understood, in the guide pages: code is outside of it."""
    for path in sorted(site.glob("*.html")):
        text = path.read_text(encoding="utf-8")
        prose = re.sub(r'<(pre|code|tt|div class="line").*?</(pre|code|tt|div)>', "", text,
                       flags=re.DOTALL)
        for command in re.findall(r"[@\\](?:ref|subpage|section|anchor|code|f\$) [^<]{0,40}", prose):
            yield f"{path.name}: {command} is left in the text"


def check_sizes(site):
    files = [path for path in site.rglob("*") if path.is_file()]
    whole = sum(path.stat().st_size for path in files)
    if whole > LARGEST_SITE:
        yield f"the site has {whole >> 20} MiB"
    for path in files:
        if path.stat().st_size > LARGEST_PAGE:
            yield f"{path.name} has {path.stat().st_size >> 20} MiB"


# Typed into the search field; its results are in a frame.
SEARCH = """
<script>
addEventListener("load", () => setTimeout(() => {
  const field = document.getElementById("MSearchField");
  field.value = "conv2d";
  searchBox.OnSearchFieldFocus(true);
  searchBox.Search();
  const frame = () => document.getElementById("MSearchResults").contentDocument;
  const timer = setInterval(() => {
    const found = [...frame().querySelectorAll(".SRResult")]
      .filter(result => result.style.display !== "none" && result.offsetParent);
    if (found.length > 0) {
      clearInterval(timer);
      document.body.dataset.found = found.map(result => result.id).join(" ");
    }
  }, 50);
}, 100));
</script>
"""


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def shown(chromium, profile, address):
    """A page after its scripts have run."""
    command = [chromium, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}",
               "--virtual-time-budget=10000", "--dump-dom", address]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    return result.stdout


def check_browser(site, chromium):
    probe = site / "index_search_probe.html"
    probe.write_text((site / "index.html").read_text(encoding="utf-8") + SEARCH, encoding="utf-8")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                             functools.partial(Handler, directory=str(site)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}/"
    try:
        with tempfile.TemporaryDirectory() as profile:
            for name, expected in {
                    "index.html": ["A program", 'class="item"'],  # and the tree at its side
                    "classcnnrnn_1_1nn_1_1Conv2d.html": ["cnnrnn::nn::Conv2d", 'class="item"'],
                    "layers.html": ["MapReader"]}.items():
                text = shown(chromium, profile, address + name)
                for part in expected:
                    if part not in text:
                        yield f"{name}: Chromium does not show {part}"
            found = re.search(r'data-found="([^"]*)"', shown(chromium, profile, address + probe.name))
            if not found or "conv2d" not in found[1]:
                yield "the search for conv2d finds nothing"
    finally:
        server.shutdown()
        probe.unlink()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--site", type=pathlib.Path, required=True)
    parser.add_argument("--browser", action="store_true")
    args = parser.parse_args()
    if not (args.site / "index.html").is_file():
        print("skipped: there is no site")
        return SKIPPED

    if args.browser:
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        if not chromium:
            print("skipped: there is no chromium")
            return SKIPPED
        problems = list(check_browser(args.site, chromium))
    else:
        problems = [*check_links(args.site.resolve()), *check_text(args.site),
                    *check_sizes(args.site)]
    print("\n".join(problems[:50]) or "nothing to complain about")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
