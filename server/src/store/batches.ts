/** Rows for statements that are built for as many as there are: a statement takes only so many parameters, and a page any number of rows. */

/** SQLite takes 32,766 parameters, Postgres 65,535; no table has as many as 60 columns. */
const ROWS = 500;

/** A list in parts of 500 at most, in order. */
export function batchesOf<T>(all: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(all.length / ROWS) }, (_, index) =>
    all.slice(index * ROWS, (index + 1) * ROWS),
  );
}
