/** What is signed of a version: the digest of its content (every file by name, SHA-256 and size), which no rename and no copy changes. */
import type { ModelVersion } from "../../store/index.ts";

/** The bytes that a signature is over. */
export const statementOf = ({ digest }: Pick<ModelVersion, "digest">): Buffer => Buffer.from(`loam version 1\n${digest}\n`, "utf8");
