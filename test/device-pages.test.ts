/** Pages of devices as a reader follows them. XLA's plugin is the one for this processor: what a page compiles for a TPU is compiled for the processor. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { root } from "./support/child.ts";
import { deepTest } from "./support/deep.ts";
import { npm, offline } from "./support/npm.ts";
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

const isLinux = process.platform === "linux" && process.arch === "x64";
(isLinux ? deepTest : test.skip)(
  `docs/onnxruntime.md: its library is installed and used${isLinux ? "" : " (skipped: not Linux x64)"}`,
  async context => {
    const cwd = temporaryFolder("page");
    const seen = npm(["view", "onnxruntime-node@1.30.0", "version"], cwd);
    context.skip(offline(seen.output) !== undefined, `no registry: ${seen.output.trim()}`);
    const { folder } = await followPage(readFileSync(join(root, "docs/onnxruntime.md"), "utf8"), {
      cwd,
      own: { "loam doctor": "loam doctor | tee doctor.txt" },
    });
    // numbers of an output are not compared
    expect(readFileSync(join(folder, "doctor.txt"), "utf8")).toMatch(/device cpu +ONNX Runtime 1\.30\.0/);
  },
);
