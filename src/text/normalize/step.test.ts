import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { random } from "../../base/index.ts";
import { aligned } from "../aligned.ts";
import { applyEdits, normalize } from "./step.ts";
import { makeNormalizer, normalizers } from "./table.ts";

const seed = 31;
const golden = JSON.parse(readFileSync(new URL("../hugging-face.golden.json", import.meta.url), "utf8")) as {
  cases: { name: string; tokenizer: { normalizer: unknown }; rows: { text: string }[] }[];
};
const texts = golden.cases[0]!.rows.map(r => r.text);
const options: Record<string, object> = {
  Strip: { strip_left: true, strip_right: true },
  Replace: { pattern: { Regex: "\\s+" }, content: "_" },
  Prepend: { prepend: "▁" },
  Precompiled: { precompiled_charsmap: null },
  BertNormalizer: { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true },
  Sequence: { normalizers: [{ type: "NFKD" }, { type: "StripAccents" }, { type: "NFC" }] },
};
const all = [
  ...Object.keys(normalizers).map(type => ({ name: type, entry: { type, ...options[type] } })),
  ...golden.cases.map(c => ({ name: c.name, entry: c.tokenizer.normalizer })),
];

test.each(all)(`$name: the edits lead to the same text as the whole does (seed ${seed})`, ({ entry }) => {
  const steps = makeNormalizer(entry, "test");
  const draw = random(seed);
  for (let i = 0; i < 200; i++) {
    const text = i < texts.length ? texts[i]! : String.fromCodePoint(...Array.from({ length: draw.below(12) }, () => draw.below(0x3400)));
    let t = text;
    for (const step of steps) {
      const whole = step.apply(t);
      expect(applyEdits(t, step.edits(t)), JSON.stringify(t)).toBe(whole);
      t = whole;
    }
    const tracked = normalize(steps, aligned(text, 0, text.length, true));
    expect(tracked.text).toBe(t);
    const isInOrder = [...tracked.starts!].every(
      (start, k) => start <= tracked.ends![k]! && start >= (tracked.starts![k - 1] ?? 0) && tracked.ends![k]! <= text.length,
    );
    expect(isInOrder, `places of ${JSON.stringify(text)} ascend and lie in it`).toBe(true);
  }
});
