/**
 * Runs of text on a page, as the guarded process hands them over, turned so that each group reads from left to right and downward. Runs
 * that stand at no right angle (watermarks across a page) belong to no reading order and are left out, counted.
 */

/** Text drawn in one go. Lengths in points. */
export interface PdfRun {
  readonly text: string;
  /** Left end and baseline, y downward. */
  readonly x: number;
  readonly y: number;
  readonly width: number;
  /** Size of the font. */
  readonly size: number;
  readonly isRightToLeft: boolean;
}

/** What the process says of a page: see `pdf-job.mjs` for the numbers. */
export interface RawPage {
  readonly texts: readonly string[];
  readonly numbers: Float64Array;
  readonly width: number;
}

/** Off a right angle by less than this (radians) is a crooked scan. */
const maxSkew = 0.1;

/** Groups of runs by their direction, the one with most text first; and how many runs stood askew. */
export function turned({ texts, numbers, width }: RawPage): { readonly groups: readonly (readonly PdfRun[])[]; readonly askew: number } {
  const groups: PdfRun[][] = [[], [], [], []];
  let askew = 0;
  for (let i = 0; i < texts.length; i++) {
    const text = texts[i]!;
    // six numbers a run
    const [x, y, length, a, b, rtl] = numbers.subarray(i * width, i * width + 6) as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    const size = Math.hypot(a, b);
    if (!Number.isFinite(x + y + length + size)) continue;
    const angle = size === 0 ? 0 : Math.atan2(b, a);
    const quarter = Math.round(angle / (Math.PI / 2));
    if (Math.abs(angle - quarter * (Math.PI / 2)) > maxSkew) {
      if (text.trim() !== "") askew++;
      continue;
    }
    const [u, v] = [
      [x, y],
      [y, -x],
      [-x, -y],
      [-y, x],
    ][(quarter + 4) % 4] as [number, number];
    groups[(quarter + 4) % 4]!.push({ text, x: u, y: -v, width: length, size, isRightToLeft: rtl === 1 });
  }
  const lengthOf = (runs: readonly PdfRun[]) => runs.reduce((n, r) => n + r.text.length, 0);
  return { groups: groups.filter(g => g.length > 0).sort((a, b) => lengthOf(b) - lengthOf(a)), askew };
}
