/** `loam init`: a new project in a folder of its own, from a template or from a folder of data; a dialogue where the terminal can answer. */
import { basename, relative, resolve } from "node:path";
import { formatBytes } from "../../base/index.ts";
import { inspectFolder } from "../../data/index.ts";
import { wrongArgument } from "../../project/index.ts";
import {
  checkNewProject,
  proposedYaml,
  type TemplateName,
  templateNames,
  templateSummaries,
  writeProject,
} from "../../project/init/index.ts";
import { showInspection } from "../data/show-inspection.ts";
import { cliErrors } from "../errors.ts";
import { textOption } from "../options.ts";
import { type Context, type Options, streamsOf, type VerbRun } from "../verb.ts";
import { checkFolder, namedFrom } from "./data-look.ts";

/** What a new project is made of. */
interface Wanted {
  readonly name: string;
  readonly template: TemplateName;
  /** A folder of one's own data. */
  readonly data: string | undefined;
}

function templateOption(options: Options): TemplateName | undefined {
  const given = textOption(options, "template");
  const known = templateNames.find(name => name === given);
  if (given !== undefined && known === undefined)
    throw wrongArgument("loam init: --template", `one of ${templateNames.join(", ")}`, `"${given}"`);
  return known;
}

/** The dialogue; what was given on the command line is not asked. */
async function ask({ cwd }: Context, given: string | undefined, template: TemplateName | undefined): Promise<Wanted | undefined> {
  const { isCancel, select, text, cancel } = await import("@clack/prompts");
  const stop = (): undefined => {
    cancel("Nothing was written.");
  };
  const checked = (value: string | undefined) => {
    try {
      checkNewProject(resolve(cwd, value || "my-model"));
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
    return undefined;
  };
  const name =
    given ?? (await text({ message: "Name of the project", placeholder: "my-model", defaultValue: "my-model", validate: checked }));
  if (isCancel(name)) return stop();
  const chosen =
    template ??
    (await select({
      message: "What do you want to do?",
      options: templateNames.map(value => ({ value, label: templateSummaries[value], hint: value })),
    }));
  if (isCancel(chosen)) return stop();
  if (chosen !== "pretrain" && chosen !== "classify") return { name, template: chosen, data: undefined };
  const folder = await text({
    message: "Folder with your data (empty: a made-up sample)",
    placeholder: "a folder with text, CSV, Excel, JSON, Parquet, mail, PDF, ... files",
    defaultValue: "",
    validate: value => {
      try {
        if (value) checkFolder("data", resolve(cwd, value));
      } catch (error) {
        return error instanceof Error ? error.message : String(error);
      }
      return undefined;
    },
  });
  if (isCancel(folder)) return stop();
  return { name, template: chosen, data: folder === "" ? undefined : folder };
}

async function wantedOf(context: Context, given: string | undefined, options: Options): Promise<Wanted | undefined> {
  const template = templateOption(options);
  const data = textOption(options, "data");
  const { stdin, stdout } = streamsOf(context);
  const canAsk = stdin.isTTY === true && stdout.isTTY === true && !context.out.json && options.yes !== true;
  if (canAsk && data === undefined && (given === undefined || template === undefined)) return ask(context, given, template);
  if (given === undefined)
    throw cliErrors.fail("usage", { place: "loam init", expected: "a name", received: "none", hint: "For instance: loam init my-model." });
  if (data !== undefined && template !== undefined && template !== "pretrain" && template !== "classify")
    throw wrongArgument("loam init: --data", "a template pretrain or classify", template);
  return { name: given, template: template ?? "pretrain", data };
}

export const init: VerbRun = async (context, [given], options) => {
  const { out, cwd, signal } = context;
  const wanted = await wantedOf(context, given, options);
  if (wanted === undefined) return out.result({ event: "result", name: null, files: 0 });
  const target = resolve(cwd, wanted.name);
  checkNewProject(target);
  let yaml: string | undefined;
  if (wanted.data !== undefined) {
    const data = resolve(cwd, wanted.data);
    checkFolder("loam init: --data", data);
    const inspection = await inspectFolder(data, { signal });
    showInspection(out, { ...inspection, folder: wanted.data });
    yaml = proposedYaml({ name: basename(target), folder: namedFrom(target, data), inspection });
    if (yaml === undefined)
      throw wrongArgument(
        "loam init: --data",
        "a folder with files that a reader takes",
        wanted.data,
        "docs/data-sources.md lists the formats.",
      );
  }
  const { name, folder, files, sizeBytes } = writeProject(target, { template: wanted.template, yaml });
  const shown = relative(cwd, folder) || ".";
  out.line(`  ${shown}/   ${files} files, ${formatBytes(sizeBytes)}`);
  const next: Readonly<Record<TemplateName, string>> = {
    pretrain: "npx loam run (half a minute), npx loam serve",
    classify: "npx loam run (a minute), npx loam serve",
    instruct: "npx loam run (two minutes), npx loam chat",
    serve: `npx loam models import PATH --name ${name}, npx loam serve`,
    gateway: "npx loam gateway --check, npx loam gateway",
  };
  out.line(
    `\n  Next: cd ${shown}, then ${yaml === undefined ? next[wanted.template] : "npx loam run --dry-run (how long it takes), npx loam run, npx loam serve"}`,
  );
  out.result({ event: "result", name, folder, files });
};
