import fc from "fast-check";
import { expect, test } from "vitest";
import type { LedgerMeasure, StepVerdict } from "./ledger.ts";
import { decodeColumn, findPlace, measureRecorder } from "./measures.ts";

const joined = (pieces: readonly (string | Uint8Array)[]) => Buffer.concat(pieces.map(p => Buffer.from(p)));

const measure = fc.oneof(fc.nat(300), fc.nat(), fc.double(), fc.boolean(), fc.string());
const threshold = fc.oneof({ weight: 4, arbitrary: fc.constant<LedgerMeasure>(0.1) }, { weight: 1, arbitrary: measure });

test("what was measured is read back exactly, by document, whatever its kind and whoever has no value", () => {
  fc.assert(
    fc.property(
      fc.array(fc.option(fc.record({ value: measure, threshold, keep: fc.boolean() }), { nil: undefined }), {
        minLength: 1,
        maxLength: 60,
      }),
      fc.constantFrom("one", "numbers", "mixed"),
      fc.integer(),
      (given, kind, turn) => {
        const rows = given.map(g => {
          if (!g || kind === "mixed") return g;
          const value = typeof g.value === "number" ? g.value : 0.5;
          return { ...g, value, threshold: kind === "one" || typeof g.threshold !== "number" ? 0.1 : g.threshold };
        });
        const recorder = measureRecorder();
        // Documents come in some other order than that of their ids.
        const n = rows.length;
        const ranks = Uint32Array.from({ length: n }, (_, i) => (i + Math.abs(turn % n)) % n);
        ranks.forEach((place, document) => {
          const row = rows[place];
          if (row) recorder.record(document, 3, "step", [{ rule: "a-rule", ...row } satisfies StepVerdict]);
        });
        const columns = [...recorder.finish(ranks)];
        expect(columns.length).toBe(rows.some(Boolean) ? 1 : 0);
        for (const { info, pieces } of columns) {
          expect(info).toMatchObject({ position: 3, rule: "a-rule", count: rows.filter(Boolean).length });
          expect(info.against).toBe(rows.filter(r => r && !r.keep).length);
          const column = decodeColumn(info, joined(pieces));
          rows.forEach((row, place) => {
            const i = findPlace(column, place);
            expect(i === -1).toBe(row === undefined);
            if (!row) return;
            const limit = info.threshold ?? column.thresholds![i];
            // JSON knows neither NaN nor -0: a column with texts may lose those, numbers alone never.
            const plain = (m: LedgerMeasure) => (info.type === "json" && typeof m === "number" ? JSON.stringify(m) : m);
            expect([column.keeps[i] === 1, plain(column.values[i]! as LedgerMeasure)]).toEqual([row.keep, plain(row.value)]);
            if (typeof row.threshold === typeof limit) expect(plain(limit as LedgerMeasure)).toEqual(plain(row.threshold));
          });
        }
      },
    ),
  );
});

test("whole numbers take 1 to 4 bytes, shares 8, and one threshold is stored once", () => {
  const widths = [
    [3, "u8"],
    [300, "u16"],
    [70_000, "u32"],
    [0.5, "f32"],
    [0.1, "f64"],
    [-1, "f32"],
  ] as const;
  for (const [value, type] of widths) {
    const recorder = measureRecorder();
    for (let d = 0; d < 1000; d++) recorder.record(d, 0, "s", [{ rule: "r", keep: true, value, threshold: 0.1 }]);
    const [column] = [...recorder.finish(Uint32Array.from({ length: 1000 }, (_, i) => i))];
    expect(column!.info).toMatchObject({ type, isDense: true, threshold: 0.1 });
    const bytes = { u8: 1, u16: 2, u32: 4, f32: 4, f64: 8 }[type];
    expect(joined(column!.pieces).length).toBe(1000 * (1 + bytes));
  }
});
