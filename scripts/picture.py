#!/usr/bin/env python3
"""Draws terminal output as an SVG picture: text on stdin, the picture on stdout.

    RUST_LOG=error target/demo/dria-bench demo 2>&1 </dev/null |
        scripts/picture.py --command "dria-bench demo" --stop "With spreads" >docs/images/demo.svg

Only the standard library is used, and the same text gives the same picture.
"""

import argparse
import html
import re
import sys
import unicodedata

CELL_WIDTH = 7.8
LINE_HEIGHT = 18
FONT_SIZE = 13
MARGIN = 20
TITLE_BAR = 34
FONTS = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', 'Liberation Mono', monospace"
BACKGROUND, BAR, TEXT, DIM = "#11151c", "#1c222c", "#d7dde6", "#8b97a8"
# Marks that the program starts its lines with.
COLOURS = {"✓": "#5fd38d", "✗": "#ff7b72", "!": "#e3b341", "–": "#8b97a8", "$": "#79b8ff"}
ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def cells(text):
    """How many columns a terminal gives the text."""
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def wrap(line, columns):
    """The line as a terminal of so many columns breaks it, at spaces where there are some."""
    indent = " " * (len(line) - len(line.lstrip()))
    while cells(line) > columns:
        at = line.rfind(" ", len(indent) + 1, columns + 1)
        at = columns if at <= 0 else at
        yield line[:at].rstrip()
        line = indent + line[at:].lstrip()
    yield line


def screen(text, stop, columns):
    """The lines to draw: without colours, up to the line that begins with `stop`."""
    lines = []
    for line in ANSI.sub("", text).splitlines():
        if stop and line.startswith(stop):
            break
        lines.extend(wrap(line.rstrip().expandtabs(), columns))
    while lines and not lines[-1]:
        lines.pop()
    return lines


def draw_line(line, y):
    """One line as a text element. `textLength` keeps columns in line whichever font the reader has."""
    lead = len(line) - len(line.lstrip())
    mark = line[lead : lead + 1]
    x = MARGIN + lead * CELL_WIDTH
    shown = line[lead:]
    body = html.escape(shown)
    if mark in COLOURS and shown[1:2] == " ":
        body = f'<tspan fill="{COLOURS[mark]}">{html.escape(mark)}</tspan>{html.escape(shown[1:])}'
    fill = f' fill="{DIM}"' if set(shown) <= {"─"} else ""
    width = cells(shown) * CELL_WIDTH
    return f'<text x="{x:.1f}" y="{y}" textLength="{width:.1f}" lengthAdjust="spacingAndGlyphs"{fill}>{body}</text>'


def draw(lines, title):
    """The whole picture."""
    width = round(2 * MARGIN + CELL_WIDTH * max(cells(line) for line in lines))
    height = TITLE_BAR + MARGIN + LINE_HEIGHT * len(lines) + MARGIN // 2
    rows = [
        draw_line(line, TITLE_BAR + MARGIN + LINE_HEIGHT * row + FONT_SIZE // 2)
        for row, line in enumerate(lines)
        if line
    ]
    dots = "".join(f'<circle cx="{MARGIN + 18 * n}" cy="{TITLE_BAR // 2}" r="5" fill="{DIM}"/>' for n in range(3))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" '
            f'height="{height}" role="img" aria-label="{html.escape(title)}">',
            f"<title>{html.escape(title)}</title>",
            f'<rect width="{width}" height="{height}" rx="8" fill="{BACKGROUND}"/>',
            f'<path d="M0 {TITLE_BAR}V8a8 8 0 0 1 8-8h{width - 16}a8 8 0 0 1 8 8v{TITLE_BAR - 8}z" fill="{BAR}"/>',
            dots,
            f'<g font-family="{FONTS}" font-size="{FONT_SIZE}" fill="{TEXT}" xml:space="preserve" style="white-space:pre">',
            *rows,
            "</g>",
            "</svg>",
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--command", help="a command to show above the output, as it was typed")
    parser.add_argument("--stop", help="leave out the first line that begins so, and all after it")
    parser.add_argument("--columns", type=int, default=120, help="width of the terminal (default: 120)")
    arguments = parser.parse_args()
    lines = screen(sys.stdin.read(), arguments.stop, arguments.columns)
    if not lines:
        sys.exit("nothing to draw: stdin is empty")
    if arguments.command:
        lines.insert(0, f"$ {arguments.command}")
    print(draw(lines, f"Output of {arguments.command or 'a command'}"))


if __name__ == "__main__":
    main()
