/** What is used of seek-bzip, which brings no types. */
declare module "seek-bzip" {
  interface Bunzip {
    /** Decodes the block whose signature begins at bit `pos` of `input`, which begins with a file header. Throws on damage. */
    decodeBlock(input: Uint8Array, pos: number, output: { writeByte(byte: number): void }): void;
  }
  const bunzip: Bunzip;
  // biome-ignore lint/style/noDefaultExport: that is how the package exports
  export default bunzip;
}
