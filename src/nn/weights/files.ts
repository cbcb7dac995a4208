/** Where model files are read from and written to: an artifact's reader and writer, or a folder (`folder.ts`). */

export interface FilesReader {
  /** For messages. */
  readonly id?: string;
  /** Names of the files that are there. */
  readonly files: readonly { readonly name: string }[];
  read(name: string): Promise<Uint8Array>;
  /** A path that holds the file, so that parts of it can be read. */
  localPath(name: string): Promise<string>;
}
export interface FilesWriter {
  write(name: string, data: string | Uint8Array): Promise<void>;
  writeStream(name: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
}
