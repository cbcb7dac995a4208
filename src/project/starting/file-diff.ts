/** The lines in which two versions of a file differ, with some around them: longest common subsequence of what their common ends leave. */

/** Unchanged lines that are shown around changed ones. */
const around = 2;

/** Cells of the table of common lines, 4 bytes each; beyond, what differs is shown as taken out and put in. */
const mostCells = 4_000_000;

type Row = readonly [mark: " " | "-" | "+", line: string];

function changedRows(a: readonly string[], b: readonly string[]): Row[] {
  if (a.length * b.length > mostCells) return [...a.map((line): Row => ["-", line]), ...b.map((line): Row => ["+", line])];
  const width = b.length + 1;
  // common[i][j]: length of the longest common subsequence of a[i..] and b[j..]
  const common = new Uint32Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        a[i] === b[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const rows: Row[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length)
    if (i < a.length && j < b.length && a[i] === b[j]) {
      rows.push([" ", a[i]!]);
      i++;
      j++;
    } else if (i < a.length && (j === b.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) rows.push(["-", a[i++]!]);
    else rows.push(["+", b[j++]!]);
  return rows;
}

/** Lines with ` `, `-` or `+` before each; none where the texts are the same. */
export function fileDiff(before: string, after: string): string[] {
  const [a, b] = [before.split("\n"), after.split("\n")];
  const most = Math.min(a.length, b.length);
  let start = 0;
  while (start < most && a[start] === b[start]) start++;
  let end = 0;
  while (end < most - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const same = (lines: readonly string[]): Row[] => lines.map(line => [" ", line]);
  const rows = [
    ...same(a.slice(0, start)),
    ...changedRows(a.slice(start, a.length - end), b.slice(start, b.length - end)),
    ...same(a.slice(a.length - end)),
  ];
  return rows.flatMap(([mark, line], at) =>
    rows.slice(Math.max(0, at - around), at + around + 1).some(([m]) => m !== " ") ? [`${mark}${line}`] : [],
  );
}
