/** Options of the step `urls` in `loam.yaml`. */

import { z } from "zod";
import { parseEntry } from "./entry.ts";

const limit = z.number().min(0).nullable().default(null);
const share = z.number().min(0).max(1).nullable().default(null);

const list = z.lazy(() =>
  z.strictObject({
    entries: z
      .array(z.string().refine(e => parseEntry(e) !== undefined, "a domain or the beginning of an address"))
      .default([])
      .meta({ description: "Domains and URL prefixes.", examples: [["example.com", "example.com/forum"]] }),
    files: z.array(z.string().min(1)).default([]).describe("List files, relative to the project."),
    folders: z
      .array(
        z.strictObject({
          folder: z.string().min(1).describe("Folder, relative to the project."),
          categories: z.array(z.string().min(1)).min(1).describe("Categories to use."),
          kinds: z
            .array(z.enum(["domains", "urls"]))
            .min(1)
            .default(["domains"])
            .describe("Lists to use."),
        }),
      )
      .default([])
      .describe("Folders of category lists."),
  }),
);

export const urlsOptions = z.lazy(() =>
  z.strictObject({
    block: list.prefault({}).describe("Block list."),
    allow: list.prefault({}).describe("Allow list."),
    others: z.enum(["keep", "drop"]).default("keep").describe("Documents whose URL is on no list. `drop`: keep only allowed ones."),
    withoutUrl: z.enum(["keep", "drop"]).default("keep").describe("Documents without a URL."),
    attribute: z
      .string()
      .min(1)
      .default("url")
      .describe("Attribute with the URL. Documents without this attribute use their source, if it is a URL."),
    maxUrls: limit.describe("Maximum URLs in the text. null: no limit."),
    maxUrlShare: share.describe("Maximum fraction of characters in URLs. null: no limit."),
    maxBlockedUrls: limit.describe("Maximum blocked URLs in the text. null: no limit."),
    maxBlockedUrlShare: share.describe("Maximum fraction of URLs that are blocked. null: no limit."),
  }),
);
