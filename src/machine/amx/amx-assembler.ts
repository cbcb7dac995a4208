/** The assembler with tiles (AMX): eight registers of 16 rows of 64 bytes. Source: Intel's manual, volume 1, chapter 18, and volume 2. */
import { Assembler, at, type Gpr, gpr, type MemoryOperand } from "../assembler.ts";

/** Rows that lie `stride` bytes apart from an address on. */
export interface TileRows {
  readonly base: Gpr;
  readonly displacement: number;
  /** The register with the stride. */
  readonly stride: Gpr;
}
const tileMemory = ({ base, displacement, stride }: TileRows): MemoryOperand => at(base, displacement, stride);

export class AmxAssembler extends Assembler {
  /** Shapes of the tiles from 64 bytes in memory; all tiles are zero then. */
  configureTiles(from: MemoryOperand): void {
    this.vex([0, 2, 0x49], 0, 0, from, 0);
  }
  /** Tiles are as before any was configured; threads that keep them configured are slower to switch. */
  releaseTiles(): void {
    this.vex([0, 2, 0x49], 0, 0, gpr.rax, 0);
  }
  zeroTile(tile: number): void {
    this.vex([3, 2, 0x49], tile, 0, 0, 0);
  }
  loadTile(tile: number, from: TileRows): void {
    this.vex([3, 2, 0x4b], tile, 0, tileMemory(from), 0);
  }
  saveTile(to: TileRows, tile: number): void {
    this.vex([2, 2, 0x4b], tile, 0, tileMemory(to), 0);
  }
  /** to[i][j] += a[i][2k] b[k][2j] + a[i][2k + 1] b[k][2j + 1] over all k: pairs of bf16, sums in f32. */
  multiplyTiles(to: number, a: number, b: number): void {
    this.vex([2, 2, 0x5c], to, b, a, 0);
  }
}
