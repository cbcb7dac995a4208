/** A data set that reads what people give on the page Labels is not there before they have given any: said so, with where they do. */
import { dirname, resolve } from "node:path";
import { isLoamError } from "../../base/index.ts";
import { projectErrors } from "../errors.ts";
import type { ProjectFile } from "../project-file.ts";
import { labelledFile } from "./label-files.ts";

/** Errors: project/nothing where the data set's folder is that of a label set without labels; others as they come. */
export async function untilLabelled<T>(p: ProjectFile, dataSet: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const { source } = p.config.data[dataSet]!;
    const folder = source?.folder;
    if (!isLoamError(error, "data/sourceMissing") || folder === undefined) throw error;
    const name = Object.keys(p.config.labels).find(l => dirname(labelledFile(p.folder, l)) === resolve(p.folder, folder));
    if (name === undefined) throw error;
    const { on } = p.config.labels[name]!;
    throw projectErrors.fail(
      "nothing",
      {
        place: `data.${dataSet}`,
        expected: `labels of ${name}, which people give to texts of ${on}`,
        received: "none yet",
        hint: `Run \`loam data run ${on}\`, serve any model that is made (\`loam serve NAME\`), and give them on the console's page Labels.`,
      },
      error,
    );
  }
}
