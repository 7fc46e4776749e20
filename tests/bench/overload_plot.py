"""overload_plot.py CSV SVG: draws goodput over offered load as an SVG, and prints the same as Markdown.

The columns are those of overload.sh.  Needs nothing but the standard library.
"""
import csv
import sys

WIDTH, HEIGHT = 760, 460
LEFT, RIGHT, TOP, BOTTOM = 78, 24, 52, 64
COLOURS = ["#b3261e", "#c77700", "#1f6fb2", "#1b7f4b"]
DASHES = ["2 4", "8 4", "12 3 3 3", ""]


def read(path):
    """Curves by name, in their order, each a list of (offered a second, goodput a second), and all rows."""
    curves, rows = {}, []
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            row = {name: value if name == "curve" else float(value) for name, value in row.items()}
            row["offered_per_s"] = row["factor"] * 1e6 / row["burn_us"]
            rows.append(row)
            curves.setdefault(row["curve"], []).append((row["offered_per_s"], row["goodput_per_s"]))
    return curves, rows


def nice_step(most, wanted):
    """A round step that cuts 0..most into about so many parts."""
    step = 1
    while True:
        for factor in (1, 2, 5):
            if most / (step * factor) <= wanted:
                return step * factor
        step *= 10


class Plot:
    def __init__(self, most_x, most_y):
        self.step_x, self.step_y = nice_step(most_x, 8), nice_step(most_y, 6)
        self.most_x = most_x
        self.most_y = -(-most_y * 1.05 // self.step_y) * self.step_y
        self.parts = []

    def x(self, value):
        return LEFT + value / self.most_x * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.most_y * (HEIGHT - TOP - BOTTOM)

    def line(self, x1, y1, x2, y2, style):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" {style}/>')

    def text(self, x, y, text, style=""):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" {style}>{text}</text>')

    def axes(self):
        bottom, right = HEIGHT - BOTTOM, WIDTH - RIGHT
        for i in range(int(self.most_x / self.step_x) + 1):
            x = self.x(i * self.step_x)
            self.line(x, TOP, x, bottom, 'stroke="#e4e4e4"')
            self.text(x, bottom + 18, f"{i * self.step_x:g}", 'text-anchor="middle"')
        for i in range(int(self.most_y / self.step_y) + 1):
            y = self.y(i * self.step_y)
            self.line(LEFT, y, right, y, 'stroke="#e4e4e4"')
            self.text(LEFT - 8, y + 4, f"{i * self.step_y:g}", 'text-anchor="end"')
        self.line(LEFT, bottom, right, bottom, 'stroke="#444"')
        self.line(LEFT, TOP, LEFT, bottom, 'stroke="#444"')
        self.text((LEFT + right) / 2, HEIGHT - 20, "offered load, calls/s (first attempts)", 'text-anchor="middle"')
        middle = (TOP + bottom) / 2
        self.text(20, middle, "goodput, calls/s answered OK in time",
                  f'text-anchor="middle" transform="rotate(-90 20 {middle:.1f})"')

    def peak(self, peak):
        y = self.y(0.9 * peak)
        self.line(LEFT, y, WIDTH - RIGHT, y, 'stroke="#888" stroke-dasharray="3 3"')
        self.text(LEFT + 6, y - 5, f"90 % of the peak ({peak:.0f}/s)", 'fill="#666"')

    def curve(self, number, name, points):
        style = f'stroke="{COLOURS[number]}" stroke-width="2.2" stroke-dasharray="{DASHES[number]}"'
        path = " ".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{path}" fill="none" {style}/>')
        for x, y in points:
            self.parts.append(f'<circle cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="3" fill="{COLOURS[number]}"/>')
        at = LEFT + number * 165
        self.line(at, 38, at + 26, 38, style)
        self.text(at + 32, 42, name)

    def svg(self, title):
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
                f'height="{HEIGHT}" font-family="sans-serif" font-size="12" fill="#222">\n'
                f'<title>{title}</title>\n<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>\n')
        return head + "\n".join(self.parts) + "\n</svg>\n"


def draw(curves, peak):
    points = [point for curve in curves.values() for point in curve]
    plot = Plot(max(x for x, _ in points), max(y for _, y in points))
    title = "Goodput of an overloaded server, with and without retry budget and admission"
    plot.text(LEFT, 20, title, 'font-size="14" font-weight="bold"')
    plot.axes()
    plot.peak(peak)
    for number, (name, curve) in enumerate(curves.items()):
        plot.curve(number, name, curve)
    return plot.svg(title)


def table(curves, rows):
    names = list(curves)
    yield "| offered | " + " | ".join(names) + " |"
    yield "| --- |" + " ---: |" * len(names)
    for factor in sorted({row["factor"] for row in rows}):
        line = {row["curve"]: row for row in rows if row["factor"] == factor}
        yield f"| {factor:g}x | " + " | ".join(f"{line[name]['goodput_per_s']:.0f}" for name in names) + " |"
    last = max(row["factor"] for row in rows)
    kept = []
    for name in names:
        at_end = next(y for x, y in curves[name] if x == max(x for x, _ in curves[name]))
        kept.append(f"{at_end / max(y for _, y in curves[name]):.2f}")
    yield f"| {last:g}x, of the curve's own peak | " + " | ".join(kept) + " |"
    retries = [next(row for row in rows if row["curve"] == name and row["factor"] == last) for name in names]
    yield f"| {last:g}x, requests per call | " + " | ".join(f"{row['requests'] / row['offered']:.2f}"
                                                            for row in retries) + " |"


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    curves, rows = read(sys.argv[1])
    peak = max(row["goodput_per_s"] for row in rows)
    with open(sys.argv[2], "w") as file:
        file.write(draw(curves, peak))
    print("\n".join(table(curves, rows)))
    return 0


sys.exit(main())
