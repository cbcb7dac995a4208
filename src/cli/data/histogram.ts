/** A distribution in the terminal: columns of eighths, the threshold as a line through them, and the ends of the axis below. */
import { type Distribution, placeIn } from "../../data/index.ts";

const eighths = " ▁▂▃▄▅▆▇█";

export const shortNumber = (n: number): string => {
  const size = Math.abs(n);
  if (Number.isInteger(n) && size < 1e6) return n.toLocaleString("en-US");
  if (size >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  return size >= 100
    ? Math.round(n).toLocaleString("en-US")
    : size >= 10
      ? n.toFixed(1)
      : size >= 0.001
        ? Number(n.toFixed(3)).toString()
        : n.toExponential(1);
};

/** Lines of the picture: `height` of columns, then the axis. Bins share columns where there are fewer columns. */
export function histogram(d: Distribution, threshold: number | undefined, height = 4): string[] {
  const most = Math.max(...d.bins);
  // A bin that holds something is seen.
  const levels = d.bins.map(n => (n === 0 ? 0 : Math.max(1, Math.round((n / most) * height * 8))));
  const at = threshold === undefined ? undefined : Math.min(d.bins.length, Math.round(placeIn(d, threshold) * d.bins.length));
  const wide = d.bins.length <= 24 ? 2 : 1;
  const rows = Array.from({ length: height }, (_, row) => {
    const cells = levels.map(level => eighths[Math.max(0, Math.min(8, level - (height - 1 - row) * 8))]!.repeat(wide));
    if (at !== undefined) cells.splice(at, 0, "┃");
    return cells.join("");
  });
  const width = d.bins.length * wide + (at === undefined ? 0 : 1);
  const [left, right] = [shortNumber(d.edges[0]!), shortNumber(d.edges.at(-1)!)];
  const axis = [...`${left}${right.padStart(Math.max(right.length + 1, width - left.length))}`];
  if (at !== undefined && threshold !== undefined) {
    const label = `┃${shortNumber(threshold)}`;
    // Where the label has room between the ends; otherwise the heading alone says it.
    const from = at * wide;
    const isFree = axis.slice(from - 1, from + label.length + 1).every(c => c === " ");
    if (from > left.length && isFree && from + label.length < axis.length - right.length) axis.splice(from, label.length, ...label);
  }
  return [...rows.map(r => r.trimEnd()), axis.join("")];
}
