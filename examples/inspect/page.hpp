#pragma once

#include <iostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cnnrnn/core/error.hpp"
#include "cnnrnn/io/file.hpp"
#include "inspect/picture.hpp"

namespace inspect {

/// Text as HTML shows it.
inline std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const std::string_view name = c == '&'   ? "&amp;"
                                  : c == '<' ? "&lt;"
                                  : c == '>' ? "&gt;"
                                  : c == '"' ? "&quot;"
                                             : "";
    result += name.empty() ? std::string(1, c) : std::string(name);
  }
  return result;
}

/// The page that shows the pictures, and the folder with both. Chapters hold paragraphs, tables and
/// groups of figures, in the order of the calls. Texts are plain, not HTML, but for a paragraph's.
class Page {
 public:
  explicit Page(std::string folder) : folder_(std::move(folder)) {}

  void chapter(std::string_view title) {
    body_ += cnnrnn::to_message("<h2>", escaped(title), "</h2>\n");
  }

  /// A paragraph of HTML.
  void paragraph(std::string_view html) { body_ += cnnrnn::to_message("<p>", html, "</p>\n"); }

  /// A colour scale, `signed` or `strength`, with what its two ends mean.
  void scale(std::string_view kind, std::string_view low, std::string_view high) {
    body_ += cnnrnn::to_message("<div class=\"scale\"><span>", escaped(low), "</span><i class=\"",
                                kind, "\"></i><span>", escaped(high), "</span></div>\n");
  }

  void begin_figures() { body_ += "<div class=\"figures\">\n"; }
  void end_figures() { body_ += "</div>\n"; }

  /// Saves a picture as NAME.png and shows it over its caption. Throws FileError.
  void figure(const std::string& name, const Picture& picture, std::string_view title,
              std::string_view caption = "") {
    picture.save(folder_ + "/" + name + ".png");
    body_ += cnnrnn::to_message("<figure><img src=\"", name, ".png\" width=\"", picture.width(),
                                "\" height=\"", picture.height(), "\" alt=\"", escaped(title),
                                "\"><figcaption><b>", escaped(title), "</b> ", escaped(caption),
                                "</figcaption></figure>\n");
  }

  /// A table; the first row is its head.
  void table(const std::vector<std::vector<std::string>>& rows) {
    body_ += "<table>\n";
    for (std::size_t row = 0; row < rows.size(); ++row) {
      body_ += "<tr>";
      for (const auto& cell : rows[row]) {
        const char* const tag = row == 0 ? "th" : "td";
        body_ += cnnrnn::to_message('<', tag, '>', escaped(cell), "</", tag, '>');
      }
      body_ += "</tr>\n";
    }
    body_ += "</table>\n";
  }

  /// Writes index.html under a heading and returns its path. Throws FileError.
  std::string save(std::string_view title, std::string_view subtitle) const {
    const std::string path = folder_ + "/index.html";
    cnnrnn::io::write_text(
        path,
        cnnrnn::to_message("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">"
                           "\n<meta name=\"viewport\" content=\"width=device-width\">\n<title>",
                           escaped(title), "</title>\n<style>", style,
                           "</style>\n</head>\n"
                           "<body>\n<main>\n<header><h1>",
                           escaped(title), "</h1><p>", escaped(subtitle), "</p></header>\n", body_,
                           "</main>\n</body>\n</html>\n"));
    return path;
  }

 private:
  static constexpr std::string_view style = R"(
:root { color-scheme: light dark; --paper: #fcfcfa; --card: #ffffff; --ink: #22262b;
  --soft: #666d76; --line: #dfe1e4; --accent: #0b5394; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --card: #1c2024; --ink: #e4e6e8;
  --soft: #9aa2ab; --line: #31363c; --accent: #7db7ee; } }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 1280px; margin: 0 auto; padding: 2rem 1.2rem 5rem; }
header { border-bottom: 2px solid var(--accent); margin-bottom: 1.5rem; }
header p { color: var(--soft); margin-top: -.6rem; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; } h2 { font-size: 1.3rem; margin-top: 2.8rem; color: var(--accent); }
p { max-width: 46rem; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem; align-items: flex-start; margin: 1rem 0; }
figure { margin: 0; padding: .8rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; max-width: 100%; box-sizing: border-box; display: flex;
  flex-direction: column; }
figure img { max-width: 100%; height: auto; image-rendering: pixelated; align-self: flex-start; }
figcaption { font-size: .85rem; color: var(--soft); margin-top: .5rem; width: 0; min-width: 100%; }
figcaption b { color: var(--ink); }
.scale { display: flex; align-items: center; gap: .6rem; font-size: .85rem; color: var(--soft); }
.scale i { width: 12rem; height: .8rem; border-radius: 4px; border: 1px solid var(--line); }
.signed { background: linear-gradient(90deg, #054891, #6aa5d2, #f7f7f7, #e88264, #9e0824); }
.strength { background: linear-gradient(90deg, #0d082a, #4e127b, #962876, #de4950, #fc9b46, #fcf9ba); }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .9rem; border-bottom: 1px solid var(--line); text-align: right; }
th:first-child, td:first-child { text-align: left; }
th { color: var(--soft); font-weight: 600; }
code { font-size: .9em; }
)";

  std::string folder_;
  std::string body_;
};

}  // namespace inspect
