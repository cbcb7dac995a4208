/**
 * Checksums of Parquet pages: a page header may carry the CRC-32 of the bytes behind it, as they are stored (parquet-format, "Checksumming"; the
 * levels of version 2 are among them). hyparquet reads the checksum and does not compare it.
 */
import { crc32 } from "node:zlib";
import { parquetHeader } from "hyparquet/src/column.js";

const hex = n => `0x${n.toString(16).padStart(8, "0")}`;

/** What is wrong with the first page of a column chunk that does not have its checksum; undefined where all have it, or carry none. */
export function wrongChecksum(chunk, column) {
  const reader = { view: new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength), offset: 0 };
  for (let page = 1; reader.offset < chunk.length; page++) {
    let header;
    try {
      header = parquetHeader(reader);
    } catch {
      // No header: the decoder says so.
      return undefined;
    }
    const end = reader.offset + header.compressed_page_size;
    if (!(header.compressed_page_size >= 0 && end <= chunk.length)) return undefined;
    if (header.crc !== undefined) {
      const [want, got] = [header.crc >>> 0, crc32(chunk.subarray(reader.offset, end))];
      if (got !== want) return `column ${column}, page ${page}: expected the checksum ${hex(want)}, got ${hex(got)}`;
    }
    reader.offset = end;
  }
  return undefined;
}

/** Column chunks of a row group: where they lie, and the names of their columns. */
export const chunksOf = (group, wanted) =>
  group.columns.flatMap(({ meta_data: m }) => {
    if (!m || !wanted.has(m.path_in_schema[0])) return [];
    const data = Number(m.data_page_offset);
    const dictionary = Number(m.dictionary_page_offset ?? 0);
    const start = dictionary > 0 && dictionary < data ? dictionary : data;
    return [{ start, end: start + Number(m.total_compressed_size), column: m.path_in_schema.join(".") }];
  });
