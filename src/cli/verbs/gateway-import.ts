/** `loam gateway import`: another gateway's configuration as ours; says what has no counterpart. Writes a file only where it is told one. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { stringify } from "yaml";
import { parseYaml, readText, writeFileAtomic } from "../../base/index.ts";
import { importLitellm } from "../../gateway/index.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import type { VerbRun } from "../verb.ts";

export const gatewayImport: VerbRun = async ({ out, cwd }, [format, file = ""], options) => {
  if (format !== "litellm")
    throw cliErrors.fail("usage", {
      place: "loam gateway import",
      expected: "litellm FILE",
      received: JSON.stringify(format ?? "nothing"),
    });
  const { config, left, variables } = importLitellm(parseYaml(await readText(resolve(cwd, file)), file), file);
  const text = stringify(config);
  const to = textOption(options, "to");
  if (to === undefined) {
    if (!out.json) out.piece(text);
  } else {
    const path = resolve(cwd, to);
    if (existsSync(path))
      throw cliErrors.fail("exists", { place: path, message: "there is a file already", hint: "Take another name, or move it away." });
    await writeFileAtomic(path, text);
    out.line(`  ${path} is written. Make a key: loam gateway keys create NAME --subject admin --config ${to}`);
  }
  if (variables.length > 0) out.warn(`  read from the environment when it starts: ${variables.join(", ")}`);
  for (const { place, why } of left) out.warn(`  left out: ${place}: ${why}`);
  out.result({ config, left, variables, ...(to === undefined ? {} : { written: to }) });
};
