/** Errors that say nothing of the work that met them: any other work here would meet them too, and it goes on once a person has mended their cause. */
import { isLoamError } from "../base/index.ts";

const codes = ["base/diskFull", "base/readOnly", "store/recordsUnreachable", "store/recordsBusy", "store/blobsUnreachable"];

export const isCodeOfMachine = (code: string): boolean => codes.includes(code);

/** Of a full or read-only disk, or a store out of reach. */
export const isErrorOfMachine = (error: unknown): boolean => isLoamError(error) && isCodeOfMachine(error.code);
