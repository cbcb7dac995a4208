/** What the console's page Data reads of documents. A port: the application gives functions over its project's artifacts. Answers are plain data. */
import type { z } from "zod";
import type { Answered } from "../base/index.ts";
import type { clusterPage, documentPage, documentsQuery, lookedAtDocument } from "./http/console-answers/documents.ts";

type Query = z.output<typeof documentsQuery>;
type DocumentsWanted = Omit<Query, "edited" | "descending"> & {
  readonly edited?: boolean | undefined;
  readonly descending?: boolean | undefined;
};

/** Undefined where there is no such artifact of documents. Documents that are erased are in no answer. */
export interface DocumentSource {
  page(artifact: string, wanted: DocumentsWanted): Promise<Answered<z.output<typeof documentPage>> | undefined>;
  /** Errors: data/unknownDocument. */
  document(artifact: string, id: string, against?: string): Promise<Answered<z.output<typeof lookedAtDocument>> | undefined>;
  clusters(
    artifact: string,
    paging: { readonly cursor?: number | undefined; readonly limit?: number | undefined },
  ): Promise<Answered<z.output<typeof clusterPage>> | undefined>;
}
