"""The style sheet of every report: light, dark and print, no script, no address."""

from __future__ import annotations

__all__ = ["STYLE"]

STYLE = """
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --card: #ffffff; --ink: #1d2128; --soft: #5b626d; --grid: #dfe2e7;
  --events: #2f6c9e; --fraud: #c24a1e; --honest: #2d7d6b; --muted: #8a8f98;
  --note: #fff6e5; --note-edge: #d9a441; --marked: #fdf3e0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #14171c; --card: #1c2027; --ink: #e8eaee; --soft: #a6adb8; --grid: #323842;
    --events: #74b3e6; --fraud: #f28a5f; --honest: #63c2ab; --muted: #7d8590;
    --note: #2b2518; --note-edge: #a67c2e; --marked: #2b2518;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 40px 24px 56px; }
h1 { font-size: 30px; line-height: 1.2; margin: 0 0 8px; letter-spacing: -.01em; }
h2 { font-size: 20px; line-height: 1.3; margin: 40px 0 4px; }
h3 { font-size: 15px; line-height: 1.35; margin: 0; font-weight: 600; }
p { margin: 0 0 12px; max-width: 76ch; }
.lead { color: var(--soft); font-size: 16.5px; }
section > p { color: var(--soft); }
.tiles {
  display: grid; gap: 12px; margin: 24px 0 0; padding: 0;
  grid-template-columns: repeat(auto-fit, minmax(180px, 1fr));
}
.tile, figure, .tablecard {
  background: var(--card); border: 1px solid var(--grid); border-radius: 10px;
}
.tile { padding: 14px 16px; }
.tile dt { color: var(--soft); font-size: 13px; }
.tile dd { margin: 0; }
.tile .value {
  font-size: 25px; font-weight: 650; line-height: 1.3; font-variant-numeric: tabular-nums;
}
.tile.fraud .value { color: var(--fraud); }
.tile .hint { color: var(--soft); font-size: 13px; }
figure, .tablecard { margin: 14px 0 0; padding: 16px 18px; min-width: 0; }
figcaption p { color: var(--soft); font-size: 13.5px; margin: 2px 0 8px; max-width: none; }
figure svg { display: block; width: 100%; height: auto; min-width: 380px; max-width: 600px; }
figure.wide svg { min-width: 760px; max-width: none; }
figure svg * { stroke-linejoin: round; stroke-linecap: butt; }
.row { display: grid; gap: 14px; grid-template-columns: repeat(auto-fit, minmax(430px, 1fr)); }
.row > * { margin-top: 14px; }
.row + .row > * { margin-top: 14px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; }
caption { text-align: left; font-weight: 600; font-size: 15px; padding: 0 8px 8px; }
th, td { padding: 6px 10px; border-bottom: 1px solid var(--grid); vertical-align: top; }
tbody tr:last-child > * { border-bottom: 0; }
th:first-child, td:first-child { padding-left: 8px; }
th:last-child, td:last-child { padding-right: 8px; }
.tablecard > .scroll, details > .scroll { margin: 0 -8px; }
thead th { color: var(--soft); font-weight: 500; font-size: 13px; vertical-align: bottom; }
tbody th { font-weight: 500; }
.txt { text-align: left; overflow-wrap: break-word; }
tbody th { min-width: 6.5em; }
.num { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.marked > * { background: var(--marked); }
details { margin-top: 8px; font-size: 13.5px; }
summary { color: var(--soft); cursor: pointer; }
details caption { display: none; }
.note {
  background: var(--note); border-left: 4px solid var(--note-edge); border-radius: 4px;
  padding: 10px 14px; margin: 14px 0 0; max-width: none;
}
section > .note { color: var(--ink); }
footer { margin-top: 40px; color: var(--soft); font-size: 13px; }
:focus-visible { outline: 2px solid var(--events); outline-offset: 2px; }
@media (max-width: 520px) {
  main { padding: 24px 14px 40px; }
  .row { grid-template-columns: minmax(0, 1fr); }
}
@media print {
  :root {
    color-scheme: light;
    --ground: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444a52; --grid: #cfd3d8;
    --events: #2f6c9e; --fraud: #c24a1e; --honest: #2d7d6b; --muted: #8a8f98;
    --note: #ffffff; --marked: #f2f2f2;
  }
  main { max-width: none; padding: 0; }
  figure, .tile, .tablecard, tr { break-inside: avoid; }
  h2 { break-after: avoid; }
  details { display: none; }
  .scroll { overflow: visible; }
}
"""
