import { execFile } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import * as inJavaScript from "../examples/your-own-parts/parts.js";
import * as inTypeScript from "../examples/your-own-parts/parts.ts";
import { train } from "../examples/your-own-parts/run.js";
import { root } from "./support/child.ts";
import { temporaryFolder } from "./support/project.ts";

test("an operation, an optimiser and a layer from a folder of one's own train, in JavaScript and TypeScript alike", async () => {
  const lines: string[] = [];
  const { losses, numbersKept } = await train({ parts: inJavaScript as never, log: (line: string) => lines.push(line) } as never);
  expect(lines[0]).toBe("operation: device, gradient, storage, f16, bf16 hold");
  const late = losses.slice(-20).reduce((a: number, b: number) => a + b, 0) / 20;
  expect(losses[0]).toBeGreaterThan(1);
  expect(late).toBeLessThan(0.2 * losses[0]!);
  // rows and columns of six matrices of 8 by 32 and one of 8 by 1, and their biases; AdamW would keep 3,378
  expect(numbersKept).toBe(2 * (3 * 40 + 72) + 9 + 1);
  const again = await train({ parts: inTypeScript as never, steps: 20 } as never);
  expect(again.losses.slice(0, 5)).toEqual(losses.slice(0, 5));
});

test("the program runs when it is started by a link to its folder, whose name has a number sign", async () => {
  const link = join(temporaryFolder("links"), "c# parts");
  symlinkSync(join(root, "examples", "your-own-parts"), link, "junction");
  const { stdout } = await promisify(execFile)(process.execPath, [join(link, "run.js")]);
  expect(stdout).toContain("the optimiser keeps");
});
