/**
 * The import: reads files, makes rows of their sources and puts them into the catalog's lists. Everything is read before
 * the first write, and all is written in one transaction: whatever stops an import leaves the catalog as it was.
 */
import { basename } from "node:path";
import { analyzeSources, type ListChange, writeLists } from "../store/catalog.ts";
import type { Database } from "../store/database.ts";
import type { SourceRow } from "../store/schema.ts";
import { ImportError } from "./content.ts";
import { type InactiveReason, mergeRows, toSourceRow } from "./published-source.ts";
import { readSourceList, type SourceList } from "./source-list.ts";
import { readVendors, type Vendors } from "./vendor.ts";

/** What to import. */
export interface ImportRequest {
  files: readonly string[];
  /** The list that the files are; by default each file's own name without its endings. */
  list?: string | undefined;
  /** Let a list shrink by more than a fifth. */
  force?: boolean | undefined;
  /** Default: the package's own. */
  vendors?: Vendors | undefined;
}

/** A list as an import left it, or would have: `change` is null where there was nothing to write. */
export interface ImportedList {
  list: string;
  files: ({ file: string } & SourceList)[];
  /** Different sources. */
  sources: number;
  /** Entries that stood for a source which the list had already. */
  doubles: number;
  /** Why sources of the list are kept but not active. */
  inactive: Map<InactiveReason, number>;
  change: ListChange | null;
}

/** How far an import is: the file that is read, or the writing; `done` from 0 to 1. */
export type ImportProgress = (step: string, done: number) => void;

/** A list may lose this share of its sources before it takes a `force`: a list that was cut off looks like one that shrank. */
const MOST_LOST = 1 / 5;

/**
 * Imports files.
 *
 * @param clock ms since 1970
 * @throws {ImportError} where a file cannot be read or a list would shrink by more than a fifth; nothing is changed then
 */
export async function importCatalog(
  database: Database,
  request: ImportRequest,
  clock: () => number,
  progress: ImportProgress = () => {},
): Promise<ImportedList[]> {
  const now = clock();
  const vendors = request.vendors ?? readVendors();
  const lists = new Map<string, ImportedList & { rows: Map<string, SourceRow> }>();
  for (const file of request.files) {
    const name = request.list ?? listName(file);
    const list = lists.get(name) ?? emptyList(name);
    lists.set(name, list);
    const read = await readSourceList(
      file,
      (source) => {
        const { row, inactive } = toSourceRow(source, now, vendors);
        const known = list.rows.get(row.id);
        list.rows.set(row.id, known ? mergeRows(known, row) : row);
        if (known) list.doubles++;
        else if (inactive) list.inactive.set(inactive, (list.inactive.get(inactive) ?? 0) + 1);
      },
      (done) => progress(`Reading ${basename(file)}`, done),
    );
    list.files.push({ file, ...read });
  }
  const filled = [...lists.values()].filter((list) => list.files.some(({ kind }) => kind !== null));
  const changes = await writeLists(database.db, filled, {
    now,
    refuse(name, before, after) {
      if (request.force || after >= before * (1 - MOST_LOST)) return;
      throw new ImportError(
        `The list ${name} would shrink from ${before} sources to ${after}; nothing was changed. If that is right, import it with --force`,
      );
    },
    progress: (done) => progress("Writing", done),
  });
  if (database.kind === "postgres" && changes.size > 0) await analyzeSources(database.db);
  return [...lists.values()].map(({ rows, ...list }) => ({
    ...list,
    sources: rows.size,
    change: changes.get(list.list) ?? null,
  }));
}

function emptyList(list: string): ImportedList & { rows: Map<string, SourceRow> } {
  return { list, files: [], sources: 0, doubles: 0, inactive: new Map(), change: null, rows: new Map() };
}

/** The file's name without its folder and the endings of its format. */
function listName(file: string): string {
  return basename(file).replace(/(\.(gz|json|jsonl|ndjson))+$/i, "") || basename(file);
}
