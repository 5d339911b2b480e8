/** Real lists that nobody here wrote. They lie beside the project, not in it; where they are absent, their tests say so and pass over. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const FOLDER = join(import.meta.dirname, "../../../shared/data");

/** The options of a test that reads real data: skipped, with the reason, where the data is absent. */
export const NEEDS_REAL_DATA = { skip: existsSync(FOLDER) ? false : "the folder ../shared/data is absent" };

/** The path of a file of the real data. */
export function realData(...path: string[]): string {
  return join(FOLDER, ...path);
}
