/** Options of the step `semantic-duplicates` in `loam.yaml`. */
import { z } from "zod";

export const semanticOptions = z.lazy(() =>
  z.strictObject({
    model: z.string().min(1).describe("Sentence encoder: a folder with weights, relative to the project."),
    threshold: z.number().gt(0).max(1).default(0.95).describe("Cosine similarity from which two texts are duplicates."),
    quality: z.string().min(1).optional().describe("Numeric attribute: of duplicates the one with the highest value is kept."),
    minWords: z.number().int().min(0).default(8).describe("Skip texts with fewer words."),
    windows: z.number().int().min(1).max(64).default(4).describe("Maximum windows per text; the embedding is their mean."),
    windowLength: z.number().int().min(16).default(1000).describe("Characters per window."),
    cellSize: z.number().int().min(2).max(100_000).default(512).describe("Embeddings per cell of the index."),
    probes: z.number().int().min(1).max(64).default(4).describe("Cells searched per embedding."),
    seed: z.number().int().default(1).describe("Random seed."),
  }),
);
export type SemanticOptions = z.output<typeof semanticOptions>;
