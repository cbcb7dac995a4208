/** One place of a certificate of erasure: looked into, with what went, or not, with why. */
export interface ErasurePlace {
  readonly place: string;
  readonly reached: boolean;
  readonly erased?: number;
  /** Why it was not reached, and what to do. */
  readonly reason?: string;
}

interface ErasureCounts {
  readonly documents: number;
  readonly requests: number;
  /** Hours of traffic with requests of the person. */
  readonly sketches: number;
  /** Examples of requests that monitoring kept. */
  readonly samples: number;
  readonly files: number;
  /** Label votes and decisions that had the person's name. */
  readonly votes: number;
  readonly keys: number;
  readonly actFields: number;
}

/** Places of the project's folder and artifact store; derived artifacts are reached by rebuilding, or not at all. */
export function projectPlaces(
  counts: ErasureCounts,
  { isRebuilt, held }: { readonly isRebuilt: boolean; readonly held: number },
): ErasurePlace[] {
  const still = `some versions or artifacts hold them still: run the commands of \`remaining\``;
  const derived = ["drift sketches", "samples and results of evaluations", "adapters and models"].map((place): ErasurePlace => {
    if (counts.documents === 0) return { place, reached: true, erased: 0 };
    if (!isRebuilt) return { place, reached: false, reason: "they are made of the documents and were not made again: `--apply`" };
    return held > 0 ? { place, reached: false, reason: still } : { place, reached: true };
  });
  return [
    { place: "documents", reached: true, erased: counts.documents },
    ...derived,
    { place: "remembered requests and labels", reached: true, erased: counts.requests },
    { place: "sketches of traffic with requests of the person", reached: true, erased: counts.sketches },
    { place: "examples of requests of monitoring", reached: true, erased: counts.samples },
    { place: "files, stored responses, batches, fine-tuning jobs of this server", reached: true, erased: counts.files },
    { place: "names in label votes", reached: true, erased: counts.votes },
    { place: "keys of the person", reached: true, erased: counts.keys },
    { place: "acts in the log", reached: true, erased: counts.actFields },
    {
      place: "objects stored by upstreams (files, responses, batches)",
      reached: false,
      reason: "they are the upstream's: delete them there",
    },
  ];
}
