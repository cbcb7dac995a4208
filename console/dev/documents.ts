/** Made-up documents for the fake server: a million rows of a list, one document, groups of like ones. */
import { lineDiff } from "../../src/data/line-diff.ts";

const count = 1_000_000;
const labels = ["ham", "spam"] as const;
const idOf = (n: number): string => `mail:letters/${String(n).padStart(7, "0")}`;

const listed = (n: number) => {
  const dropped = n % 10 === 7;
  return {
    id: idOf(n),
    side: dropped ? ("dropped" as const) : n % 10 === 3 ? ("held-out" as const) : ("train" as const),
    reason: dropped ? "length/min-words" : null,
    edited: n % 3 === 0,
    source: `letters/${String(n).padStart(7, "0")}.txt`,
    label: [labels[n % 2]!],
    language: "en",
    length: 40 + ((n * 37) % 2_000),
    text: `Letter ${n}: dear friend, the sun came out and we sang until late.`,
  };
};

const original = "Dear friend,  \n\nthe sun came out   \nand we sang until late.";
const clean = "Dear friend,\n\nthe sun came out\nand we sang until late.";

/** The answer of an address below /api/data/:artifact; undefined where there is none. */
export function madeUpDocuments(artifact: string, what: string, query: URLSearchParams): object | undefined {
  const cursor = Number(query.get("cursor") ?? 0);
  const limit = Number(query.get("limit") ?? 50);
  if (what === "documents") {
    // one in a thousand holds what is searched, each second has a label: places are reckoned, not looked for
    const step = query.get("text") ? 1_000 : query.get("label") ? 2 : 1;
    const found = Math.floor(count / step);
    const first = query.get("label") === "spam" ? 1 : 0;
    const last = query.get("descending") === "true" ? found - 1 : 0;
    const numbers = Array.from(
      { length: Math.max(0, Math.min(limit, found - cursor)) },
      (_, i) => first + step * Math.abs(last - cursor - i),
    );
    const end = cursor + numbers.length;
    return {
      artifact,
      count: found,
      searched: count,
      of: count,
      cursor,
      next: end < found ? end : null,
      documents: numbers.map(listed),
      facets: [
        {
          name: "side",
          values: [
            { value: "train", documents: 800_000 },
            { value: "held-out", documents: 100_000 },
            { value: "dropped", documents: 100_000 },
          ],
          others: 0,
        },
        { name: "reason", values: [{ value: "length/min-words", documents: 100_000 }], others: 0 },
        { name: "source", values: [{ value: "letters", documents: count }], others: 0 },
        { name: "label", values: labels.map(value => ({ value, documents: count / 2 })), others: 0 },
        { name: "language", values: [{ value: "en", documents: count }], others: 0 },
      ],
    };
  }
  const member = (n: number) => ({ id: idOf(n), step: "semantic-duplicates", rule: "cosine", value: 0.97, survivor: idOf(1) });
  if (what === "clusters")
    return {
      artifact,
      count: 1,
      cursor: 0,
      next: null,
      clusters: [{ survivors: [idOf(1)], size: 3, steps: ["semantic-duplicates"], members: [member(7), member(17)] }],
    };
  const id = query.get("id") ?? "";
  if (what !== "document" || !/^mail:letters\/\d{7}$/.test(id)) return undefined;
  const { side, source, label } = listed(Number(id.slice(-7)));
  const against = query.get("against");
  return {
    artifact,
    id,
    source,
    side,
    attributes: { label: label[0], language: "en" },
    text: clean,
    entries: [{ document: id, step: "clean", action: "edit", rule: "trailing-space", value: 2 }],
    steps: [
      { step: "clean", outcome: "passed", verdicts: [], edits: [{ rule: "trailing-space", value: 2 }] },
      { step: "length", outcome: "passed", verdicts: [{ rule: "min-words", keep: true, value: 12, threshold: 10 }], edits: [] },
    ],
    cluster: { survivors: [idOf(1)], members: [member(7), member(17)] },
    group: [idOf(1), id],
    history: {
      changes: [{ steps: ["clean"], lines: lineDiff(original, clean), before: original.length, after: clean.length }],
      missing: null,
    },
    where: { artifacts: [artifact], tokens: [], trainedOnIt: [{ artifact: "model-1", versions: ["mail-small@1"] }], heldOutFrom: [] },
    difference: against === null ? null : { id: against, lines: lineDiff(clean, `${clean}\nUnsubscribe here.`) },
  };
}
