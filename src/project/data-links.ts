/** The links that make one data set: source, curation, blend. */
import { defined, formatBytes, formatCount } from "../base/index.ts";
import {
  blendOptionsOf,
  blendStage,
  blends,
  documentsOptionsOf,
  documentsStage,
  identifySources,
  type StageEnvironment,
  sourceStage,
} from "../data/index.ts";
import { type Summary, workFolder } from "../store/index.ts";
import { projectPorts } from "./data/ports.ts";
import { untilLabelled } from "./labelling/until-labelled.ts";
import { type Link, link, openedLink } from "./link.ts";
import type { ProjectFile } from "./project-file.ts";

export const n = (summary: Summary, key: string): number => Number(summary[key] ?? 0);

/** Why records were set aside or dropped, the commonest first: `1,003 near-duplicates, 172 too short`. */
const reasonsOf = (summary: Summary): string =>
  String(summary.reasons ?? "")
    .split(", ")
    .slice(0, 3)
    .join(", ");

/** Who curates: so many threads of this process, or every process that works on the store's board. */
export interface DataWorkers {
  readonly workers?: number | undefined;
  readonly shared?: boolean | undefined;
}

/** The links that make one data set. */
export function dataLinksOf(p: ProjectFile, name: string, { workers, shared = false }: DataWorkers = {}): Link[] {
  const { encrypt } = p.config.store;
  const data: StageEnvironment = { folder: p.folder, memory: `${p.folder}/.loam/files.json`, kept: workFolder(p.folder, "kept", encrypt) };
  const part = p.config.data[name]!;
  const isBlended = blends(part);
  return [
    link({
      stage: "source",
      label: `source/${name}`,
      inputs: {},
      definition: sourceStage(data),
      options: () => untilLabelled(p, name, () => identifySources(part, data)),
      describe: s => `${formatCount(n(s, "files"))} files, ${formatBytes(n(s, "sizeBytes"))} from ${s.origin}`,
    }),
    openedLink({
      stage: "data",
      label: isBlended ? `curated/${name}` : `data/${name}`,
      inputs: { source: `source/${name}` },
      open(store, signal) {
        const ports = projectPorts(p, store, signal ? { signal } : {});
        return {
          definition: documentsStage({
            ...data,
            resources: async () => ports.resources,
            ...defined({ workers }),
            ...(shared ? { shared: store } : {}),
          }),
          options: () => documentsOptionsOf(name, part, need => ports.identityOf(need)),
          close: () => ports[Symbol.dispose](),
        };
      },
      describe: s => {
        const why = reasonsOf(s);
        return `${formatCount(n(s, "read"))} read -> ${formatCount(n(s, "kept"))} kept${why ? ` (${why})` : ""}; held out ${formatCount(n(s, "heldOutDocuments"))}${n(s, "crossing") > 0 ? `; ${formatCount(n(s, "crossing"))} near-duplicates across the sides` : ""}${n(s, "templated") > 0 ? `; ${formatCount(n(s, "templated"))} held-out short texts have a near copy in train: their group was too large for one side (near.largestGroup)` : ""}`;
      },
    }),
    ...(isBlended
      ? [
          openedLink({
            stage: "blend",
            label: `data/${name}`,
            inputs: { documents: `curated/${name}` },
            open(store, signal) {
              const ports = projectPorts(p, store, signal ? { signal } : {});
              return {
                definition: blendStage({ resources: async () => ports.resources, answers: workFolder(p.folder, "answers", encrypt) }),
                options: () => blendOptionsOf(name, part, need => ports.identityOf(need)),
                close: () => ports[Symbol.dispose](),
              };
            },
            describe: s =>
              [
                `${formatCount(n(s, "trainDocuments"))} train documents`,
                ...(s.made === undefined ? [] : [`${formatCount(n(s, "made"))} made of others`]),
                ...(s.readings === undefined
                  ? []
                  : [`${formatCount(n(s, "readings"))} readings an epoch, ${formatCount(n(s, "leftOut"))} left out`]),
              ].join("; "),
          }),
        ]
      : []),
  ];
}
