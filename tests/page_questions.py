"""What is asked of a page in a browser, in JavaScript, and how the answers look."""

from __future__ import annotations

from typing import Final

_COMMON: Final = """
const shown = (element) =>
  element.checkVisibility({opacityProperty: true, visibilityProperty: true}) &&
  !element.closest('.unseen, title, desc, style');
const clipped = (box, element) => {
  let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
  for (let at = element; at && at !== document.body; at = at.parentElement) {
    if (getComputedStyle(at).overflowX === 'visible') continue;
    const edge = at.getBoundingClientRect();
    left = Math.max(left, edge.left); right = Math.min(right, edge.right);
    top = Math.max(top, edge.top); bottom = Math.min(bottom, edge.bottom);
  }
  return {left, top, right, bottom, width: right - left, height: bottom - top};
};
const texts = () => {
  const found = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode, element = node.parentElement;
    if (!node.data.trim() || !shown(element)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    for (const box of range.getClientRects()) {
      const seen = clipped(box, element);
      if (seen.width > 1 && seen.height > 1)
        found.push({text: node.data.trim(), node, element, ...seen});
    }
  }
  return found;
};
"""


def _question(body: str) -> str:
    return f"(() => {{{_COMMON}{body}}})()"


OPEN_DETAILS: Final = "document.querySelectorAll('details').forEach((one) => { one.open = true; })"
"""Unfolds what is folded away."""

WIDTHS: Final = _question(
    "return [document.documentElement.scrollWidth, document.documentElement.clientWidth];"
)
"""How wide the page is, and its window."""

OUTSIDE: Final = _question("""
  const width = document.documentElement.clientWidth;
  return [...document.body.querySelectorAll('*')].filter((element) => {
    if (!shown(element)) return false;
    const box = clipped(element.getBoundingClientRect(), element.parentElement);
    return box.width > 0 && box.height > 0 && (box.left < -0.5 || box.right > width + 0.5);
  }).map((element) => element.outerHTML.slice(0, 90));
""")
"""Elements that are seen and stick out of the window."""

OVERLAPS: Final = _question("""
  const all = texts().sort((one, other) => one.top - other.top), found = [];
  all.forEach((one, place) => {
    for (const other of all.slice(place + 1)) {
      if (other.top > one.bottom - 2) break;
      const across = Math.min(one.right, other.right) - Math.max(one.left, other.left);
      const down = Math.min(one.bottom, other.bottom) - other.top;
      if (across > 1.5 && down > 4 && one.node !== other.node) found.push([one.text, other.text]);
    }
  });
  return found;
""")
"""Pairs of texts of which one is written over the other."""

FAINT: Final = _question("""
  const paper = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const rgba = (colour) => {
    paper.clearRect(0, 0, 1, 1); paper.fillStyle = colour; paper.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = paper.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const ground = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) layers.push(colour);
      if (colour[3] > 0.99) break;
    }
    return layers.reverse().reduce(
      (below, above) => below.map((v, i) => v * (1 - above[3]) + above[i] * above[3]),
      [255, 255, 255]);
  };
  const light = (colour) => [0.2126, 0.7152, 0.0722].reduce((sum, part, i) => {
    const v = colour[i] / 255;
    return sum + part * (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  }, 0);
  return texts().map(({text, element}) => {
    const style = getComputedStyle(element);
    const drawn = element.closest('svg') ? style.fill : style.color;
    const pair = [light(rgba(drawn)), light(ground(element))].sort((a, b) => b - a);
    return [text, (pair[0] + 0.05) / (pair[1] + 0.05)];
  }).filter(([text, contrast]) => contrast < 4.5);
""")
"""Texts whose contrast with their ground is below 4.5, and that contrast."""

BARS: Final = _question("""
  const number = (row, name) => {
    const cell = row.querySelector(`td.${name}`);
    return cell && cell.textContent.trim() ? Number(cell.textContent.replaceAll(',', '')) : null;
  };
  const width = (row, name) => {
    const drawn = row.querySelector(`rect.${name}`);
    return drawn && drawn.getBoundingClientRect().width;
  };
  return [...document.querySelectorAll('table.bars')].map((table) => ({
    label: table.getAttribute('aria-label'),
    room: table.querySelector('tbody svg').getBoundingClientRect().width,
    rows: [...table.tBodies[0].rows].map((row) => ({
      now: number(row, 'now'), before: number(row, 'before'),
      bar: width(row, 'bar'), ghost: width(row, 'ghost'),
    })),
  }));
""")
"""Each chart: its name, the room of its bars, and of each bar its number, its width, its ghost."""

UNNAMED: Final = _question("""
  return [...document.querySelectorAll('svg[role=img], [role=region], [role=img]')].filter(
    (one) => !one.getAttribute('aria-label') && !one.querySelector(':scope > title'),
  ).map((one) => one.outerHTML.slice(0, 90));
""")
"""Drawings and regions that do not say what they are."""

UNREACHABLE: Final = _question("""
  return [...document.querySelectorAll('*')].filter((one) =>
    ['auto', 'scroll'].includes(getComputedStyle(one).overflowX) &&
    one.scrollWidth > one.clientWidth + 1 && one.tabIndex < 0,
  ).map((one) => one.outerHTML.slice(0, 90));
""")
"""Boxes that scroll sideways and cannot be reached by the keyboard."""

LOADED: Final = "performance.getEntriesByType('resource').map((one) => one.name)"
"""What the page fetched besides itself."""
