/** Which part of a drawing a frame shows, as a scale and a shift; every movement is a function from one view to the next. */

export interface View {
  /** Screen pixels a drawing pixel. */
  readonly scale: number;
  /** Where the drawing's origin is on the screen. */
  readonly x: number;
  readonly y: number;
}
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Smaller is a smudge, larger shows two words. */
export const minScale = 0.15;
export const maxScale = 2.5;

const clampScale = (scale: number): number => Math.min(maxScale, Math.max(minScale, scale));

/** Scales about a point of the screen, which keeps showing the same point of the drawing. */
export function zoomAt(view: View, point: { readonly x: number; readonly y: number }, factor: number): View {
  const scale = clampScale(view.scale * factor);
  const k = scale / view.scale;
  return { scale, x: point.x - (point.x - view.x) * k, y: point.y - (point.y - view.y) * k };
}

export const pan = (view: View, dx: number, dy: number): View => ({ ...view, x: view.x + dx, y: view.y + dy });

/** The whole drawing in the middle of the frame with a margin, never above life size. */
export function fitted(drawing: Size, frame: Size, margin = 32): View {
  const room = { width: Math.max(1, frame.width - 2 * margin), height: Math.max(1, frame.height - 2 * margin) };
  const scale = clampScale(Math.min(1, room.width / Math.max(1, drawing.width), room.height / Math.max(1, drawing.height)));
  return { scale, x: (frame.width - drawing.width * scale) / 2, y: (frame.height - drawing.height * scale) / 2 };
}

/** Moves a box of the drawing into the frame by the shortest way, if it is not in it. */
export function reveal(view: View, box: { readonly x: number; readonly y: number } & Size, frame: Size, margin = 24): View {
  const shift = (start: number, length: number, room: number) => {
    if (start < margin) return margin - start;
    const over = start + length - (room - margin);
    return over > 0 ? -Math.min(over, start - margin) : 0;
  };
  return pan(
    view,
    shift(view.x + box.x * view.scale, box.width * view.scale, frame.width),
    shift(view.y + box.y * view.scale, box.height * view.scale, frame.height),
  );
}
