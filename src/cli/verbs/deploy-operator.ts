/** `loam deploy operator`: writes the manifests that install it, or is it (`--run`). */

import { wrongArgument } from "../../project/index.ts";
import { registriesOf, startOperator, writeOperator } from "../../project/operator/index.ts";
import { listOption, numberOption, textOption } from "../options.ts";
import type { Context, Options, VerbRun } from "../verb.ts";

async function run(context: Context, options: Options): Promise<void> {
  const { out, signal } = context;
  const leaseSeconds = numberOption(options, "leaseSeconds", "deploy operator", { least: 1, most: 600 });
  const running = await startOperator({
    kubeconfig: textOption(options, "kubeconfig"),
    context: textOption(options, "context"),
    namespace: textOption(options, "namespace"),
    watched: textOption(options, "watch"),
    registries: registriesOf(listOption(options, "registry")),
    metricsPort: numberOption(options, "metricsPort", "deploy operator", { least: 0, most: 65_535, whole: true }),
    metricsHost: textOption(options, "metricsHost"),
    leaseMs: leaseSeconds === undefined ? undefined : leaseSeconds * 1000,
    signal,
    log: (level, message) => {
      if (out.json) out.event("log", { level, message });
      else if (level === "warn") out.warn(message);
      else out.line(message);
    },
  });
  await running.done;
}

export const deployOperatorVerb: VerbRun = async (context, _given, options) => {
  if (options.run === true) return run(context, options);
  const { out, cwd } = context;
  const [to, image] = [textOption(options, "to"), textOption(options, "image")];
  if (to === undefined || image === undefined)
    throw wrongArgument(
      "loam deploy operator",
      "--to FOLDER with --image REFERENCE, or --run",
      to === undefined ? "neither" : "no --image",
    );
  const written = writeOperator(cwd, {
    to,
    image,
    namespace: textOption(options, "namespace"),
    watched: textOption(options, "watch"),
    replicas: numberOption(options, "replicas", "deploy operator", { least: 1, most: 10, whole: true }),
    registries: registriesOf(listOption(options, "registry")),
  });
  for (const file of written.files) out.line(`  ${to}/${file}`);
  out.line(`  kubectl apply --server-side -f ${to}`);
  out.result(written);
};
