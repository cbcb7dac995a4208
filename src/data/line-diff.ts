/**
 * What two texts differ in, line by line: longest common subsequence (Hunt & Szymanski's problem, the plain quadratic table) over lines;
 * long lines are first cut at sentence ends, so that mails and web pages of one line a paragraph still show where they part.
 */

export interface DiffLine {
  /** Only in the first, only in the second, in both, or so many equal lines left out. */
  readonly in: "first" | "second" | "both" | "left out";
  readonly text: string;
}

/** Lines compared of each text: the table has its square. */
const maxLines = 400;
/** Longer lines are cut at sentence ends, characters. */
const longLine = 120;
/** Equal lines shown around what differs. */
const context = 1;

const pieces = (text: string): string[] =>
  text
    .split("\n")
    .flatMap(line => (line.length <= longLine ? [line] : line.split(/(?<=[.!?;:]) /)))
    .slice(0, maxLines);

/** Lines of the first and the second text in order, with equal runs left out but for their edges. */
export function lineDiff(first: string, second: string): DiffLine[] {
  const [a, b] = [pieces(first), pieces(second)];
  const width = b.length + 1;
  // common[i][j]: length of the longest common subsequence of a[i..] and b[j..]
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        a[i] === b[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const lines: DiffLine[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ in: "both", text: a[i++]! });
      j++;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!))
      lines.push({ in: "first", text: a[i++]! });
    else lines.push({ in: "second", text: b[j++]! });
  }
  return shortened(lines);
}

function shortened(lines: readonly DiffLine[]): DiffLine[] {
  const differs = lines.map(l => l.in !== "both");
  const isShown = (i: number) => differs.slice(Math.max(0, i - context), i + context + 1).some(Boolean);
  const out: DiffLine[] = [];
  let left = 0;
  const flush = () => {
    if (left > 0) out.push({ in: "left out", text: `${left} equal line${left === 1 ? "" : "s"}` });
    left = 0;
  };
  lines.forEach((line, i) => {
    if (!isShown(i)) {
      left++;
      return;
    }
    flush();
    out.push(line);
  });
  flush();
  return out;
}
