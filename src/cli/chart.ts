/** A curve in the terminal, in braille dots: two dots wide and four high a character. For losses while one is not at a browser. */

interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

/** Bits of a braille character by column and row (Unicode 8 dots: 1, 2, 3, 7 left, 4, 5, 6, 8 right). */
const dots = [
  [0x01, 0x02, 0x04, 0x40],
  [0x08, 0x10, 0x20, 0x80],
] as const;

/** Lines of a chart: the y range at the left, the x range below, one row of dots a quarter of a line. Series are drawn over one another. */
export function chart(series: readonly Series[], width = 64, height = 10): string[] {
  const all = series.flatMap(s => s.points).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y));
  if (all.length < 2) return [];
  const [xs, ys] = [all.map(p => p[0]), all.map(p => p[1])];
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const cells = Array.from({ length: height }, () => new Uint8Array(width));
  const [columns, rows] = [2 * width - 1, 4 * height - 1];
  const put = (column: number, row: number): void => {
    cells[row >> 2]![column >> 1]! |= dots[column & 1]![row & 3]!;
  };
  const place = ([x, y]: readonly [number, number]): [number, number] => [
    Math.round(((x - left) / (right - left || 1)) * columns),
    Math.round((1 - (y - low) / (high - low || 1)) * rows),
  ];
  for (const { points } of series) {
    const placed = points.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)).map(place);
    placed.forEach(([column, row], i) => {
      const [from, at] = placed[i - 1] ?? [column, row];
      // a straight line from the point before, one dot a column
      for (let c = from; c <= column; c++) put(c, Math.round(at + ((row - at) * (c - from)) / (column - from || 1)));
    });
  }
  const label = (y: number) => y.toFixed(2).padStart(7);
  const lines = cells.map(
    (row, i) =>
      `${i === 0 ? label(high) : i === height - 1 ? label(low) : " ".repeat(7)} ${String.fromCodePoint(...Array.from(row, c => 0x2800 + c))}`,
  );
  const [a, b] = [String(left), String(right)];
  return [...lines, `${" ".repeat(8)}${a}${b.padStart(Math.max(b.length + 1, width - a.length))}`];
}
