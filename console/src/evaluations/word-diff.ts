/** What two texts differ in, word by word: the longest common subsequence over words and the white space between them. */

export interface DiffPart {
  readonly in: "first" | "second" | "both";
  readonly text: string;
}

/** Words compared of each text: the table has its square. What is longer is compared to here, and its rest stands as it is. */
const most = 600;

const wordsOf = (text: string): string[] => text.match(/\s+|[\p{L}\p{N}_]+|[^\s\p{L}\p{N}_]/gu) ?? [];

function joined(parts: readonly DiffPart[]): DiffPart[] {
  const out: DiffPart[] = [];
  for (const part of parts) {
    const before = out.at(-1);
    if (before?.in === part.in) out[out.length - 1] = { in: part.in, text: before.text + part.text };
    else if (part.text !== "") out.push(part);
  }
  return out;
}

/** Parts in order: those of the first and of both are the first text, those of the second and of both the second. */
export function wordDiff(first: string, second: string): DiffPart[] {
  const [allA, allB] = [wordsOf(first), wordsOf(second)];
  const [a, b] = [allA.slice(0, most), allB.slice(0, most)];
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      common[i * width + j] =
        a[i] === b[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
  const parts: DiffPart[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      parts.push({ in: "both", text: a[i]! });
      i++;
      j++;
    } else if (j >= b.length || (i < a.length && common[(i + 1) * width + j]! >= common[i * width + j + 1]!))
      parts.push({ in: "first", text: a[i++]! });
    else parts.push({ in: "second", text: b[j++]! });
  }
  parts.push({ in: "first", text: allA.slice(most).join("") }, { in: "second", text: allB.slice(most).join("") });
  return joined(parts);
}
