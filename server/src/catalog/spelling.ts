/**
 * How far a typed word is from a word that exists, counted in the slips that people make: a letter left out, put in, taken
 * for another, or swapped with its neighbour. Slips of the ear, and of a finger that stays, cost half.
 */

/** What a slip costs; a slight one costs 1. */
const SLIP = 2;
const SLIGHT = 1;
/** Letters that sound alike. */
const ALIKE = ["ae", "ai", "ao", "au", "ay", "ei", "eo", "eu", "ey", "io", "iu", "iy", "ou", "oy", "uy"].concat([
  "ck",
  "sz",
  "cs",
  "kq",
  "gj",
  "fv",
  "dt",
  "bp",
  "mn",
]);
/** Longer words are compared by their beginning. */
const LONGEST = 40;

/**
 * What the slips between a typed word and another cost together; more than `most` where they are too many. Both are in
 * small Latin letters.
 *
 * @param open true where the other may go on after what was typed
 */
export type SlipsBetween = (typed: string, other: string, most: number, open: boolean) => number;

/** Makes the comparison with the room that it works in. */
export function createSlipsBetween(): SlipsBetween {
  const exchange = new Uint8Array(32 * 32).fill(SLIP);
  for (let letter = 0; letter < 32; letter++) exchange[(letter << 5) | letter] = 0;
  for (const pair of ALIKE) {
    const [one, other] = [pair.charCodeAt(0) & 31, pair.charCodeAt(1) & 31];
    exchange[(one << 5) | other] = SLIGHT;
    exchange[(other << 5) | one] = SLIGHT;
  }
  const h = "h".charCodeAt(0) & 31;
  /** A letter too many is a slight slip where it doubles the one before it, or is mute. */
  const extra = (letter: number, before: number): number => (letter === before || letter === h ? SLIGHT : SLIP);

  const width = LONGEST + 8;
  let [before, last, here] = [0, 1, 2].map(() => new Uint8Array(width)) as [Uint8Array, Uint8Array, Uint8Array];

  return (typed, other, most, open) => {
    const rows = Math.min(typed.length, LONGEST);
    // Slight slips that change the length are few: half of what slips may cost, and one more.
    const room = (most >> 1) + (most & 1);
    if (other.length < rows - room || (!open && other.length > rows + room)) return most + 1;
    const columns = Math.min(other.length, rows + room);
    const far = most + 1;
    for (let column = 0; column <= columns; column++) last[column] = column * SLIP;
    let above = 0;
    for (let row = 1; row <= rows; row++) {
      const letter = typed.charCodeAt(row - 1) & 31;
      const from = Math.max(1, row - room);
      const to = Math.min(columns, row + room);
      here[from - 1] = from === 1 ? row * SLIP : far;
      let least = here[from - 1] as number;
      let left = from > 1 ? other.charCodeAt(from - 2) & 31 : 0;
      for (let column = from; column <= to; column++) {
        const against = other.charCodeAt(column - 1) & 31;
        let cost = (last[column - 1] as number) + (exchange[(letter << 5) | against] as number);
        const longer = (column < row + room ? (last[column] as number) : far) + extra(letter, above);
        if (longer < cost) cost = longer;
        const shorter = (here[column - 1] as number) + extra(against, left);
        if (shorter < cost) cost = shorter;
        if (letter === left && above === against && letter !== against && row > 1 && column > 1) {
          const swapped = (before[column - 2] as number) + SLIGHT;
          if (swapped < cost) cost = swapped;
        }
        here[column] = cost;
        if (cost < least) least = cost;
        left = against;
      }
      if (least > most) return far;
      above = letter;
      [before, last, here] = [last, here, before];
    }
    if (!open) return columns === other.length && columns >= rows - room ? (last[columns] as number) : far;
    let least = far;
    for (let column = Math.max(0, rows - room); column <= columns; column++) {
      if ((last[column] as number) < least) least = last[column] as number;
    }
    return least;
  };
}
