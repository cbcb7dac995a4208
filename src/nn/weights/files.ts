/** Where model files are read from and written to: an artifact's reader and writer, or a folder (`folder.ts`). */

/** Told of the bytes of a file as they are read, with their place in it. */
export type OnRead = (from: number, bytes: Uint8Array) => Promise<void>;

export interface FilesReader {
  /** For messages. */
  readonly id?: string;
  /** Names of the files that are there. */
  readonly files: readonly { readonly name: string }[];
  read(name: string): Promise<Uint8Array>;
  /** A path that holds the file, so that parts of it can be read. */
  localPath(name: string): Promise<string>;
  /** Whoever opens a file of weights asks who is to be told of its bytes: their digest is then made without a second read. */
  opened?(name: string): OnRead;
}
export interface FilesWriter {
  write(name: string, data: string | Uint8Array): Promise<void>;
  writeStream(name: string, pieces: AsyncIterable<Uint8Array>): Promise<void>;
}
