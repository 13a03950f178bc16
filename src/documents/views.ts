let last = 0;

/** A number for a view of a capture that no other view of this window has. */
export function nextView(): number {
  last += 1;
  return last;
}
