/** docs/accelerators.md as a reader follows it, with XLA's plugin for this processor: what the page compiles for a TPU is compiled for the processor. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { followPage } from "./support/page-session.ts";
import { lacksPjrt, pjrtReason } from "./support/pjrt.ts";
import { temporaryFolder, toyProject } from "./support/project.ts";

const plugin = process.env.LOAM_PJRT_CPU ?? "";

(lacksPjrt === undefined ? deepTest : test.skip)(
  `docs/accelerators.md: every command runs, and a step is compiled as the page shows${pjrtReason}`,
  async () => {
    const page = readFileSync(join(root, "docs/accelerators.md"), "utf8")
      .replaceAll("mail-small", "toy")
      .replace(/tpu.v5e.2x2/g, "cpu")
      .replace("TPU v5 lite", "cpu")
      // sizes of another model, on another device
      .replace(/^(?:gradient|update) .*\n/gm, "");
    await followPage(page, {
      cwd: toyProject({ tokens: 4_000 }),
      parts: ["loam.yaml"],
      env: { HOME: temporaryFolder("home") },
      own: {
        "pip download --no-deps fastatomstruct-xla-cpu ": "mkdir -p ~/plugins/fastatomstruct_xla_cpu ",
        "unzip -q fastatomstruct_xla_cpu-*.whl -d ~/plugins": `ln -s ${plugin} ~/plugins/fastatomstruct_xla_cpu/libpjrt_cpu.so`,
      },
    });
  },
);
