"""Builds the reference and the guide pages with Doxygen: target `docs`.

The guide pages are the Markdown files of the repository. Doxygen gets copies whose links lead to its
own pages; files outside of the site that they link to are shown as they are. Fails on any warning,
such as a public name without documentation.
"""

import argparse
import html
import os
import pathlib
import re
import shutil
import subprocess
import sys

PAGES = ["README.md", "SECURITY.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/**/*.md",
         "packaging/README.md", "examples/*/README.md", "tests/*/README.md"]

# What a page holds beside plain text; the earliest wins, so that code stays as it is.
TOKEN = re.compile(
    r"^```(?P<language>\w*)(?P<quoted>[^\n]*)(?P<code>\n.*?^```$)"
    r"|^(?P<level>#+) (?P<heading>[^\n]*)$"
    r"|(?P<image>!?)\[(?P<text>(?:`[^`]*`|[^\]`])*)\]\(\s*(?P<target>[^)\s]+)\s*\)"
    r"|`[^`\n]+`", re.MULTILINE | re.DOTALL)

FILE_PAGE = """<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{name}</title>
<link rel="stylesheet" href="../doxygen.css"><link rel="stylesheet" href="../site.css"></head>
<body><div class="contents"><p><a href="../index.html">cnnrnn</a>: {name}</p>
<pre class="fragment">{text}</pre></div></body></html>
"""


def slug(heading):
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", words).replace(" ", "-")


class Site:
    """The pages of a repository, in the order in which README links to them, and the other files
    that they link to. Pages in deeper folders are parts of the page that links to them first."""

    def __init__(self, source):
        self.source = source
        self.main = source / "README.md"
        self.pages = sorted({path for pattern in PAGES for path in source.glob(pattern)},
                            key=self.place)
        self.titles = [page.read_text(encoding="utf-8").partition("\n")[0].removeprefix("# ")
                       for page in self.pages]
        self.files = {}
        self.placed = set()

    def place(self, page):
        main = self.main.read_text(encoding="utf-8")
        found = main.rfind(f"]({page.relative_to(self.source).as_posix()}")
        return self.is_part(page), page != self.main, found if found >= 0 else len(main), page

    def is_part(self, page):
        return page.parent not in (self.source, self.source / "docs")

    def label(self, page, anchor=""):
        name = page.relative_to(self.source).with_suffix("").as_posix()
        parts = [name.removeprefix("docs/"), *([anchor] if anchor else [])]
        return re.sub(r"\W", "_", "__".join(parts).lower())

    def link(self, page, image, text, target):
        """A link of a page as one within the site."""
        path, _, anchor = target.partition("#")
        file = pathlib.Path(os.path.normpath(page.parent / path)) if path else page
        if file.suffix == ".md":
            if self.is_part(file) and page != self.main and file not in self.placed:
                self.placed.add(file)
                return f'@subpage {self.label(file)} "{text.replace("`", "")}"'
            return f"[{text}](@ref {self.label(file, anchor)})"
        if file.suffix == ".hpp" and self.source / "include" in file.parents:
            return f"[{text}](@ref {file.relative_to(self.source / 'include').as_posix()})"
        if not file.is_file():
            return text
        name = file.relative_to(self.source).as_posix()
        picture = file.suffix == ".png"
        self.files[file] = f"files/{name.replace('/', '_')}{'' if picture else '.html'}"
        if image:
            return f'<img src="{self.files[file]}" alt="{html.escape(text)}">'
        return f"[{text}]({self.files[file]})"

    def translate(self, page):
        """The text of a page as Doxygen reads it."""
        def replace(match):
            if match["code"]:
                return f"```{match['language']}{match['code']}"
            if match["level"] == "#":
                same = self.titles.count(match["heading"]) > 1
                return f"{match[0]}{f': {page.stem}' if same else ''} {{#{self.label(page)}}}"
            if match["level"]:
                return f"{match[0]} {{#{self.label(page, slug(match['heading']))}}}"
            if match["target"] and not re.match(r"[a-z][a-z+.-]*:", match["target"]):
                return self.link(page, match["image"], " ".join(match["text"].split()),
                                 match["target"])
            return match[0]

        return TOKEN.sub(replace, page.read_text(encoding="utf-8"))

    def write_pages(self, folder):
        folder.mkdir(parents=True)
        for number, page in enumerate(self.pages):
            copy = folder / f"{number:02}_{self.label(page)}.md"
            copy.write_text(self.translate(page), encoding="utf-8")

    def write_files(self, folder):
        (folder / "files").mkdir(exist_ok=True)
        for file, name in self.files.items():
            if file.suffix == ".png":
                shutil.copyfile(file, folder / name)
                continue
            text = html.escape(file.read_text(encoding="utf-8"))
            title = file.relative_to(self.source).as_posix()
            (folder / name).write_text(FILE_PAGE.format(name=title, text=text), encoding="utf-8")


def remove_dead_links(folder):
    """Doxygen 1.9 links to the nested classes of a page when they are private and not on it."""
    for page in folder.glob("class*.html"):
        text = page.read_text(encoding="utf-8")
        if 'name="nested-classes"' not in text:
            page.write_text(re.sub(r'<a href="#nested-classes">Classes</a>( &#124;\s*)?', "", text),
                            encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", type=pathlib.Path, required=True)
    parser.add_argument("--doxygen", required=True)
    parser.add_argument("--doxyfile", type=pathlib.Path, required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True)
    args = parser.parse_args()

    for old in ("html", "pages"):
        shutil.rmtree(args.output / old, ignore_errors=True)
    site = Site(args.source)
    site.write_pages(args.output / "pages")
    subprocess.run([args.doxygen, str(args.doxyfile)], check=True)
    site.write_files(args.output / "html")
    remove_dead_links(args.output / "html")

    warnings = (args.output / "warnings.log").read_text(encoding="utf-8")
    print(warnings or f"{args.output / 'html' / 'index.html'}: no warnings")
    return 1 if warnings else 0


if __name__ == "__main__":
    sys.exit(main())
